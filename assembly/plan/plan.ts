// A plan under recording: model code calls one method an op and gets the tensor it will write; nothing is computed.

import { Builder } from './builder';
import { quantized_row } from './formats';
import {
  Activation,
  Attention,
  Conv2d,
  Depthwise,
  Embedding,
  ExpandDepthwise,
  Format,
  Gather,
  Gemm,
  Kind,
  LayerNorm,
  NONE,
  Normalize,
  Pool,
  Pooling,
  Quantize,
  Similarity,
} from './op';
import { Tensor } from './tensor';
import { Block } from './weights';
import { slot_bytes } from '../kernels/attention';
import { BLOCK } from '../kernels/gemm';
import { widened_bytes } from '../kernels/widen';

/** Pixels of an expanded map that a fused expansion computes at a time, at least a line. 72, 144 and 288 took the same time. */
const BAND_PIXELS: u32 = 144;

/** Products of two 8-bit numbers that a 32-bit sum surely holds: 127 · 127 · MOST < 2³¹. */
const MOST_INTEGER_PRODUCTS: u32 = 133_000;

export class Plan extends Builder {
  /** activation((a · gate) · w + bias) + residual for the rows of a: [rows, k] -> [rows, n]. Without `gate` [a.n, k] a is not scaled. */
  gemm(a: Tensor, w: Block, n: u32, activation: Activation, residual: Tensor | null = null, gate: Tensor | null = null): Tensor {
    let x = a;
    if (w.format == Format.Q8D) {
      x = this.quantize(a, gate, w.name);
      gate = null;
    }
    const op = changetype<Gemm>(this.begin(Kind.Gemm, 6, w.name, <u64>a.rows * a.c * n, w));
    const scratch = this.panel(w, a.c);
    const c = this.fresh(a.n, a.h, a.w, n);
    op.a = this.use(x);
    op.gate = gate ? this.use(gate) : NONE;
    op.gated = gate ? this.fresh(this.parts, 1, min(BLOCK, a.rows), a.c).id : NONE;
    op.residual = residual ? this.use(residual) : NONE;
    op.scratch = scratch;
    op.c = c.id;
    op.m = a.rows;
    op.n = n;
    op.k = a.c;
    op.lda = x.stride;
    op.ldr = c.stride;
    op.ldc = c.stride;
    op.activation = activation;
    op.pixels = a.h * a.w;
    return c;
  }

  /** The place of a part's widened panel, for the op just begun; NONE where none is needed. */
  private panel(w: Block, k: u32): u32 {
    if (w.format == Format.F32) return NONE;
    return this.fresh(this.parts, 1, 1, <u32>(widened_bytes(w.format, k) >> 2)).id;
  }

  /** Rows of x, or of x · gate, in 8 bits: a tensor whose rows only Q8D products read. */
  private quantize(x: Tensor, gate: Tensor | null, name: string): Tensor {
    if (x.c > MOST_INTEGER_PRODUCTS) this.fail(`${name} sums ${x.c} integer products, more than 32 bits hold`);
    const op = changetype<Quantize>(this.begin(Kind.Quantize, 3, name, <u64>x.rows * x.c));
    const out = this.fresh(x.n, x.h, x.w, quantized_row(x.c));
    op.x = this.use(x);
    op.gate = gate ? this.use(gate) : NONE;
    op.out = out.id;
    op.rows = x.rows;
    op.width = x.c;
    op.pixels = x.h * x.w;
    op.ldx = x.stride;
    op.ldo = out.stride;
    return out;
  }

  /** A dense convolution to [n, out_h, out_w, channels], padded by `top` and `left` and whatever the far edges need. */
  conv2d(x: Tensor, w: Block, channels: u32, kernel: u32, stride: u32, top: u32, left: u32, out_h: u32, out_w: u32, activation: Activation): Tensor {
    const macs = <u64>x.n * out_h * out_w * kernel * kernel * x.c * channels;
    const op = changetype<Conv2d>(this.begin(Kind.Conv2d, 3, w.name, macs, w));
    const scratch = this.fresh(this.parts, 2, kernel * kernel, x.stride);
    const out = this.fresh(x.n, out_h, out_w, channels);
    op.input = this.use(x);
    op.scratch = scratch.id;
    op.out = out.id;
    op.batch = x.n;
    op.in_h = x.h;
    op.in_w = x.w;
    op.lda = x.stride;
    op.out_h = out_h;
    op.out_w = out_w;
    op.n = channels;
    op.ldc = out.stride;
    op.kernel = kernel;
    op.stride = stride;
    op.top = top;
    op.left = left;
    op.activation = activation;
    return out;
  }

