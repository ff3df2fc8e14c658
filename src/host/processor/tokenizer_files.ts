// What a model's tokenizer files say, as transformers reads them: tokenizer.json or vocab.txt, tokenizer_config.json,
// and the older special_tokens_map.json and added_tokens.json.
//
// `BertTokenizer` (the class that most checkpoints name) builds BERT's pipeline around the vocabulary, with the
// normaliser's flags from tokenizer_config.json; `TokenizersBackend` takes tokenizer.json as it stands.

import { parse_object } from '../checkpoint/json.ts';
import type { ModelFolder } from '../checkpoint/model_files.ts';
import { AlignError, show } from '../errors.ts';
import { read_tokens, type TokenFiles, type Tokens } from './added_tokens.ts';
import { array, boolean, integer, kind, object, string, unsupported, type Json } from './json_fields.ts';
import { bert_template, read_template, type Templates } from './template.ts';
import type { BertNormalizer, WordPieceSettings } from './wordpiece.ts';

/** Everything that a tokenizer's files say. */
export interface TokenizerSettings extends WordPieceSettings, Tokens, Lengths {
  readonly template: Templates;
  /** The WordPiece decoder; null: none, tokens are joined with spaces. */
  readonly decoder: { readonly prefix: string; readonly cleanup: boolean } | null;
  readonly clean_up_tokenization_spaces: boolean;
  readonly model_input_names: readonly unknown[];
  /** The files themselves, by name, for `save_pretrained`. */
  readonly files: ReadonlyMap<string, string>;
}

interface Lengths {
  /** transformers' 1e30 where no file states it. */
  readonly model_max_length: number;
  readonly padding_side: 'left' | 'right';
  readonly truncation_side: 'left' | 'right';
  /** Arguments that transformers' processors take from the tokenizer before their own defaults. */
  readonly call_defaults: Readonly<Record<string, unknown>>;
}

const BERT_CLASSES = ['BertTokenizer', 'BertTokenizerFast'];
const BACKEND_CLASSES = ['TokenizersBackend', 'PreTrainedTokenizerFast'];
const CONFIG = 'tokenizer_config.json';
const TOKENIZER = 'tokenizer.json';

/** Reads a folder's tokenizer. @throws AlignError `not_found`, `corrupt_checkpoint`, `unsupported_config`. */
export async function read_tokenizer(folder: ModelFolder): Promise<TokenizerSettings> {
  const files = new Map<string, string>();
  const text = async (name: string): Promise<string | null> => {
    const content = await folder.text(name);
    if (content !== null) files.set(name, content);
    return content;
  };
  const json = async (name: string): Promise<Json | null> => {
    const content = await text(name);
    return content === null ? null : parse_object(name, content);
  };
  const config = (await json(CONFIG)) ?? {};
  const tokenizer = await json(TOKENIZER);
  const vocab = tokenizer === null ? await text('vocab.txt') : null;
  if (tokenizer === null && vocab === null)
    throw new AlignError('not_found', `${folder.name} has neither ${TOKENIZER} nor vocab.txt`, {
      detail: { file: TOKENIZER },
    });
  // A configuration that lists its tokens stands for itself; beside an older one there may be these two.
  const legacy = !Object.hasOwn(config, 'added_tokens_decoder');
  const special_tokens_map = legacy ? await json('special_tokens_map.json') : null;
  const added_tokens = legacy ? await json('added_tokens.json') : null;
  return { ...settings_of({ config, tokenizer, special_tokens_map, added_tokens }, vocab), files };
}

function settings_of(files: TokenFiles, vocab_text: string | null): Omit<TokenizerSettings, 'files'> {
  const { config, tokenizer } = files;
  const name = kind(CONFIG, config, 'tokenizer_class', [...BERT_CLASSES, ...BACKEND_CLASSES]);
  const bert = name === undefined || BERT_CLASSES.includes(name);
  if (!bert && tokenizer === null)
    throw unsupported(CONFIG, 'tokenizer_class', name, `it needs a ${TOKENIZER}`);
  if (boolean(CONFIG, config, 'split_special_tokens') === true)
    throw unsupported(CONFIG, 'split_special_tokens', true, 'special tokens in a text are always kept whole');

  const json = tokenizer ?? {};
  const model = object(TOKENIZER, json, 'model') ?? {};
  kind(TOKENIZER, model, 'type', ['WordPiece']);
  kind(TOKENIZER, object(TOKENIZER, json, 'pre_tokenizer') ?? {}, 'type', ['BertPreTokenizer']);
  const vocab = vocab_text === null ? json_vocab(model) : text_vocab(vocab_text);
  const tokens = read_tokens(files, vocab, bert);
  const id_of = (content: string | null): number | undefined =>
    tokens.added_tokens.find((token) => token.content === content)?.id;
  const { cls_token, sep_token, unk_token } = tokens.special_tokens;
  return {
    ...tokens,
    ...read_lengths(config, json),
    vocab,
    unk_token: (bert ? unk_token : string(TOKENIZER, model, 'unk_token')) ?? '[UNK]',
    continuing_subword_prefix: string(TOKENIZER, model, 'continuing_subword_prefix') ?? '##',
    max_input_chars_per_word: integer(TOKENIZER, model, 'max_input_chars_per_word') ?? 100,
    normalizer: read_normalizer(config, json, bert),
    template: bert ? bert_template(id_of(cls_token) ?? 2, id_of(sep_token) ?? 3) : read_template(json),
    decoder: read_decoder(json, bert),
    clean_up_tokenization_spaces: boolean(CONFIG, config, 'clean_up_tokenization_spaces') ?? false,
    model_input_names: array(CONFIG, config, 'model_input_names') ?? [
      'input_ids',
      'token_type_ids',
      'attention_mask',
    ],
  };
}

