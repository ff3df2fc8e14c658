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
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringMatching(message) as string,
      }),
    );
  });

  const model = { type: 'WordPiece', vocab: { '[UNK]': 0, a: 1 } };
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
    ['no unknown token', { 'vocab.txt': 'a\nb\n' }, 'unsupported_config', /no unknown token "\[UNK\]"/],
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
});
