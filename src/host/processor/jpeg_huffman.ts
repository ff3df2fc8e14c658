// The entropy-coded data of a JPEG scan: Huffman codes and bits.

import { corrupt } from './jpeg_errors.ts';
import { marker_at, RST0 } from './jpeg_segments.ts';

/** A table of codes: for each 16 bits that may come, `length of the code << 8 | its symbol`; 0 where no code fits. */
export type Codes = Uint16Array;

/** Codes from a table: its number, how many codes of each length there are (16), and their symbols in that order. */
export function make_codes(table: Uint8Array): Codes {
  const counts = table.subarray(1, 17);
  const symbols = table.subarray(17);
  const codes = new Uint16Array(65536);
  let at = 0;
  let next = 0; // first of the 16-bit prefixes that is still free
  for (let length = 1; length <= 16; length++) {
    const size = 1 << (16 - length);
    for (let i = 0; i < counts[length - 1]!; i++) {
      if (next + size > 65536) throw corrupt('a Huffman table has too many codes');
      codes.fill((length << 8) | symbols[at]!, next, next + size);
      at += 1;
      next += size;
    }
  }
  return codes;
}

/** Reads the bits of a scan. */
export class Bits {
  readonly #data: Uint8Array;
  #at = 0;
  #buffer = 0;
  #count = 0;
  /** Bits that were asked for beyond the end, and are zeros. */
  #missing = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** Fills the buffer with at least 25 bits. A marker ends the data. */
  #fill(): void {
    while (this.#count <= 24) {
      let byte = this.#data[this.#at];
      if (byte === undefined || (byte === 0xff && this.#data[this.#at + 1] !== 0)) {
        byte = 0;
        this.#missing += 8;
      } else {
        this.#at += byte === 0xff ? 2 : 1;
      }
      this.#buffer = (this.#buffer << 8) | byte;
      this.#count += 8;
    }
  }

  /** The next symbol. @throws AlignError `corrupt_image` */
  symbol(codes: Codes): number {
    if (this.#count < 16) this.#fill();
    const code = codes[(this.#buffer >>> (this.#count - 16)) & 0xffff]!;
    if (code === 0) throw corrupt('its data has a code that stands for nothing');
    this.#count -= code >> 8;
    return code & 255;
  }

  /** The next `length` bits, at most 16. */
  take(length: number): number {
    if (this.#count < length) this.#fill();
    this.#count -= length;
    return (this.#buffer >>> this.#count) & ((1 << length) - 1);
  }

  /** A number of a category: negative ones are stored less by 2^length - 1. */
  number(length: number): number {
    if (length === 0) return 0;
    const value = this.take(length);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** Checks that no more bits were taken than there were. @throws AlignError `corrupt_image` */
  check(): void {
    if (this.#missing > this.#count) throw corrupt('the data of a scan ends early');
  }

  /** Goes on behind restart marker `number`, 0 to 7. @throws AlignError `corrupt_image` */
  restart(number: number): void {
    this.check();
    // Bytes before it do no harm.
    this.#at = marker_at(this.#data, this.#at);
    if (this.#data[this.#at] !== 0xff || this.#data[this.#at + 1] !== RST0 + number)
      throw corrupt(`restart marker ${number} is not where it belongs`);
    this.#at += 2;
    this.#count = this.#missing = 0;
  }
}
