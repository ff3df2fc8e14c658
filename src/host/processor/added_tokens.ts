// Special and added tokens of a tokenizer's files, collected and numbered as transformers and tokenizers do it.

import { array, boolean, id, object, unsupported, type Json } from './json_fields.ts';
import type { AddedToken } from './wordpiece.ts';

/** transformers' SPECIAL_TOKENS_ATTRIBUTES, in its order. */
export const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

export type SpecialTokens = Readonly<Record<(typeof SPECIAL_TOKENS)[number], string | null>>;

const BERT_TOKENS: Json = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};
const CONFIG = 'tokenizer_config.json';
const TOKENIZER = 'tokenizer.json';
const MAP = 'special_tokens_map.json';
const ADDED = 'added_tokens.json';
/** Characters of an added token: looking for one costs a text's length times its own. */
const MAX_CONTENT = 1000;

type Unnumbered = Omit<AddedToken, 'id'>;

/** The files that name tokens; null where there is none. */
export interface TokenFiles {
  readonly config: Json;
  readonly tokenizer: Json | null;
  readonly special_tokens_map: Json | null;
  readonly added_tokens: Json | null;
}

export interface Tokens {
  readonly special_tokens: SpecialTokens;
  readonly extra_special_tokens: readonly string[];
  readonly added_tokens: readonly AddedToken[];
}

/** All tokens of the files. `bert`: the class has BERT's special tokens where the files do not name them. */
export function read_tokens(files: TokenFiles, vocab: ReadonlyMap<string, number>, bert: boolean): Tokens {
  const listed = listed_tokens(files);
  const known = new Map(listed.map((token) => [token.content, token]));
  const config: Json = { ...(bert ? BERT_TOKENS : {}), ...files.config, ...files.special_tokens_map };
  const file_of = (key: string): string =>
    Object.hasOwn(files.special_tokens_map ?? {}, key) ? MAP : CONFIG;
  const named = SPECIAL_TOKENS.map((name) =>
    config[name] === undefined || config[name] === null
      ? null
      : token_of(file_of(name), name, config[name], true),
  );
  const extra = extra_tokens(config, file_of);
  const names = new Set([...named, ...extra].map((token) => token?.content));
  return {
    special_tokens: Object.fromEntries(
      SPECIAL_TOKENS.map((name, i) => [name, named[i]?.content ?? null]),
    ) as SpecialTokens,
    extra_special_tokens: extra.map(({ content }) => content),
    added_tokens: number_tokens(vocab, [
      // A listed token keeps its flags; one that the configuration names is special besides.
      ...listed.map((token) => ({ ...token, special: token.special || names.has(token.content) })),
      ...[...named, ...extra].filter((token) => token !== null && !known.has(token.content)),
    ] as Unnumbered[]),
  };
}

/** A token as a text, or as a record of its flags. */
function token_of(file: string, key: string, value: unknown, special: boolean): Unnumbered {
  const record = (typeof value === 'object' ? value : { content: value }) as Json | null;
  const content = record?.['content'];
  if (record === null || typeof content !== 'string')
    throw unsupported(file, key, value, 'a token is a text, or an object with its content');
  if (content.length > MAX_CONTENT)
    throw unsupported(file, key, content, `it has ${content.length} characters, ${MAX_CONTENT} are the most`);
  const is_special = boolean(file, record, 'special') ?? special;
  return {
    content,
    special: is_special,
    normalized: boolean(file, record, 'normalized') ?? !is_special,
    lstrip: boolean(file, record, 'lstrip') ?? false,
    rstrip: boolean(file, record, 'rstrip') ?? false,
    single_word: boolean(file, record, 'single_word') ?? false,
  };
}

function extra_tokens(config: Json, file_of: (key: string) => string): Unnumbered[] {
  const key =
    (config['extra_special_tokens'] ?? null) === null ? 'additional_special_tokens' : 'extra_special_tokens';
  const value = config[key] ?? [];
  if (typeof value !== 'object') throw unsupported(file_of(key), key, value, 'a list or an object is needed');
  return Object.values(value).map((token) => token_of(file_of(key), key, token, true));
}

/** The tokens that the files list, in the order of their ids. */
function listed_tokens({ config, tokenizer, added_tokens }: TokenFiles): Unnumbered[] {
  const listed: { id: number; token: Unnumbered }[] = [];
  const decoder = object(CONFIG, config, 'added_tokens_decoder');
  // The token first: it says what a value is that has no id.
  const add = (file: string, key: string, value: unknown, id_key: string, number: unknown): void => {
    const token = token_of(file, key, value, false);
    listed.push({ token, id: id(file, id_key, number) });
  };
  for (const [number, value] of Object.entries(decoder ?? {})) {
    const key = `added_tokens_decoder[${number}]`;
    add(CONFIG, key, value, key, /^\d+$/.test(number) ? Number(number) : number);
  }
  if (decoder === undefined) {
    for (const [content, number] of Object.entries(added_tokens ?? {}))
      add(ADDED, content, content, content, number);
    for (const [i, value] of (array(TOKENIZER, tokenizer ?? {}, 'added_tokens') ?? []).entries())
      add(TOKENIZER, `added_tokens[${i}]`, value, `added_tokens[${i}].id`, (value as Json | null)?.['id']);
  }
  return listed.sort((a, b) => a.id - b.id).map(({ token }) => token);
}

/** Ids as tokenizers gives them: the vocabulary's own, else the next one behind all. The first of equals counts. */
function number_tokens(vocab: ReadonlyMap<string, number>, tokens: readonly Unnumbered[]): AddedToken[] {
  const numbered = new Map<string, AddedToken>();
  let next = vocab.size;
  for (const token of tokens) {
    if (token.content === '' || numbered.has(token.content)) continue;
    const id = vocab.get(token.content) ?? next;
    next = Math.max(next, id + 1);
    numbered.set(token.content, { ...token, id });
  }
  return [...numbered.values()];
}
