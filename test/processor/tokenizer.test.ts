// The tokenizer against tokenizers and transformers (test/golden/processor.py): random texts over all of Unicode, calls
// with all options, decoding, and what it refuses.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { platform } from '../../src/host/platform/node.ts';
import type { EncodeOptions } from '../../src/host/processor/encoding.ts';
import { BertTokenizer, type DecodeOptions } from '../../src/host/processor/tokenizer.ts';
import { WordPiece, type BertNormalizer } from '../../src/host/processor/wordpiece.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { Random, SPECIAL, digest, golden, random_text, wide_vocabulary } from './random.ts';

const BLOCK = 1000;

interface Run {
  normalizer: BertNormalizer;
  ids: string[];
  normalized: string[];
  tricky: [text: string, normalized: string, ids: number[]][];
}

describe('20,000 texts over all of Unicode', () => {
  const {
    vocab_size,
    texts: texts_digest,
    runs,
  } = golden<{ vocab_size: number; texts: string; runs: Run[] }>('texts');
  const random = new Random(2);
  const texts = Array.from({ length: 20 * BLOCK }, () => random_text(random));
  const vocab = wide_vocabulary();
  const added_tokens = SPECIAL.map((content, id) => ({
    id,
    content,
    special: true,
    normalized: false,
    lstrip: false,
    rstrip: false,
    single_word: false,
  }));

  it('has the texts and the vocabulary that the goldens were made from', () => {
    expect(vocab.size).toBe(vocab_size);
    expect(digest(texts.join('\0'))).toBe(texts_digest);
  });

  for (const { normalizer, ids, normalized, tricky } of runs) {
    describe(JSON.stringify(normalizer), () => {
      let core: WordPiece;
      beforeAll(async () => {
        core = new WordPiece(await platform.wasm('exact'), {
          vocab,
          unk_token: '[UNK]',
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          normalizer,
          added_tokens,
        });
      });

      it('gives the ids of tokenizers', () => {
        const blocks = ids.map((_, i) =>
          digest(
            ...texts
              .slice(i * BLOCK, (i + 1) * BLOCK)
              .map((text) => new Uint8Array(core.encode(text).buffer)),
          ),
        );
        expect(blocks).toEqual(ids);
      });

      it('leaves characters at both ends of every length of UTF-8 as they are', () => {
        const text = '~\u07ff\u0800\ufffc\u{10000}\u{1f600}';
        expect(new TextDecoder().decode(core.normalize(text))).toBe(text);
      });

      it('normalises as tokenizers', () => {
        const separator = Uint8Array.of(0xff);
        const blocks = normalized.map((_, i) =>
          digest(
            ...texts
              .slice(i * BLOCK, (i + 1) * BLOCK)
              .flatMap((text, j) => (j === 0 ? [core.normalize(text)] : [separator, core.normalize(text)])),
          ),
        );
        expect(blocks).toEqual(normalized);
      });

      it('takes the tricky ones apart alike', () => {
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        const ours = tricky.map(([text]) => [
          text,
          decoder.decode(core.normalize(text)),
          [...core.encode(text)],
        ]);
        expect(ours).toEqual(tricky);
      });
    });
  }
});

type Texts = string | string[];
interface Folder {
  name: string;
  files: Record<string, string>;
  info: Record<string, unknown>;
  calls: [a: Texts, b: Texts | null, options: EncodeOptions, result: Record<string, number[][]> | null][];
  decodes: [ids: number[], options: DecodeOptions, text: string][];
}

function lists(encoding: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(encoding).map(([name, tensor]) => [
      name,
      ((tensor as Tensor).tolist() as bigint[][]).map((row) => row.map(Number)),
    ]),
  );
}

