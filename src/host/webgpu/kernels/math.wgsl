// Elementary functions on four f32 lanes, a port of assembly/simd/math.ts: the same fits, because WGSL promises too little
// of its builtins (tanh near 0: none) and drivers differ.
//
// A driver may reassociate, fuse, flush subnormals, divide within 2.5 ULP and take NaN and infinity to be impossible. So:
// no magic numbers that an algebra could cancel, no denominator beyond 2¹²⁶, ends set by `select`, NaN put back by
// `keep_nan`, which looks at bits. Stated errors, in ULP, are tested on every driver at hand.

// y, or x where x is NaN.
fn keep_nan(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return select(y, x, (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}

// eˣ within 2 ULP on [−87.3, 88.3]; exactly 0 below; e^88.3 above. NaN gives a number.
// x = n · ln 2 + r, ln 2 in two parts: 355 / 512, times n in integers so that the parts cannot be joined, and the rest.
fn exp4(x: vec4<f32>) -> vec4<f32> {
  let v = clamp(x, vec4(-87.3), vec4(88.3));
  let n = vec4<i32>(round(v * 1.442695041));
  let r = fma(vec4<f32>(n), vec4(2.12194440e-4), fma(vec4<f32>(n * 355), vec4(-0.001953125), v));
  var p = fma(r, vec4(1.3814537087e-3), vec4(8.3687463775e-3));
  p = fma(p, r, vec4(4.1668392718e-2));
  p = fma(p, r, vec4(0.16666521132));
  p = fma(p, r, vec4(0.49999994040));
  let e = fma(p, r * r, r) + 1.0;
  return select(bitcast<vec4<f32>>(bitcast<vec4<i32>>(e) + (n << vec4(23u))), vec4(0.0), x < vec4(-87.3));
}

// 1 / (1 + e⁻ˣ) within 5 ULP for x > −87; exactly 0 below −87.3. From e^−|x|, so nothing overflows.
fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
  let e = exp4(-abs(x));
  return select(vec4(1.0), e, x < vec4(0.0)) / (1.0 + e);
}

// x / (1 + e⁻ˣ) within 6 ULP for x > −87.
fn silu4(x: vec4<f32>) -> vec4<f32> {
  return x * sigmoid4(x);
}

// erf within 11 ULP: x · P(x²) / Q(x²), and ±1 where that rounds to it: gelu of a large negative x must be 0, not x times
// what is left.
fn erf4(x: vec4<f32>) -> vec4<f32> {
  let v = clamp(x, vec4(-3.93), vec4(3.93));
  let t = v * v;
  var p = fma(t, vec4(2.0259042356910037e-6), vec4(2.8468865138396484e-4));
  p = fma(p, t, vec4(3.8081960289429377e-3));
  p = fma(p, t, vec4(5.2875555472110876e-2));
  p = fma(p, t, vec4(0.1915510899899534));
  p = fma(p, t, vec4(1.1283791437409405));
  var q = fma(t, vec4(3.783180958346156e-5), vec4(1.1707343472014602e-3));
  q = fma(q, t, vec4(1.5055159511656658e-2));
  q = fma(q, t, vec4(0.11455995088483942));
  q = fma(q, t, vec4(0.5030904091091604));
  q = fma(q, t, vec4(1.0));
  return select(v * p / q, sign(x), abs(x) >= vec4(3.93));
}

// tanh within 9 ULP, as erf4.
fn tanh4(x: vec4<f32>) -> vec4<f32> {
  let v = clamp(x, vec4(-9.012), vec4(9.012));
  let t = v * v;
  var p = fma(t, vec4(-1.220348954448695e-11), vec4(3.058505424872591e-8));
  p = fma(p, t, vec4(2.8007471724729324e-5));
  p = fma(p, t, vec4(3.868328357404752e-3));
  p = fma(p, t, vec4(0.13679915547419233));
  p = fma(p, t, vec4(0.999999998691104));
  var q = fma(t, vec4(1.2873675129602589e-6), vec4(3.9386322144968925e-4));
  q = fma(q, t, vec4(2.7245841013052073e-2));
  q = fma(q, t, vec4(0.47013247607899655));
  q = fma(q, t, vec4(1.0));
  return select(v * p / q, sign(x), abs(x) >= vec4(9.012));
}

// log(1 + eˣ) within 7 ULP where exp4 is not 0: max(x, 0) + log1p(e^−|x|).
fn softplus4(x: vec4<f32>) -> vec4<f32> {
  let y = exp4(-abs(x));
  var p = fma(y, vec4(3.417285546106773e-3), vec4(0.23815764438104603));
  p = fma(p, y, vec4(1.066218668650307));
  p = fma(p, y, vec4(0.9999999990600289));
  var q = fma(y, vec4(7.528733068993707e-2), vec4(0.6879365067687903));
  q = fma(q, y, vec4(1.5662185381185527));
  q = fma(q, y, vec4(1.0));
  return max(x, vec4(0.0)) + y * p / q;
}
