// From similarities to scores, in the double arithmetic of src/host/scores.ts, step by step.

const LN2_HIGH: f64 = 6.9314718036912381649e-1;
const LN2_LOW: f64 = 1.90821492927058770002e-10;
const INVERSE_LN2: f64 = 1.442695040888963387;
/** 1 / n! for n = 13 … 0. */
const SERIES: StaticArray<f64> = [
  1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0,
  1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0, 1.0,
];

/** e to the power of x for x <= 0. */
function exp(x: f64): f64 {
  if (x < -708) return 0;
  if (isNaN(x)) return x;
  const k = Math.round(x * INVERSE_LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let series: f64 = 0;
  for (let i = 0; i < SERIES.length; i++) series = series * r + SERIES[i];
  return series * reinterpret<f64>(<u64>(<i64>k + 1023) << 52);
}

/** exp(x - max) / sum over the scores, in place. A NaN among them makes all NaN. */
export function softmax(scores: Array<f64>): void {
  let largest = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i] > largest) largest = scores[i];
  let sum: f64 = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = exp(scores[i] - largest);
    sum += scores[i];
  }
  for (let i = 0; i < scores.length; i++) scores[i] /= sum;
}

/** Dot product of two vectors of f32, summed in index order. */
export function dot(a: usize, b: usize, size: u32): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < size; i++) sum += <f64>load<f32>(a + i * 4) * <f64>load<f32>(b + i * 4);
  return sum;
}

/** What `order` sorts: a comparison has no closure. */
let sorted: Array<f64> = [];

/** Indices of the scores, best first; equal ones keep their order, NaN comes last. */
export function order(scores: Array<f64>): Array<i32> {
  const indices = new Array<i32>(scores.length);
  for (let i = 0; i < scores.length; i++) indices[i] = i;
  sorted = scores;
  indices.sort((a, b) => {
    const x = isNaN(sorted[a]) ? -Infinity : sorted[a];
    const y = isNaN(sorted[b]) ? -Infinity : sorted[b];
    return x == y ? a - b : x > y ? -1 : 1;
  });
  return indices;
}
