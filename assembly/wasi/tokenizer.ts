// BERT's tokenizer from a model's files: their settings as in src/host/processor/tokenizer_files.ts, the work in
// assembly/processor.

import { normalize } from '../processor/normalize';
import { unicode_bytes, unicode_init } from '../processor/tables';
import { added_tokens_init, encode, wordpiece_init } from '../processor/wordpiece';
import { take } from './io';
import { Json } from './json';
import { PackedFile } from './packed';
import { decoded, encoded, is, is_utf8, Text } from './text';
import { read_tokens, Token, TokenFiles } from './tokens';

const CONFIG = 'tokenizer_config.json';
const TOKENIZER = 'tokenizer.json';
/** An id is a 32-bit integer. */
const MOST_ID: f64 = 2147483647;
/** Beyond this a model states no length: transformers' LARGE_INTEGER. */
const NO_LENGTH: f64 = 1e20;
/** AlignProcessor's own max_length. */
const LENGTH: f64 = 64;

/** A piece of a row: the ids of a special token, or (null) the text. */
class Part {
  constructor(
    public ids: Array<u32> | null,
    public type: u32,
  ) {}
}

export class Tokenizer {
  private parts: Array<Part> = [];
  /** Tokens that a row may have with its special ones, -1: any. */
  private limit: i32 = -1;
  private left: bool = false;
  private options: u32 = 0;
  /** Of the text encoded last: ids, types and how many. */
  ids: usize = 0;
  types: usize = 0;
  count: u32 = 0;
  private bytes: usize = 0;

  constructor(file: PackedFile) {
    const own = file.json(CONFIG);
    const config = own ? own : new Json(CONFIG, '', changetype<usize>(EMPTY));
    const json = file.json(TOKENIZER);
    const name = one_of(config, 'tokenizer_class', ['BertTokenizer', 'BertTokenizerFast', 'TokenizersBackend', 'PreTrainedTokenizerFast']);
    const bert = name < 2;
    if (!bert && !json) throw new Error(`${file.name}: its tokenizer_class needs a ${TOKENIZER}`);
    if (config.flag('split_special_tokens', false)) throw new Error(`${CONFIG}: split_special_tokens is not supported`);
    const model = json ? json.object('model') : null;
    if (model) one_of(model, 'type', ['WordPiece']);
    const pre = json ? json.object('pre_tokenizer') : null;
    if (pre) one_of(pre, 'type', ['BertPreTokenizer']);
    else if (!bert) throw new Error(`${TOKENIZER}: a pre_tokenizer, BertPreTokenizer, is needed`);

    const vocab = json ? json_vocab(model) : text_vocab(file);
    const legacy = !config.own('added_tokens_decoder');
    const files = new TokenFiles(config, json, legacy ? file.json('special_tokens_map.json') : null, legacy ? file.json('added_tokens.json') : null);
    const tokens = read_tokens(files, vocab, bert);
    const unk = bert ? files.named('unk_token', true) : model ? model.string('unk_token', '[UNK]') : '[UNK]';
    this.options = normalizer_options(config, json, bert);
    this.fill(vocab, tokens, unk.length ? unk : '[UNK]', model);
    if (!config.flag('add_special_tokens', true)) this.parts = [new Part(null, 0)];
    else if (bert) this.parts = bert_parts(id_of(tokens, files.named('cls_token', true), 2), id_of(tokens, files.named('sep_token', true), 3));
    else this.parts = read_parts(json!);
    this.read_lengths(config, json);
  }

