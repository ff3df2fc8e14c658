// The JSON header of a safetensors file, read strictly. JSON.parse will not do: it lets the last of two equal keys
// win and takes 1e3, 1.0 and -0 for integers, all of which the format forbids and attacks have used.
//
//   {"__metadata__": {string: string}, name: {"dtype": string, "shape": [n, …], "data_offsets": [begin, end]}, …}

import { AlignError, show } from '../errors.ts';

/** One tensor as the header states it; nothing is checked yet beyond the grammar. Offsets count from the data's start. */
export interface HeaderEntry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  entries: HeaderEntry[];
  metadata: Map<string, string>;
}

/** ALIGN has 1,394 tensors of rank 4 at most; the caps keep a hostile header cheap. */
export const MAX_TENSORS = 10_000;
export const MAX_RANK = 8;
const MAX_METADATA = 1_000;
/** Characters of a name, or of a text of the metadata. */
const MAX_STRING: number = 2 ** 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const AFTER_INTEGER = ',:[]{}" \n\r\t';
const WHITE = /[ \n\r\t]*/y;
const PADDING = / */y;

/** The error of everything wrong with the bytes of a checkpoint. */
export function corrupt(file: string, problem: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('corrupt_checkpoint', `${file}: ${problem}`, { detail: { file, ...detail } });
}

/**
 * Parses a header in one pass, in time linear in its length.
 * @throws AlignError `corrupt_checkpoint` with the file, the tensor, the byte position and the value.
 */
export function parse_header(file: string, bytes: Uint8Array): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw corrupt(file, 'the header is not valid UTF-8');
  }
  return new HeaderParser(file, text, text.length === bytes.length).header();
}

class HeaderParser {
  readonly #file: string;
  readonly #text: string;
  readonly #ascii: boolean;
  #at = 0;
  /** The tensor being read, for messages. */
  #tensor: string | undefined;

  constructor(file: string, text: string, ascii: boolean) {
    this.#file = file;
    this.#text = text;
    this.#ascii = ascii;
  }

