// Entries that depend on their number alone, so that every process makes the same.

/** xorshift32 from a seed; numbers in -1 … 1. */
export function random(seed) {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state | 0) / 2 ** 31;
  };
}

/** The entry of number `i`. */
export function entry(i, dimensions = 32) {
  const next = random(i);
  for (let warm = 0; warm < 8; warm++) next();
  const embedding = Float32Array.from({ length: dimensions }, next);
  return { id: `entry ${i}`, embedding, meta: { number: i, even: i % 2 === 0 } };
}