  /** As conv2d, each channel with a filter of its own; `sums`: also the sums of the result's lines. */
  depthwise(x: Tensor, w: Block, kernel: u32, stride: u32, pad: u32, out_h: u32, out_w: u32, activation: Activation, sums: Tensor): Tensor {
    const macs = <u64>x.n * out_h * out_w * kernel * kernel * x.c;
    const op = changetype<Depthwise>(this.begin(Kind.Depthwise, 3, w.name, macs, w));
    op.input = this.use(x);
    return this.filter(op, x, kernel, stride, pad, out_h, out_w, activation, sums);
  }

  /** The same on activation(a · expand + bias), whose whole map [n, h, w, channels] never exists. */
  expand_depthwise(a: Tensor, expand: Block, channels: u32, w: Block, kernel: u32, stride: u32, pad: u32, out_h: u32, out_w: u32, activation: Activation, sums: Tensor): Tensor {
    const x = expand.format == Format.Q8D ? this.quantize(a, null, expand.name) : a;
    const gemm = changetype<ExpandDepthwise>(this.begin(Kind.ExpandDepthwise, 6, expand.name, <u64>a.rows * a.c * channels, expand));
    const macs = <u64>a.n * out_h * out_w * kernel * kernel * channels;
    const op = changetype<Depthwise>(this.second(Kind.Depthwise, 3, w.name, macs, w));
    const band = max<u32>(1, BAND_PIXELS / (stride * a.w));
    const lines = min(a.h, (band - 1) * stride + kernel);
    const ring = this.fresh(this.parts, lines, a.w, channels);
    gemm.a = this.use(x);
    gemm.gate = NONE;
    gemm.gated = NONE;
    gemm.residual = NONE;
    gemm.scratch = this.panel(expand, a.c);
    gemm.c = ring.id;
    gemm.m = a.rows;
    gemm.n = channels;
    gemm.k = a.c;
    gemm.lda = x.stride;
    gemm.ldc = ring.stride;
    gemm.activation = activation;
    gemm.lines = lines;
    gemm.band = band;
    op.input = ring.id;
    return this.filter(op, new Tensor(-1, a.n, a.h, a.w, channels, 0), kernel, stride, pad, out_h, out_w, activation, sums);
  }

  private filter(op: Depthwise, x: Tensor, kernel: u32, stride: u32, pad: u32, out_h: u32, out_w: u32, activation: Activation, sums: Tensor): Tensor {
    const out = this.fresh(x.n, out_h, out_w, x.c);
    op.sums = this.use(sums);
    op.out = out.id;
    op.batch = x.n;
    op.in_h = x.h;
    op.in_w = x.w;
    op.out_h = out_h;
    op.out_w = out_w;
    op.channels = x.c;
    op.ldc = x.stride;
    op.kernel = kernel;
    op.stride = stride;
    op.top = pad;
    op.left = pad;
    op.activation = activation;
    return out;
  }

  /** [n, h, w, c] -> [n, 1, 1, c]; the mean divides by `count`, which is more than h · w where x holds sums of lines. */
  pool(x: Tensor, pooling: Pooling, count: u32, name: string): Tensor {
    const op = changetype<Pool>(this.begin(Kind.Pool, 2, name, 0));
    const out = this.fresh(x.n, 1, 1, x.c);
    op.input = this.use(x);
    op.out = out.id;
    op.batch = x.n;
    op.h = x.h;
    op.w = x.w;
    op.ldc = x.stride;
    op.pooling = pooling;
    op.count = count;
    return out;
  }

