// What the scans of a JPEG bring and cost, by their headers and sizes: a few bytes may name a picture of gigabytes, or go
// over it again and again ("Two Issues with the JPEG Standard").

import { AlignError } from '../errors.ts';
import { corrupt, unsupported } from './jpeg_errors.ts';
import type { Frame } from './jpeg_markers.ts';

/** What the header of a scan says. */
export interface ScanHeader {
  /** The header itself; of a sequential one as it should be. */
  readonly header: Uint8Array;
  /** Its components, by their place in the frame, and the numbers of their Huffman tables. */
  readonly components: readonly { readonly index: number; readonly dc: number; readonly ac: number }[];
  /** First and last coefficient. */
  readonly first: number;
  readonly last: number;
  /** Position of the bit that it refines, or 0 where it is the first of its coefficients. */
  readonly high: number;
  /** Position of the lowest bit that it brings. */
  readonly low: number;
}

/** More than encoders make (about 10), few enough that a hostile file does not keep the decoder busy. */
const MAX_SCANS = 200;
const MAX_COMPONENTS = 4;
/** Blocks that a scan of several components may bring together. */
const MAX_TOGETHER = 10;

/** How often all coefficients may be gone over: encoders do up to 5 times. Scans of small pictures cost nothing. */
const MAX_ROUNDS = 8;
const FREE_COEFFICIENTS = 2 ** 27;
/** What a block costs beside its coefficients, as so many of them. */
const BLOCK_COST = 8;

/** Coefficients beside the mean which must be there to the last bit, or decoders smooth the picture, each in its own way. */
const EXACT = 9;

/** Counts the scans of a frame. */
export class Scans {
  readonly #frame: Frame;
  /** By component: blocks in a scan of its own, and in one of several components. */
  readonly #alone: readonly number[];
  readonly #together: readonly number[];
  /** By component: whether coefficients 1 to EXACT have come to their last bit. */
  readonly #exact: readonly boolean[][];
  #count = 0;
  #coefficients = 0;

  constructor(frame: Frame) {
    const { width, height, components, progressive } = frame;
    this.#frame = frame;
    const h_max = Math.max(...components.map(({ h }) => h));
    const v_max = Math.max(...components.map(({ v }) => v));
    const units = Math.ceil(width / (8 * h_max)) * Math.ceil(height / (8 * v_max));
    this.#together = components.map(({ h, v }) => units * h * v);
    this.#alone = components.map(
      ({ h, v }) => Math.ceil((width * h) / (8 * h_max)) * Math.ceil((height * v) / (8 * v_max)),
    );
    this.#exact = components.map(() => new Array<boolean>(EXACT).fill(!progressive));
  }

  /** The next scan, by its header and how many bytes of data follow. @throws AlignError `corrupt_image`, `too_large` */
  add(header: Uint8Array, bytes: number): ScanHeader {
    this.#count += 1;
    if (this.#count > MAX_SCANS)
      throw new AlignError('too_large', `The JPEG has more than ${MAX_SCANS} scans`, {
        detail: { max_scans: MAX_SCANS },
      });
    const scan = this.#read(header);
    const { components, first, last, low } = scan;
    const sizes = components.length > 1 ? this.#together : this.#alone;
    const blocks = components.reduce((sum, { index }) => sum + sizes[index]!, 0);
    // A code has one bit at least; a block a code for its mean and, unless the means have scans of their own, another.
    // Scans of other coefficients may pass over blocks for nothing.
    const least_bits = this.#frame.progressive ? (first === 0 ? blocks : 0) : 2 * blocks;
    if (8 * bytes < least_bits)
      throw corrupt(`a scan of ${blocks} blocks has ${bytes} bytes of data`, { blocks, bytes });
    this.#coefficients += blocks * (last - first + 1 + BLOCK_COST);
    const all = 64 * this.#together.reduce((sum, size) => sum + size, 0);
    if (this.#coefficients > Math.max(FREE_COEFFICIENTS, MAX_ROUNDS * all))
      throw new AlignError('too_large', `The JPEG's scans go over it more than ${MAX_ROUNDS} times`, {
        detail: { coefficients: this.#coefficients, max_rounds: MAX_ROUNDS },
      });
    if (this.#frame.progressive)
      for (const { index } of components) this.#exact[index]!.fill(low === 0, Math.max(0, first - 1), last);
    return scan;
  }

  /** A header names components, two bytes each, then what it brings of them; checked as libjpeg does. */
  #read(header: Uint8Array): ScanHeader {
    const { components, progressive } = this.#frame;
    const count = header[0] ?? 0;
    if (header.length !== 4 + 2 * count || count < 1 || count > MAX_COMPONENTS)
      throw corrupt('the header of a scan has a wrong length');
    const chosen: { index: number; dc: number; ac: number }[] = [];
    for (let i = 0; i < count; i++) {
      const [name, tables] = header.subarray(1 + 2 * i);
      // Of components with one name, libjpeg takes the first whose place in the scan is still free.
      const index = components.findIndex(({ id }, place) => id === name && place >= i);
      if (index < 0 || chosen.some((other) => other.index === index))
        throw corrupt(`a scan names component ${name!}, which does not exist or was named before`);
      chosen.push({ index, dc: tables! >> 4, ac: tables! & 15 });
    }
    if (
      count > 1 &&
      chosen.reduce((sum, { index }) => sum + components[index]!.h * components[index]!.v, 0) > MAX_TOGETHER
    )
      throw corrupt(`a scan brings more than ${MAX_TOGETHER} blocks together`);
    // Elsewhere these bytes mean nothing, but libjpeg warns of others than these.
    if (!progressive) {
      const plain = Uint8Array.from([...header.subarray(0, -3), 0, 63, 0]);
      return { header: plain, components: chosen, first: 0, last: 63, high: 0, low: 0 };
    }
    const [first, last, approximation] = header.subarray(1 + 2 * count) as unknown as [
      number,
      number,
      number,
    ];
    const [high, low] = [approximation >> 4, approximation & 15];
    if (first === 0 ? last !== 0 : last < first || last > 63 || count > 1)
      throw corrupt(`a scan has coefficients ${first} to ${last}, which cannot be`);
    if (low > 13 || (high > 0 && low !== high - 1)) throw corrupt('a scan has bits that cannot be');
    return { header, components: chosen, first, last, high, low };
  }

  /**
   * After the last scan. libjpeg-turbo 3, Pillow's, smooths progressive pictures of which low frequencies are missing; the
   * decoder here does it otherwise. @throws AlignError `unsupported_image`
   */
  finish(): void {
    const missing = this.#exact.findIndex((exact) => exact.includes(false));
    if (missing >= 0)
      throw unsupported(
        `is progressive and not complete: low frequencies of component ${missing} are missing`,
        {
          component: missing,
        },
      );
  }
}
