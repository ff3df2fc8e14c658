// What a model's tokenizer files say, as transformers reads them: tokenizer.json or vocab.txt, tokenizer_config.json,
// and the older special_tokens_map.json and added_tokens.json.
//
// `BertTokenizer` (the class that most checkpoints name) builds BERT's pipeline around the vocabulary, with the
// normaliser's flags from tokenizer_config.json; `TokenizersBackend` takes tokenizer.json as it stands.

import { parse_object } from '../checkpoint/json.ts';
import type { ModelFolder } from '../checkpoint/model_files.ts';
import { AlignError, show } from '../errors.ts';
import { read_tokens, type TokenFiles, type Tokens } from './added_tokens.ts';
import { ENCODE_RULES } from './encoding.ts';
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
/** A word costs its characters times those of the vocabulary's longest token: one of the two is shorter than this. */
const MAX_WORD = 1000;

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
  const pre_tokenizer = object(TOKENIZER, json, 'pre_tokenizer');
  if (kind(TOKENIZER, pre_tokenizer ?? {}, 'type', ['BertPreTokenizer']) === undefined && !bert)
    throw unsupported(TOKENIZER, 'pre_tokenizer', pre_tokenizer, 'a BertPreTokenizer is needed');
  const vocab = vocab_text === null ? json_vocab(model) : text_vocab(vocab_text);
  const tokens = read_tokens(files, vocab, bert);
  const id_of = (content: string | null): number | undefined =>
    tokens.added_tokens.find((token) => token.content === content)?.id;
  const { cls_token, sep_token } = tokens.special_tokens;
  const unk_token =
    (bert ? tokens.special_tokens.unk_token : string(TOKENIZER, model, 'unk_token')) ?? '[UNK]';
  if (!vocab.has(unk_token))
    throw new AlignError(
      'unsupported_config',
      `The vocabulary of ${tokenizer === null ? 'vocab.txt' : TOKENIZER} has no unknown token ${show(unk_token)}`,
    );
  return {
    ...tokens,
    ...read_lengths(config, json),
    vocab,
    unk_token,
    continuing_subword_prefix: read_prefix(model),
    max_input_chars_per_word: read_max_chars(model, vocab),
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

function read_prefix(model: Json): string {
  const key = 'continuing_subword_prefix';
  const prefix = string(TOKENIZER, model, key) ?? '##';
  if (prefix.length > MAX_WORD)
    throw unsupported(TOKENIZER, `model.${key}`, prefix, `${MAX_WORD} characters are the most`);
  return prefix;
}

/** Characters of the longest word that is looked up. */
function read_max_chars(model: Json, vocab: ReadonlyMap<string, number>): number {
  const key = 'max_input_chars_per_word';
  const most = integer(TOKENIZER, model, key) ?? 100;
  const longest = most > MAX_WORD ? [...vocab.keys()].find((token) => token.length > MAX_WORD) : undefined;
  if (longest !== undefined)
    throw unsupported(
      TOKENIZER,
      `model.${key}`,
      most,
      `with a token of ${longest.length} characters in the vocabulary ${MAX_WORD} are the most`,
    );
  return most;
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

/** Unicode's white space, written out so that every runtime agrees. */
const SPACES =
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** One token a line. White space at its end is no part of it; a regular expression would be quadratic in what is inside. */
function text_vocab(text: string): Map<string, number> {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const vocab = new Map<string, number>();
  for (const [id, line] of lines.entries()) {
    let end = line.length;
    while (end > 0 && SPACES.includes(line[end - 1]!)) end--;
    vocab.set(line.slice(0, end), id);
  }
  return vocab;
}

function read_normalizer(config: Json, json: Json, bert: boolean): BertNormalizer | null {
  const own = object(TOKENIZER, json, 'normalizer');
  kind(TOKENIZER, own ?? {}, 'type', ['BertNormalizer']);
  if (own === undefined && !bert) return null;
  const flag = (file: string, record: Json | undefined, key: string): boolean | undefined =>
    record && boolean(file, record, key);
  /** As tokenizers, which takes no normalizer without it. */
  const own_flag = (key: string): boolean | undefined => {
    const value = flag(TOKENIZER, own, key);
    if (own !== undefined && value === undefined)
      throw unsupported(TOKENIZER, `normalizer.${key}`, value, 'true or false is needed');
    return value;
  };
  const theirs = bert ? config : undefined;
  return {
    clean_text: own_flag('clean_text') ?? true,
    handle_chinese_chars:
      flag(CONFIG, theirs, 'tokenize_chinese_chars') ?? own_flag('handle_chinese_chars') ?? true,
    strip_accents:
      (theirs !== undefined && Object.hasOwn(theirs, 'strip_accents')
        ? flag(CONFIG, theirs, 'strip_accents')
        : flag(TOKENIZER, own, 'strip_accents')) ?? null,
    lowercase: flag(CONFIG, theirs, 'do_lower_case') ?? own_flag('lowercase') ?? true,
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

const CALL_KEYS = Object.keys(ENCODE_RULES) as (keyof typeof ENCODE_RULES)[];

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
  const call_defaults = CALL_KEYS.filter((key) => Object.hasOwn(saved, key)).map((key) => {
    const value = saved[key] ?? undefined;
    const rule = ENCODE_RULES[key];
    const file = Object.hasOwn(config, key) ? CONFIG : TOKENIZER;
    if (value !== undefined && !rule.accepts(value))
      throw unsupported(file, key, value, `it must be ${rule.expects}`);
    return [key, value] as const;
  });
  return {
    model_max_length,
    padding_side: side('padding', config, padding),
    truncation_side: side('truncation', config, truncation),
    call_defaults: Object.fromEntries(call_defaults),
  };
}

function side(of: 'padding' | 'truncation', config: Json, saved: Json | undefined): 'left' | 'right' {
  const key = `${of}.direction`;
  const own = kind(TOKENIZER, { [key]: saved?.['direction'] }, key, ['Left', 'Right']);
  const value = kind(CONFIG, config, `${of}_side`, ['left', 'right']) ?? own?.toLowerCase();
  return value === 'left' ? 'left' : 'right';
}
