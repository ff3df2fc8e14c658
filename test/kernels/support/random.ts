// Seeded test data: the same on every run and every machine.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform in [low, high), rounded to float32. */
  floats(count: number, low = -1, high = 1): Float32Array {
    return Float32Array.from({ length: count }, () => low + (high - low) * this.next());
  }

  /** Uniform in 0 … limit − 1. */
  integers(count: number, limit: number): Int32Array {
    return Int32Array.from({ length: count }, () => Math.floor(limit * this.next()));
  }
}