  /** Rows of a table by id, into a new tensor or added to `sum`. */
  embedding(ids: Tensor, table: Block, tokens: u32, rows: u32, width: u32, sum: Tensor | null): Tensor {
    let out = sum;
    let piece = table;
    for (let first: u32 = 0; first < rows; first += table.rows) {
      const op = changetype<Embedding>(this.begin(Kind.Embedding, 2, table.name, 0, piece));
      op.accumulate = out ? 1 : 0;
      const to = out ? out : this.fresh(tokens, 1, 1, width);
      op.ids = this.use(ids);
      op.out = this.use(to);
      op.tokens = tokens;
      op.first = first;
      op.rows = min(table.rows, rows - first);
      op.ldc = to.stride;
      out = to;
      piece = new Block(table.name, piece.shard + 1, 0, table.format, table.rows);
    }
    return out!;
  }

  layernorm(x: Tensor, w: Block, eps: f64): Tensor {
    const op = changetype<LayerNorm>(this.begin(Kind.LayerNorm, 2, w.name, 0, w));
    const out = this.fresh(x.n, x.h, x.w, x.c);
    op.x = this.use(x);
    op.out = out.id;
    op.rows = x.rows;
    op.width = x.c;
    op.ldc = x.stride;
    op.eps = <f32>eps;
    return out;
  }

  /** qkv [tokens, 3 · heads · d] -> [tokens, heads · d]; `probs`: also give the probabilities, as an output of that name. */
  attention(qkv: Tensor, starts: Tensor, mask: Tensor, sequences: u32, length: u32, heads: u32, name: string, probs: string | null): Tensor {
    const width = qkv.c / 3;
    const d = width / heads;
    const macs = <u64>sequences * heads * length * length * d * 2;
    const op = changetype<Attention>(this.begin(Kind.Attention, 6, name, macs));
    const slot = slot_bytes(length, d);
    if (slot > <u64>i32.MAX_VALUE) this.fail(`attention over ${length} tokens needs ${slot} bytes of scratch`);
    const scratch = this.fresh(this.parts, 1, 1, <u32>(slot >> 2));
    const out = this.fresh(qkv.n, 1, 1, width);
    op.qkv = this.use(qkv);
    op.starts = this.use(starts);
    op.mask = this.use(mask);
    op.probs = NONE;
    op.scratch = scratch.id;
    op.out = out.id;
    op.tokens = qkv.n;
    op.sequences = sequences;
    op.length = length;
    op.heads = heads;
    op.d = d;
    op.ldq = qkv.stride;
    op.ldo = out.stride;
    op.slot = <u32>slot;
    op.scale = <f32>(1.0 / Math.sqrt(d));
    if (probs) {
      const tap = this.fresh(sequences, heads, length, length);
      this.output(tap, probs);
      op.probs = tap.id;
      op.ldp = tap.stride;
    }
    return out;
  }

  gather(x: Tensor, rows: Tensor, count: u32, name: string): Tensor {
    const op = changetype<Gather>(this.begin(Kind.Gather, 3, name, 0));
    const out = this.fresh(count, 1, 1, x.c);
    op.x = this.use(x);
    op.rows = this.use(rows);
    op.out = out.id;
    op.count = count;
    op.ldc = x.stride;
    return out;
  }

  normalize(x: Tensor, name: string): Tensor {
    const op = changetype<Normalize>(this.begin(Kind.Normalize, 2, name, 0));
    const out = this.fresh(x.n, 1, 1, x.c);
    op.x = this.use(x);
    op.out = out.id;
    op.rows = x.n;
    op.width = x.c;
    op.ldc = x.stride;
    return out;
  }

  /** a [m, k], b [n, k] -> a · bᵀ / temperature [m, n]. */
  similarity(a: Tensor, b: Tensor, temperature: Block, name: string): Tensor {
    const op = changetype<Similarity>(this.begin(Kind.Similarity, 3, name, <u64>a.n * b.n * a.c, temperature));
    const out = this.fresh(a.n, 1, 1, b.n);
    op.a = this.use(a);
    op.b = this.use(b);
    op.out = out.id;
    op.m = a.n;
    op.n = b.n;
    op.k = a.stride;
    op.ldo = out.stride;
    return out;
  }
}