  /** Encodes a text to `ids`, `types` and `count`; what is taken for that is the caller's to release. */
  encode(t: Text): void {
    if (!is_utf8(t)) throw new Error('a text is not valid UTF-8');
    const size = <u64>t.size;
    const work = take(6 * size + 16, 'a text');
    const found = take(4 * size + 16, 'a text');
    let first = found;
    let count = encode(t.at, t.size, work, found);
    let special: u32 = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const ids = this.parts[i].ids;
      if (ids) special += ids.length;
    }
    // A limit below the special tokens truncates nothing, as in tokenizers.
    const room = this.limit - <i32>special;
    if (this.limit >= 0 && room >= 0 && count > <u32>room) {
      if (this.left) first += (count - room) * 4;
      count = room;
    }
    this.ids = take(4 * (<u64>count + special) + 16, 'a text');
    this.types = take(4 * (<u64>count + special) + 16, 'a text');
    this.count = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i];
      const ids = part.ids;
      if (ids) for (let j = 0; j < ids.length; j++) this.push(ids[j], part.type);
      else for (let j: u32 = 0; j < count; j++) this.push(load<u32>(first + j * 4), part.type);
    }
  }

  private push(id: u32, type: u32): void {
    store<u32>(this.ids + this.count * 4, id);
    store<u32>(this.types + this.count * 4, type);
    this.count++;
  }

  /** Lays the vocabulary and the added tokens out for assembly/processor. */
  private fill(vocab: Map<string, u32>, tokens: Array<Token>, unk: string, model: Json | null): void {
    if (!vocab.has(unk)) throw new Error(`the vocabulary has no unknown token "${unk}"`);
    unicode_init(cleared(unicode_bytes()));
    const words = vocab.keys();
    const count = words.length;
    let bytes: u64 = 0;
    for (let i = 0; i < count; i++) bytes += String.UTF8.byteLength(words[i]);
    const texts = take(bytes, 'the vocabulary');
    const offsets = take(<u64>count * 4 + 4, 'the vocabulary');
    const ids = take(<u64>count * 4, 'the vocabulary');
    let at: usize = 0;
    for (let i = 0; i < count; i++) {
      store<u32>(offsets + i * 4, at);
      store<u32>(ids + i * 4, vocab.get(words[i]));
      at += String.UTF8.encodeUnsafe(changetype<usize>(words[i]), words[i].length, texts + at, false);
    }
    store<u32>(offsets + count * 4, at);
    // At most half full, so that a miss ends after a slot or two.
    let slots: u32 = 2;
    while (slots < <u32>count * 2) slots *= 2;
    const prefix = encoded(model ? model.string('continuing_subword_prefix', '##') : '##');
    const most = model ? model.get('max_input_chars_per_word') : null;
    const chars: u32 = most ? <u32>most.integer(0, MOST_ID) : 100;
    const table = cleared(slots * 8);
    if (!wordpiece_init(texts, offsets, ids, count, table, slots, prefix.at, prefix.size, vocab.get(unk), chars, this.options)) {
      throw new Error('hundreds of tokens of the vocabulary share one place of its hash table');
    }

    const raw = this.records(tokens, false);
    const raw_count = this.count;
    const raw_bytes = this.bytes;
    const normalized = this.records(tokens, true);
    const nodes = cleared(16 * (raw_bytes + this.bytes + 2));
    added_tokens_init(raw, raw_count, normalized, this.count, nodes);
  }

  /** Records of added tokens; `count` is how many, `bytes` those of their texts. */
  private records(tokens: Array<Token>, normalized: bool): usize {
    const chosen = new Array<Token>();
    const texts = new Array<Text>();
    this.bytes = 0;
    for (let i = 0; i < tokens.length; i++) {
      if (tokens[i].normalized != normalized) continue;
      const text = encoded(tokens[i].content);
      if (normalized) {
        const work = take(6 * <u64>text.size + 16, 'an added token');
        const size = normalize(text.at, text.size, work, work + 3 * text.size, this.options);
        text.at = work;
        text.size = size;
      }
      if (!text.size) continue;
      texts.push(text);
      chosen.push(tokens[i]);
      this.bytes += text.size;
    }
    const at = take(<u64>chosen.length * 16, 'the added tokens');
    for (let i = 0; i < chosen.length; i++) {
      const token = chosen[i];
      const text = texts[i];
      store<u32>(at + i * 16, text.at);
      store<u32>(at + i * 16, text.size, 4);
      store<u32>(at + i * 16, token.id, 8);
      store<u32>(at + i * 16, <u32>token.single_word | (<u32>token.lstrip << 1) | (<u32>token.rstrip << 2), 12);
    }
    this.count = chosen.length;
    return at;
  }

  /** Where texts are cut, if they are: transformers' `_get_padding_truncation_strategies` for AlignProcessor's call. */
  private read_lengths(config: Json, json: Json | null): void {
    const model_length = config.get('model_max_length');
    const model = model_length ? model_length.number() : 1e30;
    const truncation = config.get('truncation');
    if (!truncation) return;
    if (truncation.is_text) {
      if (is(truncation.text(), 'do_not_truncate')) return;
      if (!is(truncation.text(), 'longest_first')) throw new Error(truncation.refused('this module has longest_first and do_not_truncate'));
    } else if (!truncation.boolean()) return;
    const saved = json ? json.object('truncation') : null;
    let length = LENGTH;
    if (config.own('max_length')) length = config.get('max_length') ? config.get('max_length')!.integer(0, MOST_ID) : model;
    else if (saved && saved.get('max_length')) length = saved.get('max_length')!.integer(0, MOST_ID);
    else if (json && json.object('padding')) length = model;
    this.left = config.string('truncation_side', saved ? saved.string('direction', 'right') : 'right').toLowerCase() == 'left';
    if (length <= NO_LENGTH) this.limit = <i32>min(length, MOST_ID);
  }
}

const EMPTY: StaticArray<u8> = [0x7b, 0x7d, 0];

function cleared(bytes: usize): usize {
  const at = take(bytes, 'the tokenizer');
  memory.fill(at, 0, bytes);
  return at;
}

/** The number of a name that must be one of `known`; 0 where it is not given. */
function one_of(json: Json, key: string, known: Array<string>): i32 {
  const value = json.get(key);
  if (!value) return 0;
  const index = known.indexOf(decoded(value.text()));
  if (index < 0) throw new Error(value.refused(`this module has ${known.join(', ')}`));
  return index;
}

