// assembly/kernels/attention.ts.

import { describe, expect, test } from 'vitest';
import { attention_bounds } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import { attention_op, starts_of, type AttentionArgs } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { run_op, type Results } from './support/run_op.ts';

/** Sequences with the masks given as texts, one a sequence: `.` a key that nobody sees. */
function random_attention(
  masks: readonly string[],
  heads: number,
  d: number,
  more: { tokens?: number; length?: number; probs?: boolean } = {},
): AttentionArgs {
  const lengths = masks.map((mask) => mask.length);
  const used = lengths.reduce((a, b) => a + b, 0);
  const { tokens = used, length = Math.max(...lengths), probs = true } = more;
  const keys = masks.join('');
  // Whatever is not zero keeps a key.
  const mask = Int32Array.from({ length: tokens }, (_, i) =>
    i < used && keys[i] !== '.' ? [1, 7, -1][i % 3]! : 0,
  );
  const qkv = new Random(used * 1009 + heads * 101 + d).floats(tokens * 3 * heads * d, -1.5, 1.5);
  return { lengths, tokens, length, heads, d, qkv, mask, probs };
}

async function check(args: AttentionArgs): Promise<Results> {
  const got = await run_op(attention_op(used_probs(args)));
  const truth = oracle.attention(args);
  const bounds = attention_bounds(args, truth);
  expect_within(got.out!, truth.context.value, bounds.context, 'context');
  if (got.probs) expect_within(got.probs, truth.probs, bounds.probs, 'probabilities');
  return got;
}

/** Probabilities are tapped where every sequence is computed at full length: elsewhere rows stay unwritten. */
function used_probs(args: AttentionArgs): AttentionArgs {
  return { ...args, probs: Boolean(args.probs) && args.lengths.every((length) => length === args.length) };
}

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
  test('agrees with the oracle at every length and head count, in any number of parts', async () => {
    for (const length of [1, 2, 3, 5, 7, 15, 16, 17, 33])
      for (const heads of [1, 3]) await check(random_attention(['x'.repeat(length)], heads, d));
  });

  test('agrees with the oracle with holes, trailing and leading padding in the mask', async () => {
    await check(random_attention(['xx.x.xx', 'xxxx...', '..xxxxx', 'x......'], 2, d));
  });

  test('weighs all tokens the same where every key is masked', async () => {
    const args = random_attention(['.....', 'xxxxx'], 2, d);
    const { probs } = await check(args);
    expect([...probs!.slice(0, 2 * 5 * 5)]).toEqual(new Array(50).fill(Math.fround(0.2)));
  });

  test('agrees with the oracle over sequences of ragged lengths, and clears the rows behind them', async () => {
    const args = random_attention(['xxx', 'x', 'xx.xxxxx', 'xxxxxxxxxxxxxxxxxxx'], 3, d, {
      tokens: 48,
      length: 32,
    });
    const { out } = await check(args);
    const used = 31 * 3 * d;
    expect_same_bits(out!.slice(used), new Float32Array(48 * 3 * d - used), 'rows of no sequence');
  });

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

describe('Attention', () => {
  test('gives masked keys the weight 0 exactly', async () => {
    const { probs } = await check(random_attention(['xx.xx.'], 2, 5));
    for (let i = 0; i < probs!.length; i++) if (i % 6 === 2 || i % 6 === 5) expect(probs![i]).toBe(0);
  });

  test('stays finite where scores are large', async () => {
    const args = random_attention(['xxxxxxxxx'], 1, 16);
    const qkv = args.qkv.map((v, i) => (i % 48 < 32 ? v * 40 : v));
    const { out, probs } = await run_op(attention_op({ ...args, qkv }));
    expect([...out!, ...probs!].every(Number.isFinite)).toBe(true);
    for (let row = 0; row < 9; row++) {
      const sum = probs!.slice(row * 9, row * 9 + 9).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - 1)).toBeLessThan(9 * 2 ** -23);
    }
  });

  test('keeps a NaN in its sequence and head: a query in its row, a key and a value in all rows', async () => {
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
});
