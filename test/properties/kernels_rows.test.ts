// Norms, attention and tables on the checked build: no access outside their operands, the same bits however they are shared
// out, and what holds of them whatever their sizes.

import fc from 'fast-check';
import { assert } from 'vitest';
import { layernorm_bound, WASM } from '../kernels/support/bounds.ts';
import { expect_same_bits, expect_within } from '../kernels/support/compare.ts';
import { restored, type FormatName } from '../kernels/support/formats.ts';
import { attention_op, embedding_op, gather_op, layernorm_op, normalize_op, starts_of, type AttentionArgs, type EmbeddingArgs, type LayerNormArgs } from '../kernels/support/ops.ts'; // prettier-ignore
import * as oracle from '../kernels/support/oracle.ts';
import { pick, seed, whole } from './draws.ts';
import { exponent, Numbers, parts, result, run, same_in_parts, scaled } from './kernels.ts';
import { property } from './property.ts';
import { row } from './rows.ts';

const rows_of = (wild: fc.Arbitrary<boolean>): fc.Arbitrary<LayerNormArgs> =>
  fc
    .record({ rows: whole(1, 20), width: whole(1, 70), seed, wild, eps: pick(1e-12, 1e-5, 2 ** -10) })
    .map(({ rows, width, seed, wild, eps }) => {
      const [random, tame] = [new Numbers(seed, wild), new Numbers(seed + 1)];
      const [gamma, beta] = [tame.list(width), tame.list(width)];
      return { rows, width, eps, x: random.list(rows * width), gamma, beta };
    });
const any_rows = rows_of(fc.boolean());
const tame_rows = rows_of(fc.constant(false));

for (const [kind, op_of] of [
  ['LayerNorm', layernorm_op],
  ['Normalize', normalize_op],
] as const)
  // prettier-ignore
  property(
    `${kind}: the same bits in any number of parts, and alone as among others`,
    [any_rows, parts, whole(0, 19)],
    (args, count, any) => {
      same_in_parts(op_of(args), count);
      const i = any % args.rows;
      const alone = result(op_of({ ...args, rows: 1, x: row(args.x, i, args.width) }));
      expect_same_bits(alone, row(result(op_of(args)), i, args.width), `row ${i}`);
    },
  );

property('LayerNorm: within the error of its roundings', [tame_rows], (args) => {
  const { value, moments } = oracle.layernorm(args);
  expect_within(result(layernorm_op(args)), value, layernorm_bound(args, value, moments, WASM), 'row');
});

property(
  'LayerNorm: a row times a power of two is the same, if epsilon grows with it',
  [tame_rows, whole(-10, 10)],
  (args, e) => {
    // A row of one number is all mean: 0, whatever its scale.
    const larger = { ...args, x: scaled(args.x, e), eps: Math.fround(args.eps) * 4 ** e };
    expect_same_bits(result(layernorm_op(larger)), result(layernorm_op(args)), `2^${e}`);
  },
);

property(
  'Normalize: unit length, whatever power of two a row is multiplied by',
  [tame_rows, exponent],
  (args, e) => {
    const out = result(normalize_op(args));
    expect_same_bits(result(normalize_op({ ...args, x: scaled(args.x, e) })), out, `2^${e}`);
    for (let i = 0; i < args.rows; i++) {
      const squares = row(out, i, args.width).reduce((sum, v) => sum + v * v, 0);
      assert(Math.abs(squares - 1) < 1e-5, `row ${i} has ${squares}`);
    }
  },
);

/** Sequences of up to 20 tokens with masks of any kind; rows behind them belong to none. */
const attention = (wild: fc.Arbitrary<boolean>): fc.Arbitrary<AttentionArgs> =>
  fc
    .record({ lengths: fc.array(whole(1, 20), { minLength: 1, maxLength: 4 }), heads: whole(1, 3), d: whole(1, 20), behind: whole(0, 5), longer: whole(0, 9), seed, wild, kept: whole(0, 4) })
    .map(({ lengths, heads, d, behind, longer, seed, wild, kept }) => {
      const random = new Numbers(seed, wild);
      const used = lengths.reduce((a, b) => a + b, 0);
      const tokens = used + behind;
      const mask = new Numbers(seed + 1).integers(tokens, 5).map((v, i) => Number(i < used && v < kept));
      return { lengths, tokens, length: Math.max(...lengths) + longer, heads, d, mask, qkv: random.list(tokens * 3 * heads * d) };
    }); // prettier-ignore