function id_of(tokens: Array<Token>, content: string, initial: u32): u32 {
  for (let i = 0; i < tokens.length; i++) if (tokens[i].content == content) return tokens[i].id;
  return initial;
}

function json_vocab(model: Json | null): Map<string, u32> {
  const vocab = new Map<string, u32>();
  const list = model ? model.object('vocab') : null;
  const members = list ? list.members() : null;
  while (members && members.next()) {
    const token = decoded(members.key);
    vocab.set(token, <u32>new Json(TOKENIZER, token, members.at).integer(0, MOST_ID));
  }
  return vocab;
}

/** One token a line, white space at its end no part of it. */
function text_vocab(file: PackedFile): Map<string, u32> {
  const content = file.text('vocab.txt');
  if (!content) throw new Error(`${file.name} holds neither ${TOKENIZER} nor vocab.txt`);
  if (!is_utf8(content)) throw new Error('vocab.txt: not valid UTF-8');
  const vocab = new Map<string, u32>();
  const lines = decoded(content).split('\n');
  if (lines.length && !lines[lines.length - 1].length) lines.pop();
  for (let i = 0; i < lines.length; i++) {
    let end = lines[i].length;
    while (end && is_space(lines[i].charCodeAt(end - 1))) end--;
    vocab.set(lines[i].substring(0, end), i);
  }
  return vocab;
}

/** Unicode's white space. */
function is_space(c: i32): bool {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
    c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/** The options of `normalize`; none without a normalizer. */
function normalizer_options(config: Json, json: Json | null, bert: bool): u32 {
  const normalizer = json ? json.object('normalizer') : null;
  if (normalizer) one_of(normalizer, 'type', ['BertNormalizer']);
  else if (!bert) return 0;
  const own = normalizer ? normalizer : new Json(TOKENIZER, 'normalizer', changetype<usize>(EMPTY));
  const theirs = bert ? config : new Json(CONFIG, '', changetype<usize>(EMPTY));
  const clean = own.flag('clean_text', true);
  const chinese = theirs.flag('tokenize_chinese_chars', own.flag('handle_chinese_chars', true));
  const lowercase = theirs.flag('do_lower_case', own.flag('lowercase', true));
  const accents = theirs.own('strip_accents') ? theirs.flag('strip_accents', lowercase) : own.flag('strip_accents', lowercase);
  return <u32>clean | (<u32>chinese << 1) | (<u32>accents << 2) | (<u32>lowercase << 3);
}

/** `[CLS] text [SEP]` */
function bert_parts(cls: u32, sep: u32): Array<Part> {
  return [new Part([cls], 0), new Part(null, 0), new Part([sep], 0)];
}

/** What the post-processor of tokenizer.json does with one text. */
function read_parts(json: Json): Array<Part> {
  const processor = json.object('post_processor');
  if (!processor) return [new Part(null, 0)];
  if (one_of(processor, 'type', ['TemplateProcessing', 'BertProcessing'])) {
    return bert_parts(token_id(processor, 'cls'), token_id(processor, 'sep'));
  }
  const special = processor.object('special_tokens');
  const single = processor.list('single');
  if (!single) throw new Error(processor.refused('a list of parts, single, is needed'));
  const parts = new Array<Part>();
  let texts = 0;
  const members = single.members();
  while (members.next()) {
    const part = new Json(TOKENIZER, 'post_processor.single', members.at);
    const token = part.is_object ? part.object('SpecialToken') : null;
    const place = token ? token : part.is_object ? part.object('Sequence') : null;
    if (!place) throw new Error(part.refused('a SpecialToken or a Sequence is needed'));
    const type = place.get('type_id');
    const type_id: u32 = type ? <u32>type.integer(0, MOST_ID) : 0;
    if (!token) {
      if (place.string('id', '') != 'A' || texts++ > 0) throw new Error(place.refused('the text is called A and may be there once'));
      parts.push(new Part(null, type_id));
      continue;
    }
    const record = special ? special.object(token.string('id', '')) : null;
    const list = record ? record.list('ids') : null;
    if (!list) throw new Error(token.refused('its ids are needed among special_tokens'));
    const ids = new Array<u32>();
    const numbers = list.members();
    while (numbers.next()) ids.push(<u32>new Json(TOKENIZER, 'ids', numbers.at).integer(0, MOST_ID));
    parts.push(new Part(ids, type_id));
  }
  return parts;
}

/** BertProcessing writes a token as [text, id]. */
function token_id(processor: Json, key: string): u32 {
  const list = processor.list(key);
  const members = list ? list.members() : null;
  if (members && members.next() && members.next()) return <u32>new Json(TOKENIZER, key, members.at).integer(0, MOST_ID);
  throw new Error(processor.refused(`${key} and its id are needed`));
}
