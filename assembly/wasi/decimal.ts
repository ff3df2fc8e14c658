// A decimal number to the nearest double, ties to even, as Python and JavaScript read it.

/** Digits that count and the power of ten that go through whole numbers of LIMBS words. */
const MOST_DIGITS: i32 = 40;
const MOST_POWER: i32 = 60;
const LIMBS: i32 = 20;

const above = new StaticArray<u32>(LIMBS);
const below = new StaticArray<u32>(LIMBS);

/** The number at `at` … `end`, whose grammar is JSON's; NaN for one of more than 40 digits or far beyond 1e±60. */
export function read_decimal(at: usize, end: usize): f64 {
  const negative = load<u8>(at) == 0x2d;
  if (negative) at++;
  above.fill(0);
  below.fill(0);
  let digits = 0;
  let power = 0;
  let point = false;
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x2e) point = true;
    else if (c - 0x30 > 9) break;
    else {
      if (digits || c != 0x30) digits++;
      if (digits > MOST_DIGITS) return NaN;
      multiply_add(above, 10, c - 0x30);
      if (point) power--;
    }
  }
  if (at < end) {
    const sign = load<u8>(++at);
    if (sign == 0x2b || sign == 0x2d) at++;
    let exponent = 0;
    for (; at < end; at++) exponent = min(1_000_000, exponent * 10 + load<u8>(at) - 0x30);
    power += sign == 0x2d ? -exponent : exponent;
  }
  if (!digits) return negative ? -0.0 : 0.0;
  if (power > MOST_POWER || power < -MOST_POWER - MOST_DIGITS) return NaN;

  below[0] = 1;
  for (let i = 0; i < power; i++) multiply_add(above, 10, 0);
  for (let i = 0; i < -power; i++) multiply_add(below, 10, 0);
  // above / below is brought to 63 or 64 bits, whose last one also says whether anything is left.
  const shift = 63 - (bits(above) - bits(below));
  if (shift >= 0) shift_left(above, shift);
  else shift_left(below, -shift);
  let quotient: u64 = 0;
  shift_left(below, 63);
  for (let i = 0; i < 64; i++) {
    quotient <<= 1;
    if (!less(above, below)) {
      subtract(above, below);
      quotient |= 1;
    }
    shift_right(below);
  }
  if (bits(above)) quotient |= 1;
  const value = <f64>quotient * reinterpret<f64>(<u64>(1023 - shift) << 52);
  return negative ? -value : value;
}

function multiply_add(a: StaticArray<u32>, factor: u64, carry: u64): void {
  for (let i = 0; i < LIMBS; i++) {
    const product = <u64>a[i] * factor + carry;
    a[i] = <u32>product;
    carry = product >> 32;
  }
}

function bits(a: StaticArray<u32>): i32 {
  for (let i = LIMBS - 1; i >= 0; i--) if (a[i]) return (i + 1) * 32 - clz(a[i]);
  return 0;
}

function shift_left(a: StaticArray<u32>, by: i32): void {
  for (; by >= 32; by -= 32) {
    for (let i = LIMBS - 1; i > 0; i--) a[i] = a[i - 1];
    a[0] = 0;
  }
  multiply_add(a, <u64>1 << by, 0);
}

function shift_right(a: StaticArray<u32>): void {
  for (let i = 0; i < LIMBS; i++) a[i] = (a[i] >> 1) | (i + 1 < LIMBS ? a[i + 1] << 31 : 0);
}

function less(a: StaticArray<u32>, b: StaticArray<u32>): bool {
  for (let i = LIMBS - 1; i >= 0; i--) if (a[i] != b[i]) return a[i] < b[i];
  return false;
}

function subtract(a: StaticArray<u32>, b: StaticArray<u32>): void {
  let borrow: i64 = 0;
  for (let i = 0; i < LIMBS; i++) {
    const difference = <i64>a[i] - <i64>b[i] + borrow;
    a[i] = <u32>difference;
    borrow = difference >> 32;
  }
}