const any_attention = attention(fc.boolean());
const tame_attention = attention(fc.constant(false));

property('Attention: the same bits in any number of parts', [any_attention, parts], (args, count) => {
  same_in_parts(attention_op(args), count);
});

/** Sequence `s` alone, without the keys behind its first `keys`. */
function alone(args: AttentionArgs, s: number, keys = args.lengths[s]!): AttentionArgs {
  const [start, width] = [starts_of(args.lengths)[s]!, 3 * args.heads * args.d];
  return {
    ...{ ...args, lengths: [keys], tokens: keys, length: keys },
    mask: args.mask.slice(start, start + keys),
    qkv: args.qkv.slice(start * width, (start + keys) * width),
  };
}

property(
  'Attention: a sequence alone has the bits that it has among others',
  [any_attention, whole(0, 3)],
  (args, any) => {
    const s = any % args.lengths.length;
    const [start, width] = [starts_of(args.lengths)[s]!, args.heads * args.d];
    const among = result(attention_op(args)).slice(start * width, (start + args.lengths[s]!) * width);
    expect_same_bits(result(attention_op(alone(args, s))), among, `sequence ${s}`);
  },
);

property(
  'Attention: keys behind the last that is seen may as well not be there',
  [tame_attention, whole(1, 20)],
  (args, any) => {
    const whole_one = alone(args, 0);
    const keys = 1 + (any % args.lengths[0]!);
    const mask = whole_one.mask.map((v, i) => (i === 0 ? 1 : i < keys ? v : 0));
    const padded = result(attention_op({ ...whole_one, mask }));
    const trimmed = result(attention_op(alone({ ...args, mask }, 0, keys)));
    expect_same_bits(trimmed, padded.slice(0, trimmed.length), `${keys} of ${args.lengths[0]!} keys`);
  },
);

property(
  'Attention: probabilities are 0 where nobody sees a key, and 1 together',
  [tame_attention],
  (args) => {
    const { heads } = args;
    const one = { ...alone(args, 0), probs: true };
    const length = one.length;
    const { probs } = run(attention_op(one));
    const seen = [...one.mask].some(Boolean);
    for (let r = 0; r < heads * length; r++) {
      const p = row(probs!, r, length);
      assert(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-5, `row ${r} adds up to something else`);
      p.forEach((v, key) => { assert(v >= 0 && v <= 1 && (one.mask[key] || !seen || v === 0), `row ${r}, key ${key}: ${v}`); }); // prettier-ignore
    }
  },
);

const embedding: fc.Arbitrary<EmbeddingArgs> = fc
  .record({
    rows: whole(1, 12),
    width: whole(1, 70),
    tokens: whole(1, 20),
    first: whole(0, 3),
    seed,
    sum: fc.boolean(),
    format: pick<FormatName>('F32', 'F16', 'BF16', 'Q8', 'Q4'),
  })
  .map(({ rows, width, tokens, first, seed, sum, format }) => {
    const random = new Numbers(seed);
    const table = random.list(rows * width);
    // Some ids are of rows before this piece of the table, or behind it.
    return {
      rows,
      width,
      first,
      table,
      format,
      ids: random.integers(tokens, rows + first + 2),
      ...(sum && { sum: random.list(tokens * width) }),
    };
  });

property(
  'Embedding: the rows of a table as its format holds them, in any number of parts',
  [embedding, parts],
  (args, count) => {
    same_in_parts(embedding_op(args), count);
    const table = restored(args.format!, args.table, args.width);
    const want = Float32Array.from(oracle.embedding({ ...args, table }));
    expect_same_bits(result(embedding_op(args)), want, 'rows');
  },
);

property(
  'Gather: any rows in any order, any number of times, bit for bit',
  [fc.record({ rows: whole(1, 12), width: whole(1, 70), count: whole(1, 20), seed }), parts],
  ({ rows, width, count, seed }, shares) => {
    const random = new Numbers(seed, true);
    const x = random.list(rows * width);
    const places = random.integers(count, rows);
    const op = gather_op({ width, x, rows: places });
    same_in_parts(op, shares);
    const want = Float32Array.from([...places].flatMap((place) => [...row(x, place, width)]));
    expect_same_bits(result(op), want, 'rows');
  },
);