for (const { name, files, info, calls, decodes } of golden<Folder[]>('tokenizers')) {
  describe(`a tokenizer folder as ${name}`, () => {
    let tokenizer: BertTokenizer;
    beforeAll(async () => {
      tokenizer = await BertTokenizer.from_pretrained(files);
    });

    it('has the settings that transformers reads', () => {
      const settings = tokenizer as unknown as Record<string, unknown>;
      const ours = Object.fromEntries(Object.keys(info).map((key) => [key, settings[key]]));
      expect(ours).toEqual(info);
    });

    it(`answers ${calls.length} calls as transformers, or refuses where it does`, () => {
      for (const [a, b, options, result] of calls) {
        const call = (): unknown => lists(tokenizer.call(a, b, options));
        if (result === null) expect(call, JSON.stringify([a, b, options])).toThrow(AlignError);
        else expect(call(), JSON.stringify([a, b, options])).toEqual(result);
      }
    });

    it(`decodes ${decodes.length} rows as transformers`, () => {
      for (const [ids, options, text] of decodes) expect(tokenizer.decode(ids, options)).toBe(text);
    });

    it('is the same after it was saved and read again', async () => {
      const saved = await mkdtemp(join(tmpdir(), 'align-'));
      await tokenizer.save_pretrained(saved);
      const again = await BertTokenizer.from_pretrained(saved);
      const [text] = calls[0]!;
      expect(lists(again.call(text, null, { padding: true }))).toEqual(
        lists(tokenizer.call(text, null, { padding: true })),
      );
      await rm(saved, { recursive: true });
    });
  });
}

describe('Work that grows no faster than files and texts do', () => {
  const spaced = { special: true, lstrip: false, rstrip: false, single_word: false, normalized: false };
  const tokenizer_of = (files: object): Promise<BertTokenizer> =>
    BertTokenizer.from_pretrained(files as Record<string, object>);

  /** Words whose FNV-1a hashes end in the same ten bits, far from those of [UNK]: one place of a table of 1,024 slots. */
  function colliding(count: number): string[] {
    const hash = (text: string): number =>
      Buffer.from(text).reduce((h, c) => Math.imul(h ^ c, 0x01000193), 0x811c9dc5 | 0) & 1023;
    const place = (hash('[UNK]') + 300) & 1023;
    const found: string[] = [];
    for (let i = 0; found.length < count; i++) if (hash(`w${i}`) === place) found.push(`w${i}`);
    return found;
  }

  it('takes 256 tokens in one place of the hash table, and no more', async () => {
    const words = colliding(257);
    const taken = await tokenizer_of({ 'vocab.txt': ['[UNK]', ...words.slice(0, 256)].join('\n') });
    const ids = words.map((_, i) => (i < 256 ? i + 1 : 0));
    expect(taken.encode(words.join(' '), null, { add_special_tokens: false })).toEqual(ids);
    await expect(tokenizer_of({ 'vocab.txt': ['[UNK]', ...words].join('\n') })).rejects.toMatchObject({
      code: 'unsupported_config',
      message: expect.stringMatching(/share one place of its hash table/) as string,
    });
  });

  it('looks for 20,000 added tokens in a million characters', async () => {
    const tokens = Array.from({ length: 20_000 }, (_, i) => [`ab${i}`, i + 9] as const);
    const { encode } = await tokenizer_of({
      'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n',
      'added_tokens.json': Object.fromEntries(tokens),
    }).then((tokenizer) => ({ encode: (text: string) => tokenizer.encode(text) }));
    const [id, longer] = [encode('ab12')[1]!, encode('ab123')[1]!];
    expect(longer - id).toBe(123 - 12);
    expect(encode('a'.repeat(1_000_000) + 'ab123 ab12')).toEqual([2, 1, longer, id, 3]);
  });

  it('takes white space behind a token once', async () => {
    const tokenizer = await tokenizer_of({
      'tokenizer.json': {
        model: { vocab: { '[UNK]': 0, a: 1, ' ': 2, '\t': 3, x: 4 } },
        added_tokens: [
          { id: 2, content: ' ', ...spaced, rstrip: true },
          { id: 3, content: '\t', ...spaced },
          { id: 4, content: 'x', ...spaced, lstrip: true, rstrip: true },
        ],
      },
    });
    const ids = (text: string): number[] => tokenizer.encode(text, null, { add_special_tokens: false });
    // These are tokenizers' answers.
    expect(ids('a  x  a')).toEqual([1, 2, 2, 4, 2, 2, 1]);
    expect(ids('x x  x\t\t a')).toEqual([4, 2, 4, 2, 2, 4, 3, 3, 2, 1]);
    expect(ids('a \n\t  b \t')).toEqual([1, 2, 3, 2, 2, 0, 2, 3]);
    expect(ids(' \t'.repeat(200_000))).toHaveLength(400_000);
  });

  it('reads a line of a million spaces', async () => {
    const tokenizer = await tokenizer_of({
      'vocab.txt': `[UNK]\na${' '.repeat(1_000_000)}b\nc \u3000\t\r\n`,
    });
    expect(tokenizer.convert_tokens_to_ids(['c', 'b'])).toEqual([2, 0]);
  });
});

