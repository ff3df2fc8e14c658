// The tables of a JPEG (quantisation, Huffman codes) and its restart interval: those that the next scan finds, each the latest
// of its number, whatever came before it.

import { corrupt } from './jpeg_errors.ts';
import { DHT, DRI, type Segment } from './jpeg_segments.ts';

/** Tables have the numbers 0 to 3; those of AC coefficients 16 more. */
const NUMBERS = 4;
/** Of a Huffman table with all 256 symbols. */
const MAX_LENGTH = 17 + 256;

export class Tables {
  #new = new Map<number, Segment>();
  /** How many have come, replaced ones too. */
  count = 0;

  /** Takes a DQT, DHT or DRI segment. @throws AlignError `corrupt_image` */
  add(marker: number, data: Uint8Array): void {
    if (marker === DRI) {
      if (data.length !== 2) throw corrupt('its restart interval has a wrong length');
      this.#new.set(DRI, { marker, data });
      return;
    }
    for (let at = 0; at < data.length;) {
      const length = marker === DHT ? huffman_length(data, at) : data[at]! >> 4 === 0 ? 65 : 129;
      const table = data.subarray(at, at + length);
      const number = data[at]! & (marker === DHT ? ~16 : 15);
      if (table.length < length || length > MAX_LENGTH || number >= NUMBERS)
        throw corrupt(`a ${marker === DHT ? 'Huffman' : 'quantisation'} table has a wrong length or number`);
      this.#new.set((marker << 8) | (marker === DHT ? table[0]! : number), { marker, data: table });
      this.count += 1;
      at += length;
    }
  }

  /** What is new since the last call. */
  take(): Segment[] {
    const taken = [...this.#new.values()];
    this.#new = new Map();
    return taken;
  }
}

/** Its number, how many codes of each length there are (16), their symbols. */
function huffman_length(data: Uint8Array, at: number): number {
  return data.subarray(at + 1, at + 17).reduce((length, count) => length + count, 17);
}
