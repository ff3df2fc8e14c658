// Products on the checked build: no access outside their operands, the same bits however they are shared out, and what
// holds of a product whatever its sizes.

import fc from 'fast-check';
import { assert } from 'vitest';
import { gated, product } from '../kernels/cases/gemm.ts';
import { MATH_ULP, WASM } from '../kernels/support/bounds.ts';
import { expect_same_bits, expect_within } from '../kernels/support/compare.ts';
import { eight_bit_width, eight_bits, type FormatName } from '../kernels/support/formats.ts';
import { gemm_op, quantize_op, similarity_op, type GemmArgs } from '../kernels/support/ops.ts';
import { ACTIVATIONS } from '../kernels/support/oracle.ts';
import { order, pick, seed, whole } from './draws.ts';
import { activation, exponent, Numbers, parts, result, run, same_in_parts, scaled } from './kernels.ts';
import { property } from './property.ts';
import { permuted, row } from './rows.ts';

const FORMATS: readonly FormatName[] = ['F32', 'F16', 'BF16', 'Q8', 'Q4', 'Q8D'];

/** A product of few or many rows, with a gate or without, and a residual or none. */
const product_args = (format: fc.Arbitrary<FormatName>, wild: fc.Arbitrary<boolean> = fc.constant(false)): fc.Arbitrary<GemmArgs> =>
  fc
    .record({
      ...{ pictures: whole(1, 3), pixels: fc.oneof(whole(1, 6), whole(40, 50)), n: whole(1, 40), k: whole(1, 40) },
      ...{ activation, format, seed, wild, gate: fc.boolean(), residual: fc.boolean() },
    })
    .map(({ pictures, pixels, n, k, activation, format, seed, wild, gate, residual }) => {
      const [random, tame] = [new Numbers(seed, wild), new Numbers(seed + 1)];
      const m = pictures * pixels;
      // Rows of 8-bit integers were gated when they were made.
      const gated = gate && format !== 'Q8D';
      return {
        ...{ m, n, k, activation, format, a: random.list(m * k) },
        ...{ weight: tame.list(n * k), bias: random.list(n) },
        ...(gated && { gate: random.list(pictures * k) }),
        ...(residual && { residual: random.list(m * n) }),
      };
    }); // prettier-ignore

const any_product = product_args(pick(...FORMATS), fc.boolean());
const plain_product = product_args(fc.constant<FormatName>('F32')).map(
  ({ m, n, k, a, weight, bias }): GemmArgs => ({ m, n, k, a, weight, bias, activation: 'Linear' }),
);

property('Gemm: the same bits in any number of parts', [any_product, parts], (args, count) => {
  same_in_parts(gemm_op(args), count);
});

property(
  'Gemm: a row alone has the bits that it has among others',
  [any_product, whole(0, 149)],
  (args, any) => {
    const { m, n, k, a, gate, residual } = args;
    const i = any % m;
    const alone = gemm_op({
      ...{ ...args, m: 1, a: row(a, i, k) },
      ...(gate && { gate: row(gate, Math.floor(i / ((m * k) / gate.length)), k) }),
      ...(residual && { residual: row(residual, i, n) }),
    });
    expect_same_bits(result(alone), row(result(gemm_op(args)), i, n), `row ${i} of ${m}`);
  },
);

property(
  'Gemm: within the error of its roundings',
  [product_args(fc.constant<FormatName>('F32'))],
  (args) => {
    const { value, bound } = product(args, WASM);
    expect_within(result(gemm_op(args)), value, bound, 'product');
  },
);

property(
  'Gemm: a product scales with its rows and bias by powers of two',
  [plain_product, exponent],
  (args, e) => {
    const larger = { ...args, a: scaled(args.a, e), bias: scaled(args.bias, e) };
    expect_same_bits(result(gemm_op(larger)), scaled(result(gemm_op(args)), e), `2^${e}`);
  },
);

property(
  'Gemm: columns in another order give the columns of the result in that order',
  [
    plain_product.chain((args) =>
      fc.record({ args: fc.constant(args), places: order(args.n), format: pick(...FORMATS) }),
    ),
  ],
  ({ args, places, format }) => {
    const { n, k, m, weight, bias } = args;
    const moved = { ...args, weight: permuted(weight, k, places), bias: permuted(bias, 1, places), format };
    const [before, after] = [result(gemm_op({ ...args, format })), result(gemm_op(moved))];
    for (let i = 0; i < m; i++)
      expect_same_bits(row(after, i, n), permuted(row(before, i, n), 1, places), `row ${i}`);
  },
);

