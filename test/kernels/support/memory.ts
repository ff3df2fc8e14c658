// Memory of an instance of align.wasm with a guard band around everything in it, so that a kernel that reads outside its
// operands computes NaN, and one that writes outside its results is caught.

import { assert } from 'vitest';
import type { Instance } from '../../../src/host/wasm/module.ts';

/**
 * NaNs that no arithmetic makes: bytes that belong to nobody, results not yet written, and bytes around results, whose NaN is
 * one of its own: a kernel that reads too far hands on the NaN from there, and may write it too far.
 */
const NOBODYS = 0x7fc0dead;
const UNWRITTEN = 0x7fc0beef;
const AROUND = 0x7fc0feed;

/** Bytes behind every place; more lie there up to the next multiple of 256, where the next place begins. */
const GUARD = 64;

export class GuardedMemory {
  readonly instance: Instance;
  readonly #writable: { start: number; end: number }[] = [];
  #end: number;

  constructor(instance: Instance) {
    this.instance = instance;
    this.#end = instance.base;
  }

  /** First address behind everything placed so far. */
  get end(): number {
    return this.#end;
  }

  /** Address of `bytes` bytes that kernels may only read. */
  place(bytes: number): number {
    const start = Math.ceil(this.#end / 256) * 256;
    const end = Math.ceil((start + bytes + GUARD) / 4) * 4;
    this.instance.ensure(end);
    this.instance.u32(this.#end, (end - this.#end) / 4).fill(NOBODYS);
    this.#end = end;
    return start;
  }

  /** Address of `bytes` bytes (whole floats) that kernels write, marked as not yet written. */
  result(bytes: number): number {
    const before = this.#end;
    const start = this.place(bytes);
    this.instance.u32(before, (this.#end - before) / 4).fill(AROUND);
    this.#writable.push({ start, end: start + bytes });
    this.instance.u32(start, bytes / 4).fill(UNWRITTEN);
    return start;
  }

  /** From here on, results made so far may only be read. */
  seal(): void {
    this.#writable.length = 0;
  }

  /** Runs `task` and checks that it changed nothing but results, the module's own memory included. */
  guard(task: () => void): void {
    const before = this.instance.bytes(0, this.#end).slice();
    task();
    const after = this.instance.bytes(0, this.#end);
    let at = 0;
    for (const { start, end } of [...this.#writable, { start: this.#end, end: this.#end }]) {
      if (Buffer.compare(before.subarray(at, start), after.subarray(at, start)) !== 0) {
        let place = at;
        while (before[place] === after[place]) place++;
        assert.fail(`byte ${place} was written; results lie at ${JSON.stringify(this.#writable)}`);
      }
      at = end;
    }
  }

  /** Dense copy of the result [rows, width] at `at`, bit for bit; its pad lanes must be zeros and every element written. */
  take(at: number, rows: number, width: number, stride: number): Float32Array {
    const bits = this.instance.u32(at, rows * stride);
    const values = this.instance.f32(at, rows * stride);
    const dense = new Uint32Array(rows * width);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < stride; j++) {
        const from = i * stride + j;
        if (bits[from] === UNWRITTEN) assert.fail(`row ${i}, column ${j} of ${width} was not written`);
        if (j < width) dense[i * width + j] = bits[from]!;
        else if (bits[from] !== 0) assert.fail(`pad lane ${j} of row ${i} is ${values[from]!}, not 0`);
      }
    }
    return new Float32Array(dense.buffer);
  }
}
