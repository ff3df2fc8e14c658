// Seeded choices. Every file has a seed of its own, so that any one of a million can be made again alone.

import { Random } from '../kernels/support/random.ts';

export class Dice extends Random {
  /** The dice of file `index` of a run with `seed`. */
  static of(seed: number, index: number): Dice {
    return new Dice(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35));
  }

  /** Uniform in 0 … limit - 1. */
  below(limit: number): number {
    return Math.floor(limit * this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}