property(
  'Gemm: a gate is what it would be multiplied in before',
  [product_args(pick('F32', 'F16', 'BF16', 'Q8', 'Q4'))],
  (args) => {
    const { m, n, k, weight, bias, residual, activation, format } = args;
    const plain = { m, n, k, weight, bias, activation, a: gated(args), ...(residual && { residual }), ...(format && { format }) }; // prettier-ignore
    expect_same_bits(result(gemm_op(args)), result(gemm_op(plain)), 'gated');
  },
);

property(
  'An activation depends on its number alone, wherever that stands, and keeps its range',
  [activation, seed, whole(1, 70), whole(1, 30)],
  (name, start, m, n) => {
    const x = new Numbers(start).floats(m, -20, 20);
    const [weight, bias] = [new Float32Array(n).fill(1), new Float32Array(n).fill(-0)];
    const c = result(gemm_op({ m, n, k: 1, a: x, weight, bias, activation: name }));
    for (let i = 0; i < m; i++) {
      const values = row(c, i, n);
      expect_same_bits(values, new Float32Array(n).fill(values[0]!), `${name} of ${x[i]!}`);
    }
    if (/^Relu|^Sigmoid|SqrtSoftplus/.test(name)) assert(c.every((v) => v >= 0), `${name} is negative`); // prettier-ignore
    const most = 1 + MATH_ULP.tanh * 2 ** -23;
    if (/^(Sigmoid|Laplace|Tanh)$/.test(name)) assert(c.every((v) => Math.abs(v) <= most), `${name} is beyond 1`); // prettier-ignore
    assert(Math.abs(c[0]! - ACTIVATIONS[name](x[0]!)) < 1e-4, `${name} of ${x[0]!} is ${c[0]!}`);
  },
);

const quantized = fc.record({ pictures: whole(1, 3), pixels: whole(1, 5), width: whole(1, 50), seed, wild: fc.boolean(), gate: fc.boolean() }); // prettier-ignore

property(
  'Quantize: the same bits in any number of parts, no integer beyond 127, within half a step',
  [quantized, parts],
  ({ pictures, pixels, width, seed, wild, gate }, count) => {
    const random = new Numbers(seed, wild);
    const rows = pictures * pixels;
    const x = random.list(rows * width);
    const factors = gate ? random.list(pictures * width) : undefined;
    const op = quantize_op({ rows, width, x, pixels, ...(factors && { gate: factors }) });
    same_in_parts(op, count);
    const out = run(op).out!;
    const view = new DataView(out.buffer);
    const stride = eight_bit_width(width) * 4;
    const a = gated({ m: rows, k: width, a: x, ...(factors && { gate: factors }) } as GemmArgs);
    for (let i = 0; i < rows; i++) {
      const want = eight_bits(row(a, i, width));
      const scale = view.getFloat32(i * stride, true);
      assert(Object.is(scale, want.scale), `scale ${scale} of row ${i}, not ${want.scale}`);
      if (Number.isNaN(scale)) continue; // whatever the integers are, a product with them is NaN
      for (let j = 0; j < width; j++) {
        const q = view.getInt16(i * stride + 16 + 2 * j, true);
        assert(Math.abs(q) <= 127 && q === want.q[j], `row ${i}, ${j}: ${q}, not ${want.q[j]!}`);
        if (scale > 0) assert(Math.abs(q * scale - a[i * width + j]!) <= scale * 0.50001, 'half a step');
      }
    }
  },
);

const similar = fc.record({ m: whole(1, 20), n: whole(1, 20), k: whole(1, 40), seed, temperature: pick(1, 0.07, 2) }); // prettier-ignore

property(
  'Similarity: texts and pictures may change places, and parts give the same bits',
  [similar, parts],
  ({ m, n, k, seed, temperature }, count) => {
    const random = new Numbers(seed);
    const [a, b] = [random.list(m * k), random.list(n * k)];
    const op = similarity_op({ m, n, k, a, b, temperature });
    same_in_parts(op, count);
    const [there, back] = [result(op), result(similarity_op({ m: n, n: m, k, a: b, b: a, temperature }))];
    const turned = Float32Array.from({ length: m * n }, (_, i) => back[(i % n) * m + Math.floor(i / n)]!);
    expect_same_bits(there, turned, 'transposed');
  },
);
