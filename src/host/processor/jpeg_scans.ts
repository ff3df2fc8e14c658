// What the scans of a JPEG bring and cost, by their headers and sizes: a few bytes may name a picture of gigabytes, or go
// over it again and again ("Two Issues with the JPEG Standard").

import { AlignError } from '../errors.ts';
import { corrupt, unsupported } from './jpeg_errors.ts';
import type { Component } from './jpeg_markers.ts';

/** More than encoders make (about 10), few enough that a hostile file does not keep the decoder busy. */
const MAX_SCANS = 200;

/** How often all blocks may be gone over: encoders do up to 6 times. Scans of small pictures cost nothing. */
const MAX_ROUNDS = 16;
const FREE_BLOCKS = 2 ** 22;

/** Coefficients of a block that a picture must have beside its mean, or decoders invent them. */
const DETAIL = 9;

/** Counts the scans of a frame. */
export class Scans {
  readonly #components: readonly Component[];
  readonly #progressive: boolean;
  /** By component: blocks in a scan of its own, and in one of several components. */
  readonly #alone: readonly number[];
  readonly #together: readonly number[];
  /** By component: whether a scan brings one of the nine lowest frequencies. */
  readonly #detailed: boolean[];
  #count = 0;
  #blocks = 0;

  constructor(width: number, height: number, progressive: boolean, components: readonly Component[]) {
    this.#components = components;
    this.#progressive = progressive;
    const h_max = Math.max(...components.map(({ h }) => h));
    const v_max = Math.max(...components.map(({ v }) => v));
    const units = Math.ceil(width / (8 * h_max)) * Math.ceil(height / (8 * v_max));
    this.#together = components.map(({ h, v }) => units * h * v);
    this.#alone = components.map(
      ({ h, v }) => Math.ceil((width * h) / (8 * h_max)) * Math.ceil((height * v) / (8 * v_max)),
    );
    this.#detailed = components.map(() => !progressive);
  }

  /**
   * The next scan: its header (it names its components, two bytes each, then its first and last coefficient) and how many
   * bytes of data follow. @throws AlignError `corrupt_image`, `too_large`
   */
  add(header: Uint8Array, bytes: number): void {
    this.#count += 1;
    if (this.#count > MAX_SCANS)
      throw new AlignError('too_large', `The JPEG has more than ${MAX_SCANS} scans`, {
        detail: { max_scans: MAX_SCANS },
      });
    const count = header[0] ?? 0;
    if (header.length !== 4 + 2 * count) throw corrupt('the header of a scan has a wrong length');
    const [first, last] = header.subarray(1 + 2 * count);
    const sizes = count > 1 ? this.#together : this.#alone;
    let blocks = 0;
    for (let i = 0; i < count; i++) {
      const index = this.#components.findIndex(({ id }) => id === header[1 + 2 * i]);
      if (index < 0) continue;
      blocks += sizes[index]!;
      if (first! <= DETAIL && last! >= 1) this.#detailed[index] = true;
    }
    // A code has one bit at least; a block a code for its mean and, unless the means have scans of their own, another.
    // Scans of other coefficients may pass over blocks for nothing.
    const least_bits = this.#progressive ? (first === 0 ? blocks : 0) : 2 * blocks;
    if (8 * bytes < least_bits)
      throw corrupt(`a scan of ${blocks} blocks has ${bytes} bytes of data`, { blocks, bytes });
    this.#blocks += blocks;
    const rounds = this.#blocks / this.#together.reduce((sum, size) => sum + size, 0);
    if (this.#blocks > FREE_BLOCKS && rounds > MAX_ROUNDS)
      throw new AlignError('too_large', `The JPEG's scans go over it more than ${MAX_ROUNDS} times`, {
        detail: { blocks: this.#blocks, max_rounds: MAX_ROUNDS },
      });
  }

  /**
   * After the last scan. libjpeg-turbo 3, Pillow's, invents the missing detail of a progressive picture that has none; the
   * decoder here does it otherwise. @throws AlignError `unsupported_image`
   */
  finish(): void {
    const missing = this.#detailed.indexOf(false);
    if (missing >= 0)
      throw unsupported(`is progressive and not complete: component ${missing} has its coarsest scan alone`, {
        component: missing,
      });
  }
}
