// Special and added tokens of a tokenizer's files, collected and numbered as in src/host/processor/added_tokens.ts.

import { Json } from './json';
import { decoded } from './text';

/** transformers' SPECIAL_TOKENS_ATTRIBUTES, and BERT's own for the classes that have them. */
const NAMES: StaticArray<string> = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const BERT: StaticArray<string> = ['', '', '[UNK]', '[SEP]', '[PAD]', '[CLS]', '[MASK]'];

/** A token that is looked for in the text itself. */
export class Token {
  id: u32 = 0;
  /** Its number in the file, which gives the order. */
  listed: f64 = 0;
  normalized: bool = false;
  lstrip: bool = false;
  rstrip: bool = false;
  single_word: bool = false;

  constructor(public content: string) {}
}

/** The files that name tokens. */
export class TokenFiles {
  /** special_tokens_map.json and added_tokens.json count only beside a configuration that does not list its tokens. */
  constructor(
    public config: Json,
    public tokenizer: Json | null,
    public special_tokens_map: Json | null,
    public added_tokens: Json | null,
  ) {}

  /** What stands for a key, in the older file before the configuration. */
  own(key: string): Json | null {
    const map = this.special_tokens_map;
    const value = map ? map.own(key) : null;
    return value ? value : this.config.own(key);
  }

  get(key: string): Json | null {
    const value = this.own(key);
    return value && value.is_null ? null : value;
  }

  /** The content of a special token; empty where there is none. */
  named(name: string, bert: bool): string {
    const value = this.own(name);
    if (!value) return bert ? BERT[NAMES.indexOf(name)] : '';
    return value.is_null ? '' : token_of(value, true).content;
  }
}

/** All tokens, each once, with the ids that tokenizers gives them: the vocabulary's own, else the next one behind all. */
export function read_tokens(files: TokenFiles, vocab: Map<string, u32>, bert: bool): Array<Token> {
  const tokens = listed_tokens(files);
  for (let i = 0; i < NAMES.length; i++) {
    const value = files.own(NAMES[i]);
    if (value ? !value.is_null : bert && BERT[i].length > 0) {
      tokens.push(value ? token_of(value, true) : new Token(BERT[i]));
    }
  }
  const extra = files.get('extra_special_tokens');
  const more = extra ? extra : files.get('additional_special_tokens');
  if (more) {
    const members = more.members();
    while (members.next()) tokens.push(token_of(new Json(more.file, more.key, members.at), true));
  }
  const numbered = new Array<Token>();
  const known = new Set<string>();
  let next: u32 = vocab.size;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!token.content.length || known.has(token.content)) continue;
    token.id = vocab.has(token.content) ? vocab.get(token.content) : next;
    next = max(next, token.id + 1);
    known.add(token.content);
    numbered.push(token);
  }
  return numbered;
}

/** A token as a text, or as a record of its flags. */
function token_of(value: Json, special: bool): Token {
  if (value.is_text) {
    const token = new Token(decoded(value.text()));
    token.normalized = !special;
    return token;
  }
  const content = value.is_object ? value.get('content') : null;
  if (!content) throw new Error(value.refused('a token is a text, or an object with its content'));
  const token = new Token(decoded(content.text()));
  token.normalized = value.flag('normalized', !value.flag('special', special));
  token.lstrip = value.flag('lstrip', false);
  token.rstrip = value.flag('rstrip', false);
  token.single_word = value.flag('single_word', false);
  return token;
}

/** The tokens that the files list, in the order of their ids. */
function listed_tokens(files: TokenFiles): Array<Token> {
  const tokens = new Array<Token>();
  const decoder = files.config.object('added_tokens_decoder');
  if (decoder) {
    const members = decoder.members();
    while (members.next()) {
      const token = token_of(new Json(decoder.file, 'added_tokens_decoder', members.at), false);
      token.listed = F64.parseInt(decoded(members.key), 10);
      tokens.push(token);
    }
  } else {
    const added = files.added_tokens;
    const members = added ? added.members() : null;
    while (members && members.next()) {
      const token = new Token(decoded(members.key));
      token.normalized = true;
      token.listed = new Json(added!.file, token.content, members.at).integer(0, u32.MAX_VALUE);
      tokens.push(token);
    }
    const tokenizer = files.tokenizer;
    const list = tokenizer ? tokenizer.list('added_tokens') : null;
    const records = list ? list.members() : null;
    while (records && records.next()) {
      const record = new Json(list!.file, 'added_tokens', records.at);
      const token = token_of(record, false);
      const id = record.is_object ? record.get('id') : null;
      if (!id) throw new Error(record.refused('its id is needed'));
      token.listed = id.integer(0, u32.MAX_VALUE);
      tokens.push(token);
    }
  }
  for (let i = 0; i < tokens.length; i++) {
    if (!(tokens[i].listed >= 0)) throw new Error(`the added token "${tokens[i].content}" has no id`);
  }
  tokens.sort((a, b) => <i32>(a.listed > b.listed) - <i32>(a.listed < b.listed));
  return tokens;
}
