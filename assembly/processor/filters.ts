// Pillow's resampling filters and their coefficients in fixed point (Pillow's Resample.c: precompute_coeffs and
// normalize_coeffs_8bpc). All in f64 and in Pillow's order, so that every coefficient is Pillow's.

// Pillow's numbers of its filters.
export const NEAREST: u32 = 0;
const LANCZOS: u32 = 1;
const BILINEAR: u32 = 2;
const BICUBIC: u32 = 3;
const BOX: u32 = 4;
const HAMMING: u32 = 5;

const PI: f64 = 3.141592653589793;
// pi / 2 in two parts; the first has 33 bits, so that a small multiple of it is exact.
const HALF_PI_HIGH: f64 = 1.5707963267341256;
const HALF_PI_LOW: f64 = 6.077100506506192e-11;

/** sin(r + quadrant * pi / 2) for |r| <= pi / 4: Taylor's series, cut off below 1e-17. */
function sine_of(r: f64, quadrant: i32): f64 {
  const z = r * r;
  let value: f64;
  if (quadrant & 1) {
    value = 1.0 / 20922789888000.0;
    value = value * z - 1.0 / 87178291200.0;
    value = value * z + 1.0 / 479001600.0;
    value = value * z - 1.0 / 3628800.0;
    value = value * z + 1.0 / 40320.0;
    value = value * z - 1.0 / 720.0;
    value = value * z + 1.0 / 24.0;
    // 1 - z / 2 first, with what its rounding loses.
    const half = 0.5 * z;
    const first = 1.0 - half;
    value = first + (1.0 - first - half + z * z * value);
  } else {
    value = 1.0 / 355687428096000.0;
    value = value * z - 1.0 / 1307674368000.0;
    value = value * z + 1.0 / 6227020800.0;
    value = value * z - 1.0 / 39916800.0;
    value = value * z + 1.0 / 362880.0;
    value = value * z - 1.0 / 5040.0;
    value = value * z + 1.0 / 120.0;
    value = value * z - 1.0 / 6.0;
    value = r + r * z * value;
  }
  return quadrant & 2 ? -value : value;
}

/** sin(x + shift * pi / 2) for |x| up to a few pi, within an ulp or so; JavaScript's own differs between engines. */
function sine(x: f64, shift: i32): f64 {
  const n = nearest<f64>(x * (2.0 / PI));
  return sine_of(x - n * HALF_PI_HIGH - n * HALF_PI_LOW, <i32>n + shift);
}

function sinc(x: f64): f64 {
  if (x == 0.0) return 1.0;
  x *= PI;
  return sine(x, 0) / x;
}

function weight(filter: u32, x: f64): f64 {
  if (filter == BOX) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  if (filter == LANCZOS) return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  x = abs<f64>(x);
  if (filter == BICUBIC) {
    const a: f64 = -0.5;
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
  }
  if (x >= 1.0) return 0.0;
  if (filter == BILINEAR) return 1.0 - x;
  // Hamming; Pillow's two constants are C floats.
  if (x == 0.0) return 1.0;
  x *= PI;
  return (sine(x, 0) / x) * (<f64>(<f32>0.54) + <f64>(<f32>0.46) * sine(x, 1));
}

function radius(filter: u32): f64 {
  if (filter == BOX) return 0.5;
  if (filter == BICUBIC) return 2.0;
  return filter == LANCZOS ? 3.0 : 1.0;
}

function support(input: u32, output: u32, filter: u32): f64 {
  return radius(filter) * max<f64>(<f64>input / <f64>output, 1.0);
}

// The coefficients of one axis, one record for each output position:
//
//   first input position u32 | groups of four taps u32 | group: low 14 bits of four taps i16 | the bits above i16 | …
//
// so that sum(pixel * tap) is two dot products of 16-bit integers. Taps past the last one are 0.
export const LOW_BITS: i32 = 14;
export const PRECISION: i32 = 22;
export const GROUP_BYTES: usize = 16;
export const RECORD_HEAD: usize = 8;

function taps_of(input: u32, output: u32, filter: u32): u32 {
  return <u32>ceil<f64>(support(input, output, filter)) * 2 + 1;
}

/** Bytes of one record. */
export function record_bytes(input: u32, output: u32, filter: u32): usize {
  return RECORD_HEAD + <usize>((taps_of(input, output, filter) + 3) >> 2) * GROUP_BYTES;
}

/** Bytes that `coefficients` needs: the records, and the weights of one position. */
export function coefficients_bytes(input: u32, output: u32, filter: u32): usize {
  return <usize>output * record_bytes(input, output, filter) + <usize>taps_of(input, output, filter) * 8;
}

/** Writes the records of an axis that goes from `input` to `output` positions. */
export function coefficients(input: u32, output: u32, filter: u32, at: usize): void {
  const bytes = record_bytes(input, output, filter);
  const weights = at + <usize>output * bytes;
  const scale = <f64>input / <f64>output;
  const reach = support(input, output, filter);
  const step = 1.0 / max<f64>(scale, 1.0);
  memory.fill(at, 0, <usize>output * bytes);
  for (let x: u32 = 0; x < output; x++, at += bytes) {
    const center = (<f64>x + 0.5) * scale;
    const first = max<i32>(<i32>(center - reach + 0.5), 0);
    const count = min<i32>(<i32>(center + reach + 0.5), input) - first;
    let sum: f64 = 0.0;
    for (let i = 0; i < count; i++) {
      const w = weight(filter, (<f64>(i + first) - center + 0.5) * step);
      store<f64>(weights + (<usize>i << 3), w);
      sum += w;
    }
    store<u32>(at, first);
    store<u32>(at, (count + 3) >> 2, 4);
    for (let i = 0; i < count; i++) {
      let w = load<f64>(weights + (<usize>i << 3));
      if (sum != 0.0) w /= sum;
      const k = <i32>((w < 0.0 ? -0.5 : 0.5) + w * <f64>(1 << PRECISION));
      const group = at + RECORD_HEAD + <usize>(i >> 2) * GROUP_BYTES + <usize>((i & 3) << 1);
      store<i16>(group, k & ((1 << LOW_BITS) - 1));
      store<i16>(group, k >> LOW_BITS, 8);
    }
  }
}
