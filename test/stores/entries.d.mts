/** xorshift32 from a seed; numbers in -1 … 1. */
export function random(seed: number): () => number;
/** The entry of number `i`. */
export function entry(
  i: number,
  dimensions?: number,
): { id: string; embedding: Float32Array; meta: { number: number; even: boolean } };
