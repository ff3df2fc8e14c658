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

// Four vectors a step: their dependency chains overlap (swish: 0.97 ns an element, 1.2 with two).
// @ts-ignore: decorator
@inline
function map(f: Activation, p: usize, rows: u32, vectors: u32, stride: usize): void {
  const fours: usize = (vectors >> 2) << 6;
  const bytes: usize = vectors << 4;
  for (; rows > 0; rows--, p += stride) {
    let q = p;
    for (const end = p + fours; q < end; q += 64) {
      const a = value(f, v128.load(q));
      const b = value(f, v128.load(q, 16));
      const c = value(f, v128.load(q, 32));
      const d = value(f, v128.load(q, 48));
      v128.store(q, a);
      v128.store(q, b, 16);
      v128.store(q, c, 32);
      v128.store(q, d, 48);
    }
    for (const end = p + bytes; q < end; q += 16) v128.store(q, value(f, v128.load(q)));
  }
}

// One function each, reached through a table so that none is inlined: V8 allocates registers badly in one function with
// all the loops (swish: 1.4 ns an element).
function linear_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {}

function relu_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Relu, p, rows, vectors, stride);
}

function relu2_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Relu2, p, rows, vectors, stride);
}

function relu6_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Relu6, p, rows, vectors, stride);
}

function leaky_relu_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.LeakyRelu, p, rows, vectors, stride);
}

function sigmoid_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Sigmoid, p, rows, vectors, stride);
}

function silu_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Silu, p, rows, vectors, stride);
}

function quick_gelu_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.QuickGelu, p, rows, vectors, stride);
}

function gelu_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Gelu, p, rows, vectors, stride);
}

function gelu10_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Gelu10, p, rows, vectors, stride);
}

function gelu_tanh_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.GeluTanh, p, rows, vectors, stride);
}

function tanh_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Tanh, p, rows, vectors, stride);
}

function hardswish_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Hardswish, p, rows, vectors, stride);
}

function mish_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Mish, p, rows, vectors, stride);
}

function laplace_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.Laplace, p, rows, vectors, stride);
}

function sqrt_softplus_rows(p: usize, rows: u32, vectors: u32, stride: usize): void {
  map(Activation.SqrtSoftplus, p, rows, vectors, stride);
}

type Rows = (p: usize, rows: u32, vectors: u32, stride: usize) => void;

/** In the order of Activation. */
const FUNCTIONS: StaticArray<Rows> = [
  linear_rows, relu_rows, relu2_rows, relu6_rows, leaky_relu_rows, sigmoid_rows, silu_rows, quick_gelu_rows, gelu_rows, gelu10_rows, gelu_tanh_rows, tanh_rows, hardswish_rows, mish_rows, laplace_rows, sqrt_softplus_rows,
];

/** Applies `f` to `rows` rows of `vectors` vectors at p, `stride` bytes apart. */
export function activate(f: Activation, p: usize, rows: u32, vectors: u32, stride: usize): void {
  FUNCTIONS[f](p, rows, vectors, stride);
}
