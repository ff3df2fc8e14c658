// Tokens back to text: tokenizers' WordPiece decoder and transformers' clean-up after it.

// What is glued together again, in the order in which it is tried. The decoder's list has one pair more than transformers'.
const PUNCTUATION: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
];
const ENDINGS: readonly (readonly [string, string])[] = [
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];
const DECODER = [...PUNCTUATION, [' do not', " don't"] as const, ...ENDINGS];
const CLEAN_UP = [...PUNCTUATION, ...ENDINGS];

function replace(text: string, pairs: readonly (readonly [string, string])[]): string {
  if (!text.includes(' ')) return text;
  return pairs.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/**
 * Joins tokens: a continuation loses its prefix, any other but the first gets a space before it, and each is cleaned up
 * by itself. Without a decoder, tokens are joined with spaces. `clean` runs transformers' clean-up over the whole.
 */
export function join_tokens(
  tokens: readonly string[],
  decoder: { readonly prefix: string; readonly cleanup: boolean } | null,
  clean: boolean,
): string {
  const text =
    decoder === null
      ? tokens.join(' ')
      : tokens
          .map((token, i) => {
            const { prefix, cleanup } = decoder;
            const spaced =
              i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
            return cleanup ? replace(spaced, DECODER) : spaced;
          })
          .join('');
  return clean ? replace(text, CLEAN_UP) : text;
}