describe('BertTokenizer', () => {
  let tokenizer: BertTokenizer;
  beforeAll(async () => {
    tokenizer = await BertTokenizer.from_pretrained(golden<Folder[]>('tokenizers')[0]!.files);
  });

  it('gives int64 tensors, one row for one text', () => {
    const { input_ids } = tokenizer.call('a red cat');
    expect([input_ids.type, input_ids.dims]).toEqual(['int64', [1, 5]]);
    expect(tokenizer.encode('a red cat')).toEqual([2, 5, 6, 7, 3]);
    expect(tokenizer.tokenize('a red cats')).toEqual(['a', 'red', 'cat', '##s']);
  });

  it('turns tokens into ids and back', () => {
    expect(tokenizer.convert_tokens_to_ids(['red', 'nothing'])).toEqual([6, 1]);
    expect(tokenizer.convert_ids_to_tokens([6, 9999])).toEqual(['red', null]);
    expect(
      tokenizer.batch_decode(tokenizer.call(['a cat', 'dogs'], null, { padding: true }).input_ids, {
        skip_special_tokens: true,
      }),
    ).toEqual(['a cat', 'dogs']);
  });

  it('takes a lone surrogate for U+FFFD, as TextEncoder does', () => {
    expect(tokenizer.encode('a\ud800cat')).toEqual(tokenizer.encode('a\ufffdcat'));
  });

  it('takes a text of a million characters', () => {
    expect(tokenizer.encode('cat '.repeat(250_000))).toHaveLength(250_002);
    expect(tokenizer.encode('\u302e\u{1d165}'.repeat(100_000))).toEqual([2, 1, 3]);
  });

  it.each([
    [
      'a text that is none',
      () => tokenizer.call(5 as unknown as string),
      /text must be a text or a list of texts, not 5/,
    ],
    ['an empty list', () => tokenizer.call([]), /text is an empty list/],
    [
      'a list with something else',
      () => tokenizer.call(['a', null as unknown as string]),
      /text\[1\] must be a text, not null/,
    ],
    ['pairs of another count', () => tokenizer.call(['a', 'b'], ['c']), /text has 2 items, text_pair has 1/],
    ['a list with a single partner', () => tokenizer.call(['a'], 'b'), /both must be one text, or lists/],
    [
      'an unknown option',
      () => tokenizer.call('a', null, { pading: true } as EncodeOptions),
      /unknown option "pading" \(did you mean padding/,
    ],
    [
      'a strategy that does not exist',
      () => tokenizer.call('a', null, { padding: 'all' as 'longest' }),
      /padding "all"/,
    ],
    ['a length that is none', () => tokenizer.call('a', null, { max_length: 2.5 }), /max_length 2\.5/],
    [
      'texts that do not stack',
      () => tokenizer.call(['a', 'a red cat']),
      /rows of 3 and of 5 tokens.*padding: true/,
    ],
    [
      'only_second without a second',
      () => tokenizer.call('a red cat', null, { truncation: 'only_second', max_length: 4 }),
      /no second text/,
    ],
    ['ids that are none', () => tokenizer.decode([1.5]), /1\.5 is not a token id/],
    [
      'a batch where one row is meant',
      () => tokenizer.decode(new Tensor('int64', [1, 2], [1, 2])),
      /batch_decode/,
    ],
    [
      'a multiple that no row is padded to',
      () => tokenizer.call('a', null, { padding: true, pad_to_multiple_of: 2 ** 30 }),
      /padded to 1073741824 tokens, \d+ are the most: max_length is \d+, pad_to_multiple_of 1073741824/,
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  const model = { type: 'WordPiece', vocab: { '[UNK]': 0, a: 1 } };
  const pre_tokenizer = { type: 'BertPreTokenizer' };
  const A = { Sequence: { id: 'A', type_id: 0 } };
  const B = { Sequence: { id: 'B', type_id: 1 } };
  const X = { SpecialToken: { id: 'X', type_id: 0 } };
  /** A folder of the class that takes tokenizer.json as it stands. */
  const backend = (json: object, config: object = {}): object => ({
    'tokenizer.json': { model, pre_tokenizer, ...json },
    'tokenizer_config.json': { tokenizer_class: 'TokenizersBackend', ...config },
  });
  const template = (single: object[], pair: object[] = [A, B], ids: number[] = [1]): object =>
    backend({ post_processor: { type: 'TemplateProcessing', single, pair, special_tokens: { X: { ids } } } });
  const added = (id: unknown, content = 'x'): object => backend({ added_tokens: [{ id, content }] });

  it('takes a template that names a token again and again', async () => {
    const files = template([X, X, A, X], [B, X, A], [1, 0]) as Record<string, object>;
    const { encode } = await BertTokenizer.from_pretrained(files).then((t) => ({ encode: t.encode.bind(t) }));
    expect(encode('a')).toEqual([1, 0, 1, 0, 1, 1, 0]);
    expect(encode('a', 'a a')).toEqual([1, 1, 1, 0, 1]);
  });

  it.each([
    ['no vocabulary file', {}, 'not_found', /neither tokenizer\.json nor vocab\.txt/],
    [
      'another model',
      { 'tokenizer.json': { model: { type: 'BPE' } } },
      'unsupported_config',
      /type is "BPE"/,
    ],
    [
      'another normalizer',
      { 'tokenizer.json': { model, normalizer: { type: 'NFKC' } } },
      'unsupported_config',
      /type is "NFKC".*BertNormalizer/,
    ],
    [
      'another pre-tokenizer',
      { 'tokenizer.json': { model, pre_tokenizer: { type: 'ByteLevel' } } },
      'unsupported_config',
      /"ByteLevel"/,
    ],
    [
      'another class',
      { 'tokenizer.json': { model }, 'tokenizer_config.json': { tokenizer_class: 'T5Tokenizer' } },
      'unsupported_config',
      /tokenizer_class is "T5Tokenizer"/,
    ],
    [
      'no unknown token',
      { 'vocab.txt': 'a\nb\n' },
      'unsupported_config',
      /vocab\.txt has no unknown token "\[UNK\]"/,
    ],
    [
      'an id that is none',
      { 'tokenizer.json': { model: { vocab: { a: -1 } } } },
      'unsupported_config',
      /model\.vocab\["a"\] is -1/,
    ],
    [
      'a flag that is none',
      { 'tokenizer.json': { model }, 'tokenizer_config.json': { do_lower_case: 'yes' } },
      'unsupported_config',
      /do_lower_case is "yes"/,
    ],
    [
      'broken JSON',
      { 'tokenizer.json': '{"model": ' },
      'corrupt_checkpoint',
      /tokenizer\.json is not valid JSON/,
    ],
  ])('refuses files with %s', async (_, files, code, message) => {
    await expect(BertTokenizer.from_pretrained(files as Record<string, object>)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[string, object, RegExp]>([
    ['no pre-tokenizer', backend({ pre_tokenizer: null }), /json: pre_tokenizer is undefined/],
    ['an empty normalizer', backend({ normalizer: {} }), /json: normalizer\.clean_text is undefined/],
    ['an empty post-processor', backend({ post_processor: {} }), /post_processor\.single is undefined/],
    ['a second text in single', template([A, B]), /single: Sequence is "B".*A once/],
    ['a text that is there twice', template([A, A]), /single: Sequence is "A".*A once/],
    ['a second text twice', template([A], [A, B, B]), /pair: Sequence is "B".*A and B once/],
    [
      'millions of special tokens',
      template(Array<object>(2000).fill(X), [A], Array<number>(1000).fill(1)),
      /single is .* 2000000 .*1024 are the most/,
    ],
    [
      'a special token of too many ids',
      template([A], [A], Array<number>(1025).fill(1)),
      /special_tokens\[X\]\.ids is .*1024 ids at most/,
    ],
    ['an added id below 0', added(-5), /tokenizer\.json: added_tokens\[0\]\.id is -5/],
    ['an added id beyond 32 bits', added(1e308), /added_tokens\[0\]\.id is 1e\+308/],
    ['an added id that is a text', added('x'), /added_tokens\[0\]\.id is "x"/],
    ['no id of an added token', added(undefined), /added_tokens\[0\]\.id is undefined/],
    ['a very long added token', added(7, 'x'.repeat(1001)), /1001 characters, 1000 are the most/],
    [
      'an id of added_tokens_decoder that is none',
      backend({}, { added_tokens_decoder: { '1e3': { content: 'x' } } }),
      /config\.json: added_tokens_decoder\[1e3\] is "1e3"/,
    ],
    [
      'words and tokens without end',
      backend({
        model: { vocab: { '[UNK]': 0, ['a'.repeat(1001)]: 1 }, max_input_chars_per_word: 2 ** 31 - 1 },
      }),
      /max_input_chars_per_word is 2147483647; with a token of 1001 characters/,
    ],
    [
      'a prefix without end',
      backend({ model: { ...model, continuing_subword_prefix: '#'.repeat(1001) } }),
      /continuing_subword_prefix is "#.*1000 characters/,
    ],
    [
      'a direction that is none',
      backend({ truncation: { max_length: 5, direction: 'Up' } }),
      /^tokenizer\.json: truncation\.direction is "Up"; this package has Left, Right/,
    ],
    [
      'a side that is none',
      backend({}, { padding_side: 'up' }),
      /^tokenizer_config\.json: padding_side is "up"; it must be "left" or "right"/,
    ],
    [
      'a length that is none',
      backend({ padding: { strategy: { Fixed: -1 } } }),
      /^tokenizer\.json: max_length is -1/,
    ],
    [
      'padding that is none',
      backend({}, { padding: 5 }),
      /^tokenizer_config\.json: padding is 5; it must be true/,
    ],
    ['a token that is none', backend({}, { unk_token: 5 }), /unk_token is 5; a token is a text, or an/],
    ['no list of tokens', backend({}, { extra_special_tokens: 'x' }), /is "x"; a list or an object is/],
    [
      'a token of special_tokens_map.json that is none',
      { ...backend({}), 'special_tokens_map.json': { cls_token: 5, extra_special_tokens: [] } },
      /^special_tokens_map\.json: cls_token is 5/,
    ],
    [
      'extra tokens of special_tokens_map.json that are none',
      { ...backend({}), 'special_tokens_map.json': { extra_special_tokens: [5] } },
      /^special_tokens_map\.json: extra_special_tokens is 5/,
    ],
  ])('refuses files with %s', async (_, files, message) => {
    await expect(BertTokenizer.from_pretrained(files as Record<string, object>)).rejects.toMatchObject({
      code: 'unsupported_config',
      message: expect.stringMatching(message) as string,
    });
  });
});
