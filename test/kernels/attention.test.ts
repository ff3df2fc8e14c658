// assembly/kernels/attention.ts: results to the bit. Their values are in the table (cases/attention.ts).

import { describe, expect, test } from 'vitest';
import { random_attention } from './cases/attention.ts';
import { expect_same_bits } from './support/compare.ts';
import { attention_op, starts_of, type AttentionArgs } from './support/ops.ts';
import { run_op } from './support/run_op.ts';

/** The rows of sequence `s` in a result [tokens, width]. */
function rows_of({ lengths, heads, d }: AttentionArgs, s: number, out: Float32Array): Float32Array {
  const starts = starts_of(lengths);
  return out.slice(starts[s]! * heads * d, starts[s + 1]! * heads * d);
}

/** The args with sequence `s` alone, cut to its first `length` tokens. */
function alone(args: AttentionArgs, s: number, length = args.lengths[s]!): AttentionArgs {
  const start = starts_of(args.lengths)[s]!;
  const width = 3 * args.heads * args.d;
  return {
    ...args,
    lengths: [length],
    tokens: length,
    length,
    qkv: args.qkv.slice(start * width, (start + length) * width),
    mask: args.mask.slice(start, start + length),
  };
}

describe.each([1, 3, 10, 16, 20, 64])('Attention with heads of width %i', (d) => {
  test('gives a sequence the same bits alone and among others, with and without the tap', async () => {
    const args = random_attention(['xxxxx', 'xx.xx', 'xxxx.'], 2, d);
    const all = await run_op(attention_op(args));
    const untapped = await run_op(attention_op({ ...args, probs: false }));
    expect_same_bits(untapped.out!, all.out!, 'without the tap');
    for (const s of [0, 1, 2]) {
      const { out, probs } = await run_op(attention_op(alone(args, s)));
      expect_same_bits(out!, rows_of(args, s, all.out!), `sequence ${s}`);
      expect_same_bits(probs!, all.probs!.slice(s * 50, (s + 1) * 50), `probabilities of ${s}`);
    }
  });

  test('gives the same bits with trailing padding and without', async () => {
    const args = random_attention(['xxxxxxx...............'], 2, d);
    const padded = await run_op(attention_op(args));
    const trimmed = await run_op(attention_op(alone(args, 0, 7)));
    expect_same_bits(padded.out!.slice(0, 7 * 2 * d), trimmed.out!, 'context');
  });
});

test('Attention keeps a NaN in its sequence and head: a query in its row, a key and a value in all rows', async () => {
  const args = random_attention(['xxxxx', 'xxxxx'], 2, 3);
  const clean = (await run_op(attention_op(args))).out!;
  for (const [which, rows] of [
    ['query', [2]],
    ['key', [0, 1, 2, 3, 4]],
    ['value', [0, 1, 2, 3, 4]],
  ] as const) {
    const qkv = args.qkv.slice();
    qkv[2 * 18 + ['query', 'key', 'value'].indexOf(which) * 6 + 3] = NaN; // token 2, head 1
    const { out } = await run_op(attention_op({ ...args, qkv }));
    for (let i = 0; i < out!.length; i++) {
      const [row, column] = [Math.floor(i / 6), i % 6];
      const hit =
        (rows as readonly number[]).includes(row) && (which === 'value' ? column === 3 : column >= 3);
      if (hit) expect(out![i], `${which} ${row} ${column}`).toBeNaN();
      else expect(out![i], `${which} ${row} ${column}`).toBe(clean[i]);
    }
  }
});
