// y = f(x) in place over a block of rows, for the functions behind transformers' ACT2FN names. Kernels call it on
// what they have just computed, while it is still in cache.

import { Activation } from '../plan/op';
import { erf, exp, sigmoid, silu, softplus, tanh } from '../simd/math';

// @ts-ignore: decorator
@inline
function k(c: f32): v128 {
  return f32x4.splat(c);
}

// @ts-ignore: decorator
@inline
function relu(x: v128): v128 {
  return f32x4.pmax(x, k(0)); // pmax keeps a NaN in its first operand
}

// @ts-ignore: decorator
@inline
function gelu(x: v128): v128 {
  return f32x4.mul(f32x4.mul(x, k(0.5)), f32x4.add(k(1), erf(f32x4.mul(x, k(0.7071067811865476)))));
}

// @ts-ignore: decorator
@inline
function gelu_tanh(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const inner = f32x4.mul(k(0.7978845608028654), f32x4.add(x, f32x4.mul(k(0.044715), cube)));
  return f32x4.mul(f32x4.mul(x, k(0.5)), f32x4.add(k(1), tanh(inner)));
}

// tanh(log(1 + w)) = w (w + 2) / (w (w + 2) + 2); it rounds to 1 from x = 20 on.
// @ts-ignore: decorator
@inline
function mish(x: v128): v128 {
  const w = exp(f32x4.pmin(x, k(20)));
  const n = f32x4.mul(w, f32x4.add(w, k(2)));
  return f32x4.mul(x, f32x4.div(n, f32x4.add(n, k(2))));
}

// `f` is always a literal, so one branch is left.
// @ts-ignore: decorator
@inline
function value(f: Activation, x: v128): v128 {
  if (f == Activation.Relu) return relu(x);
  if (f == Activation.Relu2) return f32x4.mul(relu(x), relu(x));
  if (f == Activation.Relu6) return f32x4.pmin(relu(x), k(6));
  if (f == Activation.LeakyRelu) return v128.bitselect(f32x4.mul(x, k(0.01)), x, f32x4.lt(x, k(0)));
  if (f == Activation.Sigmoid) return sigmoid(x);
  if (f == Activation.Silu) return silu(x);
  if (f == Activation.QuickGelu) return f32x4.mul(x, sigmoid(f32x4.mul(x, k(1.702))));
  if (f == Activation.Gelu) return gelu(x);
  if (f == Activation.Gelu10) return f32x4.pmin(f32x4.pmax(gelu(x), k(-10)), k(10));
  if (f == Activation.GeluTanh) return gelu_tanh(x);
  if (f == Activation.Tanh) return tanh(x);
  if (f == Activation.Hardswish) {
    return f32x4.div(f32x4.mul(x, f32x4.pmin(relu(f32x4.add(x, k(3))), k(6))), k(6));
  }
  if (f == Activation.Mish) return mish(x);
  if (f == Activation.Laplace) {
    return f32x4.mul(k(0.5), f32x4.add(k(1), erf(f32x4.div(f32x4.sub(x, k(0.707107)), k(0.39894257488)))));
  }
  if (f == Activation.SqrtSoftplus) return f32x4.sqrt(softplus(x));
  return x;
}

// Two vectors a step: their dependency chains overlap.
// @ts-ignore: decorator
@inline
function map(f: Activation, p: usize, rows: u32, vectors: u32, stride: usize): void {
  const pairs: usize = (vectors >> 1) << 5;
  for (; rows > 0; rows--, p += stride) {
    let q = p;
    for (const end = p + pairs; q < end; q += 32) {
      const x = value(f, v128.load(q));
      const y = value(f, v128.load(q, 16));
      v128.store(q, x);
      v128.store(q, y, 16);
    }
    if (vectors & 1) v128.store(q, value(f, v128.load(q)));
  }
}

/** Applies `f` to `rows` rows of `vectors` vectors at p, `stride` bytes apart. */
export function activate(f: Activation, p: usize, rows: u32, vectors: u32, stride: usize): void {
  switch (f) {
    case Activation.Linear: return;
    case Activation.Relu: return map(Activation.Relu, p, rows, vectors, stride);
    case Activation.Relu2: return map(Activation.Relu2, p, rows, vectors, stride);
    case Activation.Relu6: return map(Activation.Relu6, p, rows, vectors, stride);
    case Activation.LeakyRelu: return map(Activation.LeakyRelu, p, rows, vectors, stride);
    case Activation.Sigmoid: return map(Activation.Sigmoid, p, rows, vectors, stride);
    case Activation.Silu: return map(Activation.Silu, p, rows, vectors, stride);
    case Activation.QuickGelu: return map(Activation.QuickGelu, p, rows, vectors, stride);
    case Activation.Gelu: return map(Activation.Gelu, p, rows, vectors, stride);
    case Activation.Gelu10: return map(Activation.Gelu10, p, rows, vectors, stride);
    case Activation.GeluTanh: return map(Activation.GeluTanh, p, rows, vectors, stride);
    case Activation.Tanh: return map(Activation.Tanh, p, rows, vectors, stride);
    case Activation.Hardswish: return map(Activation.Hardswish, p, rows, vectors, stride);
    case Activation.Mish: return map(Activation.Mish, p, rows, vectors, stride);
    case Activation.Laplace: return map(Activation.Laplace, p, rows, vectors, stride);
    case Activation.SqrtSoftplus: return map(Activation.SqrtSoftplus, p, rows, vectors, stride);
  }
}
