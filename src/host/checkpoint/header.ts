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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The error of everything wrong with the bytes of a checkpoint. */
export function corrupt(file: string, problem: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('corrupt_checkpoint', `${file}: ${problem}`, { detail: { file, ...detail } });
}

/**
 * Parses a header in one pass, in time linear in its length.
 * @throws AlignError `corrupt_checkpoint` with the file, the tensor, the byte position and the value.
 */
export function parse_header(file: string, bytes: Uint8Array): Header {
  return new HeaderParser(file, bytes).header();
}

class HeaderParser {
  readonly #file: string;
  readonly #bytes: Uint8Array;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;
  /** The tensor being read, for messages. */
  #tensor: string | undefined;

  constructor(file: string, bytes: Uint8Array) {
    this.#file = file;
    this.#bytes = bytes;
  }

  header(): Header {
    if (this.#bytes[0] !== 0x7b) this.#fail('the header does not begin with "{"');
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
    while (this.#bytes[this.#at] === 0x20) this.#at++;
    if (this.#at < this.#bytes.length) this.#fail('only spaces may follow the header', this.#token());
    return { entries, metadata };
  }

  #metadata(): Map<string, string> {
    const metadata = new Map<string, string>();
    this.#object(MAX_TENSORS, (key) => metadata.set(key, this.#string()));
    return metadata;
  }

  #entry(name: string): HeaderEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#object(3, (key) => {
      if (key === 'dtype') dtype = this.#string();
      else if (key === 'shape') shape = this.#integers(MAX_RANK, 'dimensions');
      else if (key === 'data_offsets') offsets = this.#integers(2, 'data_offsets');
      else this.#fail('a tensor has dtype, shape and data_offsets only', key);
    });
    if (dtype === undefined) this.#fail('dtype is absent');
    if (shape === undefined) this.#fail('shape is absent');
    if (offsets?.length !== 2) this.#fail('data_offsets must be two integers', offsets);
    return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
  }

  /** `{"key": value, …}`: calls `member` with each key, the cursor before its value. */
  #object(max: number, member: (key: string) => void): void {
    const keys = new Set<string>();
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const key = this.#string();
      if (keys.has(key)) this.#fail('a key occurs twice', key);
      if (keys.size === max) this.#fail(`more than ${max} entries`, key);
      keys.add(key);
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
    const token = this.#token();
    const value = /^(?:0|[1-9][0-9]*)$/.test(token) ? Number(token) : NaN;
    if (!Number.isSafeInteger(value)) this.#fail('not an integer from 0 to 2^53 - 1', token);
    this.#at += token.length;
    return value;
  }

  #string(): string {
    this.#skip_space();
    const bytes = this.#bytes;
    if (bytes[this.#at] !== QUOTE) this.#fail('a string is expected', this.#token());
    const start = ++this.#at;
    let escaped = false;
    for (let byte = bytes[start]; byte !== QUOTE; byte = bytes[this.#at]) {
      if (byte === undefined) this.#fail('the header ends inside a string');
      if (byte < 0x20) this.#fail('a control character in a string', byte);
      if (byte === BACKSLASH) escaped = true;
      this.#at += byte === BACKSLASH ? 2 : 1;
    }
    const raw = this.#decode(bytes.subarray(start, this.#at++));
    return escaped ? this.#unescape(raw) : raw;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes);
    } catch {
      return this.#fail('a string is not valid UTF-8');
    }
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
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #accept(character: string): boolean {
    this.#skip_space();
    if (this.#bytes[this.#at] !== character.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) this.#fail(`"${character}" is expected`, this.#token());
  }

  /** What stands at the cursor up to a space or a mark, at most 24 characters: a number to read, or a value to show. */
  #token(): string {
    const ascii = String.fromCharCode(...this.#bytes.subarray(this.#at, this.#at + 24));
    return /^[^\s,:[\]{}"]*/.exec(ascii)![0] || ascii.slice(0, 1);
  }

  #fail(problem: string, value?: unknown): never {
    const where = this.#tensor === undefined ? '' : `tensor ${show(this.#tensor)}: `;
    const found = value === undefined ? '' : `: ${show(value)}`;
    throw corrupt(this.#file, `${where}${problem}${found} (byte ${this.#at} of the header)`, {
      tensor: this.#tensor,
      position: this.#at,
      value,
    });
  }
}
