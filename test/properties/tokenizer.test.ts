// The tokenizer: what holds of ids for any text of Unicode, in a vocabulary of single characters of all of Unicode and in
// that of the embedded model.

import fc from 'fast-check';
import { assert } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import { BertTokenizer } from '../../src/host/processor/tokenizer.ts';
import { WordPiece } from '../../src/host/processor/wordpiece.ts';
import { CHECKPOINT } from '../host/zero_shot.ts';
import { random_text, Random, SPECIAL, wide_vocabulary } from '../processor/random.ts';
import { order, pick, seed, unicode, utf16, whole } from './draws.ts';
import { property } from './property.ts';

const vocab = wide_vocabulary();
const added = { special: true, normalized: false, lstrip: false, rstrip: false, single_word: false };
const wasm = await platform.wasm('exact');
const core = new WordPiece(wasm, {
  ...{ vocab, unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
  normalizer: { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  added_tokens: SPECIAL.map((content, id) => ({ id, content, ...added })),
});
const tokenizer = await BertTokenizer.from_pretrained(CHECKPOINT);

/** Texts of any kind: UTF-16 with lone surrogates, Unicode, its ranges that tokenizers treat apart, words and special tokens. */
const text = fc.oneof(utf16, unicode, seed.map((s) => random_text(new Random(s)))); // prettier-ignore
/** Words that the embedded model's vocabulary has pieces for. */
const words = fc.array(fc.oneof(pick('Red', 'cat', 'unhappiness', '[MASK]', 'Café', '!?', '東京', 'x1y2'), fc.string({ maxLength: 8 })), { maxLength: 8 }).map((list) => list.join(' ')); // prettier-ignore
const texts = fc.array(fc.oneof(text, words), { minLength: 1, maxLength: 5 });

const ids_of = (value: string): number[] => [...core.encode(value)];
const alone = (value: string): number[] => tokenizer.encode(value);
const [CLS, SEP, PAD] = [tokenizer.cls_token_id!, tokenizer.sep_token_id!, tokenizer.pad_token_id!];

property('Ids are those of tokens, and no more than characters and spaces around them', [text], (value) => {
  const ids = ids_of(value);
  assert(
    ids.every((id) => Number.isInteger(id) && id >= 0 && id < vocab.size),
    String(ids),
  );
  // A character may fall apart where it is normalised, but not into more than 18 others (U+FDFA under NFKD).
  assert(ids.length <= 18 * value.length, `${ids.length} ids of ${value.length} units`);
  assert.deepEqual(ids_of(value), ids, 'the second time');
});

property('Texts with a space between them give the ids of one, then of the other', [text, text], (a, b) => {
  assert.deepEqual(ids_of(`${a} ${b}`), [...ids_of(a), ...ids_of(b)]);
});

property(
  'More white space is as good as one space, and none counts at the ends',
  [fc.array(text, { maxLength: 4 }), pick(' ', '\t', '\n', '\r\n', '\u00a0', '\u3000', ' \u2009 ')],
  (parts, space) => {
    assert.deepEqual(ids_of(`${space}${parts.join(space)}${space}`), ids_of(parts.join(' ')));
  },
);

property('A lone surrogate counts as U+FFFD', [utf16], (value) => {
  assert.deepEqual(ids_of(value), ids_of(new TextDecoder().decode(new TextEncoder().encode(value))));
});

property('Upper and lower case of Latin letters are the same', [fc.string({ maxLength: 30 })], (value) => {
  // Not those of a special token's name, which is looked for as it is.
  const plain = value.replaceAll('[', '(');
  assert.deepEqual(ids_of(plain.toUpperCase()), ids_of(plain.toLowerCase()));
});

property(
  'Added tokens are found from the left, the longest of those that begin in one place',
  [
    fc.uniqueArray(fc.string({ unit: pick('a', 'b', 'é'), minLength: 1, maxLength: 5 }), { minLength: 1 }),
    fc.string({ unit: pick('a', 'b', 'é', 'è'), maxLength: 40 }),
  ],
  (contents, value) => {
    const tokens = new WordPiece(wasm, {
      ...{ vocab: new Map([['[UNK]', 7]]), unk_token: '[UNK]', continuing_subword_prefix: '##' },
      max_input_chars_per_word: 100,
      normalizer: null,
      added_tokens: contents.map((content, id) => ({ id: 8 + id, content, ...added })),
    });
    const longest = [...contents].sort((a, b) => b.length - a.length);
    const expected: number[] = [];
    let gap = false;
    for (let at = 0; at < value.length;) {
      const found = longest.find((content) => value.startsWith(content, at));
      if (found !== undefined || !gap) expected.push(found === undefined ? 7 : 8 + contents.indexOf(found));
      gap = found === undefined;
      at += found?.length ?? 1;
    }
    assert.deepEqual([...tokens.encode(value)], expected);
  },
);

property('A row of a batch has the ids that its text has alone', [texts], (list) => {
  const rows = list.map(alone);
  const length = Math.max(...rows.map((ids) => ids.length));
  const { input_ids, attention_mask } = tokenizer.call(list, null, { padding: true });
  assert.deepEqual(input_ids.dims, [list.length, length]);
  rows.forEach((ids, i) => {
    const at = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number).slice(i * length, (i + 1) * length); // prettier-ignore
    const fill = (value: number): number[] => Array<number>(length - ids.length).fill(value);
    assert.deepEqual(at(input_ids.data), [...ids, ...fill(PAD)]);
    assert.deepEqual(at(attention_mask!.data), [...ids.map(() => 1), ...fill(0)]);
  });
});

property(
  'Texts in another order give rows in that order',
  [texts.chain((list) => fc.tuple(fc.constant(list), order(list.length)))],
  ([list, places]) => {
    const rows = tokenizer.call(list, null, { padding: true }).input_ids.tolist() as bigint[][];
    const moved = places.map((place) => list[place]!);
    const after = tokenizer.call(moved, null, { padding: true }).input_ids.tolist();
    assert.deepEqual(after, places.map((place) => rows[place]!)); // prettier-ignore
  },
);

property(
  'Padding and truncation give rows of the length asked for, which begin (end) as the text does',
  [fc.oneof(text, words), whole(2, 40), pick('left', 'right'), whole(1, 8)],
  (value, max_length, padding_side, pad_to_multiple_of) => {
    const inner = alone(value).slice(1, -1);
    const kept = [CLS, ...inner.slice(0, max_length - 2), SEP];
    const truncated = tokenizer.encode(value, null, { truncation: true, max_length });
    assert.deepEqual(truncated, kept);
    const options = { padding: 'max_length', truncation: true, max_length, padding_side } as const;
    const fill = Array<number>(max_length - kept.length).fill(PAD);
    const padded = padding_side === 'left' ? [...fill, ...kept] : [...kept, ...fill];
    assert.deepEqual(tokenizer.encode(value, null, options), padded);
    const { dims } = tokenizer.call([value], null, { padding: true, pad_to_multiple_of }).input_ids;
    assert.strictEqual(dims[1], Math.ceil((inner.length + 2) / pad_to_multiple_of) * pad_to_multiple_of);
  },
);

property(
  'A pair is both texts, each behind a mark, and truncation takes from the longer one',
  [words, words, whole(3, 40)],
  (a, b, max_length) => {
    const [first, second] = [alone(a).slice(1, -1), alone(b).slice(1, -1)];
    const { input_ids, token_type_ids } = tokenizer.call([a], [b]);
    assert.deepEqual(Array.from(input_ids.data, Number), [CLS, ...first, SEP, ...second, SEP]);
    const types = [...Array<number>(first.length + 2).fill(0), ...Array<number>(second.length + 1).fill(1)];
    assert.deepEqual(Array.from(token_type_ids!.data, Number), types);
    const short = tokenizer.call([a], [b], { truncation: true, max_length });
    const length = Math.min(max_length, first.length + second.length + 3);
    assert.strictEqual(short.input_ids.dims[1], length);
    const kept = Array.from(short.token_type_ids!.data, Number).filter(Boolean).length - 1;
    const other = length - 3 - kept;
    const even = Math.floor((max_length - 3) / 2);
    assert(
      kept >= Math.min(second.length, even) && other >= Math.min(first.length, even),
      `${other} and ${kept}`,
    );
  },
);

property(
  'What ids are decoded to gives these ids again, but for what is unknown',
  [fc.array(whole(0, tokenizer.vocab_size - 1), { maxLength: 12 }), fc.oneof(text, words)],
  (ids, value) => {
    const given = alone(value);
    const again = alone(tokenizer.decode(given, { skip_special_tokens: true, clean_up_tokenization_spaces: false })); // prettier-ignore
    if (!given.includes(tokenizer.unk_token_id) && !given.slice(1, -1).some((id) => tokenizer.all_special_ids.includes(id))) assert.deepEqual(again, given); // prettier-ignore
    const tokens = tokenizer.convert_ids_to_tokens(ids) as string[];
    assert.deepEqual(tokenizer.convert_tokens_to_ids(tokens), ids);
    assert.deepEqual(tokenizer.batch_decode([ids, given]), [tokenizer.decode(ids), tokenizer.decode(given)]);
  },
);
