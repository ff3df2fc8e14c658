// A tokenizer's files: tokenizer.json or vocab.txt, tokenizer_config.json, special_tokens_map.json, added_tokens.json.

import { AlignError } from '../../../src/host/errors.ts';
import { BertTokenizer } from '../../../src/host/processor/tokenizer.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, damaged_file } from '../mutations.ts';

const utf8 = new TextEncoder();
const TOKENS = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'a',
  'b',
  'cat',
  '##s',
  '##a',
  'é',
  '猫',
  '<new>',
  '1',
  '.',
  'Ab',
];
const VOCABULARY = Object.fromEntries(TOKENS.map((token, id) => [token, id]));

const token = (content: string, id?: number): Record<string, unknown> => ({
  ...(id === undefined ? {} : { id }),
  content,
  ...{ single_word: false, lstrip: false, rstrip: content === '[MASK]', normalized: false, special: true },
});

const TOKENIZER = {
  version: '1.0',
  truncation: { direction: 'Right', max_length: 8, strategy: 'LongestFirst', stride: 0 },
  padding: {
    strategy: { Fixed: 8 },
    direction: 'Right',
    pad_to_multiple_of: null,
    pad_id: 0,
    pad_token: '[PAD]',
  },
  added_tokens: [...TOKENS.slice(0, 5).map(token), token('<new>', 12)],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
      { Sequence: { id: 'B', type_id: 1 } },
    ],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: VOCABULARY,
  },
};

const CONFIG = {
  ...{ tokenizer_class: 'BertTokenizer', model_max_length: 12, do_lower_case: true, strip_accents: null },
  ...{
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    pad_token: token('[PAD]'),
    unk_token: '[UNK]',
    mask_token: '[MASK]',
  },
  ...{
    tokenize_chinese_chars: true,
    clean_up_tokenization_spaces: true,
    padding_side: 'right',
    truncation_side: 'left',
  },
  ...{
    extra_special_tokens: ['<new>'],
    model_input_names: ['input_ids', 'attention_mask'],
    max_length: 9,
    padding: 'max_length',
  },
};
const LISTING = {
  added_tokens_decoder: Object.fromEntries([0, 1, 2, 3, 4, 12].map((id) => [id, token(TOKENS[id]!)])),
};

/** The files that there are, of which one or two are damaged. */
function make(dice: Dice): Case {
  const config: object = {
    ...CONFIG,
    ...(dice.chance(0.3) ? { tokenizer_class: 'TokenizersBackend' } : {}),
    ...(dice.chance(0.3) ? LISTING : {}),
  };
  const values: Record<string, unknown> = {
    'tokenizer_config.json': config,
    ...(dice.chance(0.7) ? { 'tokenizer.json': TOKENIZER } : {}),
    ...(dice.chance(0.2)
      ? { 'special_tokens_map.json': { cls_token: '[CLS]', mask_token: token('[MASK]') } }
      : {}),
    ...(dice.chance(0.2) ? { 'added_tokens.json': { '<new>': 12, '<other>': 16 } } : {}),
  };
  const names = Object.keys(values);
  const damaged = [dice.pick(names), dice.pick(names)];
  const files = names.map((name): [string, Uint8Array] => [
    name,
    damaged.includes(name) ? damaged_file(values[name], dice) : utf8.encode(JSON.stringify(values[name])),
  ]);
  let vocabulary: Uint8Array = utf8.encode(TOKENS.join(dice.chance(0.9) ? '\n' : '\r\n'));
  if (dice.chance(0.5)) vocabulary = damage(vocabulary, dice);
  return { ...Object.fromEntries(files), 'vocab.txt': vocabulary };
}

const TEXTS = ['a cats [MASK] <new> é猫 Ab.', '', '\ud800 x'.repeat(40)];

/** A tokenizer that was taken gives ids for every text, or says why not, and texts for ids. */
async function read(files: Case): Promise<void> {
  const tokenizer = await BertTokenizer.from_pretrained(files);
  for (const options of [{}, { padding: true, truncation: true, max_length: 7 }])
    try {
      const { input_ids } = tokenizer.call(TEXTS, TEXTS, { ...tokenizer.call_defaults, ...options });
      const rows = input_ids.dims[0]!;
      const ids = Array.from(input_ids.data, Number);
      if (rows !== TEXTS.length || ids.length % rows !== 0)
        throw new Error(`${ids.length} ids for ${rows} texts`);
      if (!ids.every((id) => Number.isSafeInteger(id) && id >= 0)) throw new Error(`ids ${ids.join()}`);
      tokenizer.batch_decode(input_ids, { skip_special_tokens: true });
    } catch (error) {
      if (!(error instanceof AlignError && error.code === 'invalid_argument')) throw error;
    }
}

export const tokenizer: Target = {
  name: 'tokenizer',
  files: 10_000,
  codes: ['corrupt_checkpoint', 'unsupported_config'],
  // An instance of align.wasm and the tables of Unicode.
  constant: 2 ** 20,
  start: () => Promise.resolve<Fuzzer>({ make, read }),
};