  header(): Header {
    if (!this.#text.startsWith('{')) this.#fail('the header does not begin with "{"');
    const entries: HeaderEntry[] = [];
    let metadata = new Map<string, string>();
    this.#object(MAX_TENSORS + 1, (key) => {
      if (key === '__metadata__') {
        metadata = this.#metadata();
      } else {
        if (entries.length === MAX_TENSORS) this.#fail(`more than ${MAX_TENSORS} tensors`);
        this.#tensor = key;
        entries.push(this.#entry(key));
        this.#tensor = undefined;
      }
    });
    PADDING.lastIndex = this.#at;
    PADDING.test(this.#text);
    this.#at = PADDING.lastIndex;
    if (this.#at < this.#text.length) this.#fail('only spaces may follow the header', this.#token());
    return { entries, metadata };
  }

  #metadata(): Map<string, string> {
    const metadata = new Map<string, string>();
    this.#object(MAX_METADATA, (key) => metadata.set(key, this.#string()));
    return metadata;
  }

  #entry(name: string): HeaderEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#members((key) => {
      if (key === 'dtype') {
        this.#once(key, dtype);
        dtype = this.#string();
      } else if (key === 'shape') {
        this.#once(key, shape);
        shape = this.#integers(MAX_RANK, 'dimensions');
      } else if (key === 'data_offsets') {
        this.#once(key, offsets);
        offsets = this.#integers(2, 'data_offsets');
      } else this.#fail('a tensor has dtype, shape and data_offsets only', key);
    });
    if (dtype === undefined) this.#fail('dtype is absent');
    if (shape === undefined) this.#fail('shape is absent');
    if (offsets?.length !== 2) this.#fail('data_offsets must be two integers', offsets);
    return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
  }

  #once(key: string, value: unknown): void {
    if (value !== undefined) this.#fail('a key occurs twice', key);
  }

  /** An object of at most `max` members, each key once. */
  #object(max: number, member: (key: string) => void): void {
    const keys = new Set<string>();
    this.#members((key) => {
      if (keys.has(key)) this.#fail('a key occurs twice', key);
      if (keys.size === max) this.#fail(`more than ${max} entries`, key);
      keys.add(key);
      member(key);
    });
  }

  /** `{"key": value, …}`: calls `member` with each key, the cursor before its value. */
  #members(member: (key: string) => void): void {
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const key = this.#string();
      this.#expect(':');
      member(key);
    } while (this.#accept(','));
    this.#expect('}');
  }

  #integers(max: number, what: string): number[] {
    const list: number[] = [];
    this.#expect('[');
    if (this.#accept(']')) return list;
    do {
      if (list.length === max) this.#fail(`more than ${max} ${what}`);
      list.push(this.#integer());
    } while (this.#accept(','));
    this.#expect(']');
    return list;
  }

  #integer(): number {
    this.#skip_space();
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (; at - start < 17; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
    const whole = at > start && (at === start + 1 || text[start] !== '0');
    if (!whole || !Number.isSafeInteger(value) || !AFTER_INTEGER.includes(text.charAt(at)))
      this.#fail('not an integer from 0 to 2^53 - 1', this.#token());
    this.#at = at;
    return value;
  }

  #string(): string {
    this.#skip_space();
    const text = this.#text;
    if (text.charCodeAt(this.#at) !== QUOTE) this.#fail('a string is expected', this.#token());
    const start = ++this.#at;
    let escaped = false;
    for (let code = text.charCodeAt(start); code !== QUOTE; code = text.charCodeAt(this.#at)) {
      if (this.#at >= text.length) this.#fail('the header ends inside a string');
      if (code < SPACE) this.#fail('a control character in a string', code);
      if (this.#at - start > MAX_STRING) this.#fail(`a string longer than ${MAX_STRING} characters`);
      if (code === BACKSLASH) escaped = true;
      this.#at += code === BACKSLASH ? 2 : 1;
    }
    const raw = text.slice(start, this.#at++);
    return escaped ? this.#unescape(raw) : raw;
  }

  /** One string literal is the part of JSON on which JSON.parse is strict, but for surrogates without their partner. */
  #unescape(raw: string): string {
    let text: string;
    try {
      text = JSON.parse(`"${raw}"`) as string;
    } catch {
      this.#fail('an unknown escape', raw);
    }
    if (/\p{Surrogate}/u.test(text)) this.#fail('a lone surrogate in a string', raw);
    return text;
  }

  #skip_space(): void {
    if (!(this.#text.charCodeAt(this.#at) <= SPACE)) return;
    WHITE.lastIndex = this.#at;
    WHITE.test(this.#text);
    this.#at = WHITE.lastIndex;
  }

  #accept(character: string): boolean {
    this.#skip_space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) this.#fail(`"${character}" is expected`, this.#token());
  }

  /** What stands at the cursor up to a space or a mark, at most 24 characters: a number to read, or a value to show. */
  #token(): string {
    const next = this.#text.slice(this.#at, this.#at + 24);
    return /^[^\s,:[\]{}"]*/.exec(next)![0] || next.slice(0, 1);
  }

  /** The cursor in bytes. */
  #position(): number {
    if (this.#ascii) return this.#at;
    let bytes = 0;
    for (let i = 0; i < this.#at; i++) {
      const code = this.#text.charCodeAt(i);
      // Each half of a pair of surrogates stands for two of four bytes.
      bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
    }
    return bytes;
  }

  #fail(problem: string, value?: unknown): never {
    const where = this.#tensor === undefined ? '' : `tensor ${show(this.#tensor)}: `;
    const found = value === undefined ? '' : `: ${show(value)}`;
    const position = this.#position();
    throw corrupt(this.#file, `${where}${problem}${found} (byte ${position} of the header)`, {
      tensor: this.#tensor,
      position,
      value,
    });
  }
}
