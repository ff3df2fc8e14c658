// An activation tensor while a plan is recorded.

import { LANES } from './op';
import { Role } from './tables';

/** [n, h, w, c] with rows of `stride` floats: pixels of pictures, tokens (h = w = 1) or a vector of integers (n = h = w = 1). */
export class Tensor {
  /** First and last op that touch it; an input is there before the first op, an output after the last. */
  first: i32 = -1;
  last: i32 = -1;
  offset: u64 = 0;
  role: Role = Role.Internal;
  name: u32 = 0;

  constructor(
    public id: i32,
    public n: u32,
    public h: u32,
    public w: u32,
    public c: u32,
    public bytes: u64,
  ) {}

  /** Floats from one row to the next. */
  get stride(): u32 {
    return round_up(this.c);
  }

  get rows(): u32 {
    return this.n * this.h * this.w;
  }
}

/** A row's width with its pad lanes. */
export function round_up(width: u32): u32 {
  return (width + LANES - 1) & ~(LANES - 1);
}