function json_vocab(model: Json): Map<string, number> {
  const ids = object(TOKENIZER, model, 'vocab') ?? {};
  const vocab = new Map<string, number>();
  for (const token of Object.keys(ids)) {
    const id = ids[token];
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= 2 ** 31)
      throw unsupported(TOKENIZER, `model.vocab[${show(token)}]`, id, 'an id is an integer of at least 0');
    vocab.set(token, id as number);
  }
  return vocab;
}

/** One token a line. White space at its end is no part of it: Unicode's, written out so that every runtime agrees. */
function text_vocab(text: string): Map<string, number> {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const spaces = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;
  const vocab = new Map<string, number>();
  for (const [id, line] of lines.entries()) vocab.set(line.replace(spaces, ''), id);
  return vocab;
}

function read_normalizer(config: Json, json: Json, bert: boolean): BertNormalizer | null {
  const own = object(TOKENIZER, json, 'normalizer');
  kind(TOKENIZER, own ?? {}, 'type', ['BertNormalizer']);
  if (own === undefined && !bert) return null;
  const flag = (file: string, record: Json | undefined, key: string): boolean | undefined =>
    record && boolean(file, record, key);
  const theirs = bert ? config : undefined;
  return {
    clean_text: flag(TOKENIZER, own, 'clean_text') ?? true,
    handle_chinese_chars:
      flag(CONFIG, theirs, 'tokenize_chinese_chars') ?? flag(TOKENIZER, own, 'handle_chinese_chars') ?? true,
    strip_accents:
      (theirs !== undefined && Object.hasOwn(theirs, 'strip_accents')
        ? flag(CONFIG, theirs, 'strip_accents')
        : flag(TOKENIZER, own, 'strip_accents')) ?? null,
    lowercase: flag(CONFIG, theirs, 'do_lower_case') ?? flag(TOKENIZER, own, 'lowercase') ?? true,
  };
}

function read_decoder(json: Json, bert: boolean): TokenizerSettings['decoder'] {
  if (bert) return { prefix: '##', cleanup: true };
  const decoder = object(TOKENIZER, json, 'decoder');
  if (decoder === undefined) return null;
  kind(TOKENIZER, decoder, 'type', ['WordPiece']);
  return {
    prefix: string(TOKENIZER, decoder, 'prefix') ?? '##',
    cleanup: boolean(TOKENIZER, decoder, 'cleanup') ?? true,
  };
}

const CALL_KEYS = [
  'padding',
  'truncation',
  'max_length',
  'pad_to_multiple_of',
  'padding_side',
  'add_special_tokens',
  'return_token_type_ids',
  'return_attention_mask',
];

/** tokenizer.json may carry the padding and truncation that it was saved with; the configuration comes first. */
function read_lengths(config: Json, json: Json): Lengths {
  const padding = object(TOKENIZER, json, 'padding');
  const truncation = object(TOKENIZER, json, 'truncation');
  const model_max_length = config['model_max_length'] ?? config['max_len'] ?? 1e30;
  if (typeof model_max_length !== 'number' || !(model_max_length > 0))
    throw unsupported(CONFIG, 'model_max_length', model_max_length, 'a length is needed');
  const strategy = padding?.['strategy'];
  const fixed = typeof strategy === 'object' && strategy !== null ? (strategy as Json)['Fixed'] : undefined;
  const saved: Json = {
    ...(padding && { max_length: fixed, pad_to_multiple_of: padding['pad_to_multiple_of'] }),
    ...(truncation && { max_length: truncation['max_length'] }),
    ...config,
  };
  return {
    model_max_length,
    padding_side: side('padding_side', config, padding),
    truncation_side: side('truncation_side', config, truncation),
    call_defaults: Object.fromEntries(
      CALL_KEYS.filter((key) => Object.hasOwn(saved, key)).map((key) => [key, saved[key] ?? undefined]),
    ),
  };
}

function side(key: string, config: Json, saved: Json | undefined): 'left' | 'right' {
  const value = string(CONFIG, config, key) ?? string(TOKENIZER, saved ?? {}, 'direction') ?? 'right';
  const lower = value === 'Left' || value === 'Right' ? (value === 'Left' ? 'left' : 'right') : value;
  if (lower !== 'left' && lower !== 'right')
    throw unsupported(CONFIG, key, value, 'it must be "left" or "right"');
  return lower;
}
