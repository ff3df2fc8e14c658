// The tokenizer's core in WebAssembly (assembly/processor/wordpiece.ts) with the vocabulary in its memory: text in, ids
// out. JavaScript's own Unicode tables are never asked, so every runtime gives the same ids.

import { AlignError } from '../errors.ts';
import { Instance } from '../wasm/module.ts';

/** A token that is looked for in the text itself, as tokenizers' AddedToken. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out of a text decoded with `skip_special_tokens`. */
  readonly special: boolean;
  /** Looked for after normalisation, not before. */
  readonly normalized: boolean;
  /** Takes the white space on its left (right) with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Not inside a word. */
  readonly single_word: boolean;
}

/** tokenizers' BertNormalizer. `strip_accents` null follows `lowercase`. */
export interface BertNormalizer {
  readonly clean_text: boolean;
  readonly handle_chinese_chars: boolean;
  readonly strip_accents: boolean | null;
  readonly lowercase: boolean;
}

/** Everything that decides which ids a text has. */
export interface WordPieceSettings {
  readonly vocab: ReadonlyMap<string, number>;
  readonly unk_token: string;
  readonly continuing_subword_prefix: string;
  readonly max_input_chars_per_word: number;
  /** null: the text is taken as it is. */
  readonly normalizer: BertNormalizer | null;
  readonly added_tokens: readonly AddedToken[];
}

const encoder: TextEncoder = new TextEncoder();
const RECORD_BYTES = 16;
const NODE_BYTES = 16;

/** One instance of align.wasm that holds one vocabulary. */
export class WordPiece {
  readonly #instance: Instance;
  readonly #options: number;
  /** First byte behind the vocabulary: texts and ids go there. */
  #work: number;

  /** `vocab` has `unk_token`. @throws AlignError `unsupported_config` for a vocabulary whose tokens collide in the hash table. */
  constructor(module: WebAssembly.Module, settings: WordPieceSettings) {
    this.#instance = new Instance(module);
    const { exports } = this.#instance;
    this.#options = normalizer_options(settings.normalizer);
    this.#work = this.#instance.base;
    const unicode = this.#place(exports.unicode_bytes());
    exports.unicode_init(unicode);

    const { vocab } = settings;
    const tokens = this.#place_texts([...vocab.keys()]);
    const ids = this.#place(vocab.size * 4);
    this.#instance.u32(ids, vocab.size).set([...vocab.values()]);
    // At most half full, so that a miss ends after a slot or two.
    let slots = 2;
    while (slots < vocab.size * 2) slots *= 2;
    const table = this.#place(slots * 8);
    const prefix = this.#place_texts([settings.continuing_subword_prefix]);
    const spread = exports.wordpiece_init(
      tokens.bytes,
      tokens.offsets,
      ids,
      vocab.size,
      table,
      slots,
      prefix.bytes,
      prefix.length,
      vocab.get(settings.unk_token)!,
      settings.max_input_chars_per_word,
      this.#options,
    );
    if (spread === 0)
      throw new AlignError(
        'unsupported_config',
        'Hundreds of tokens of the vocabulary share one place of its hash table',
        { hint: 'words of a language do not: this vocabulary was made to be slow' },
      );

    const raw = this.#place_added(settings.added_tokens.filter((token) => !token.normalized));
    const normalized = this.#place_added(settings.added_tokens.filter((token) => token.normalized));
    const nodes = this.#place(NODE_BYTES * (raw.bytes + normalized.bytes + 2));
    exports.added_tokens_init(raw.at, raw.count, normalized.at, normalized.count, nodes);
  }

  /** Ids of one text, without those that the post-processor adds. A lone surrogate counts as U+FFFD, as TextEncoder has it. */
  encode(text: string): Uint32Array {
    const length = this.#write(text);
    const work = this.#work + length;
    const ids = Math.ceil((work + 6 * length) / 4) * 4;
    this.#instance.ensure(ids + 4 * length);
    const count = this.#instance.exports.encode(this.#work, length, work, ids);
    return this.#instance.u32(ids, count).slice();
  }

  /** The text as the vocabulary sees it, in UTF-8. */
  normalize(text: string): Uint8Array {
    const length = this.#write(text);
    const out = this.#work + length;
    this.#instance.ensure(out + 6 * length);
    const { exports } = this.#instance;
    const count = exports.normalize(this.#work, length, out, out + 3 * length, this.#options);
    return this.#instance.bytes(out, count).slice();
  }

  /** Puts a text at the start of the work area and returns its bytes. */
  #write(text: string): number {
    const room = text.length * 3;
    this.#instance.ensure(this.#work + room);
    return encoder.encodeInto(text, this.#instance.bytes(this.#work, room)).written;
  }

  /** Room for `size` bytes before the work area, zeroed. */
  #place(size: number): number {
    const at = this.#work;
    this.#work = Math.ceil((at + size) / 16) * 16;
    this.#instance.ensure(this.#work);
    this.#instance.bytes(at, this.#work - at).fill(0);
    return at;
  }

  /** Texts (bytes are UTF-8) one after the other, and where each begins and the last ends. */
  #place_texts(texts: readonly (string | Uint8Array)[]): { bytes: number; length: number; offsets: number } {
    const offsets = this.#place(4 * (texts.length + 1));
    const bytes = this.#work;
    const room = texts.reduce((sum, text) => sum + text.length * (typeof text === 'string' ? 3 : 1), 0);
    this.#instance.ensure(bytes + room);
    const ends = this.#instance.u32(offsets, texts.length + 1).subarray(1);
    const view = this.#instance.bytes(bytes, room);
    let length = 0;
    for (const [i, text] of texts.entries()) {
      const rest = view.subarray(length);
      if (typeof text === 'string') length += encoder.encodeInto(text, rest).written;
      else {
        rest.set(text);
        length += text.length;
      }
      ends[i] = length;
    }
    this.#work = Math.ceil((bytes + length) / 16) * 16;
    return { bytes, length, offsets };
  }

  /** Records of added tokens, and the bytes of their texts. One that is empty never matches. */
  #place_added(added: readonly AddedToken[]): { at: number; count: number; bytes: number } {
    const tokens = added
      .map((token) => ({
        token,
        text: token.normalized ? this.normalize(token.content) : encoder.encode(token.content),
      }))
      .filter(({ text }) => text.length > 0);
    const { bytes, length } = this.#place_texts(tokens.map(({ text }) => text));
    const at = this.#place(tokens.length * RECORD_BYTES);
    const records = this.#instance.u32(at, tokens.length * 4);
    let start = bytes;
    for (const [i, { token, text }] of tokens.entries()) {
      const flags = +token.single_word | (+token.lstrip << 1) | (+token.rstrip << 2);
      records.set([start, text.length, token.id, flags], i * 4);
      start += text.length;
    }
    return { at, count: tokens.length, bytes: length };
  }
}

function normalizer_options(normalizer: BertNormalizer | null): number {
  if (normalizer === null) return 0;
  const { clean_text, handle_chinese_chars, strip_accents, lowercase } = normalizer;
  return (
    +clean_text | (+handle_chinese_chars << 1) | (+(strip_accents ?? lowercase) << 2) | (+lowercase << 3)
  );
}
