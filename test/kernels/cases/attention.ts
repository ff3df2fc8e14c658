// Attention over ragged sequences, masked.

import { expect } from 'vitest';
import { attention_bounds } from '../support/bounds.ts';
import { expect_same_bits, expect_within } from '../support/compare.ts';
import { attention_op, type AttentionArgs } from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { poisoned, type Case, type Group } from './case.ts';

/** Sequences with the masks given as texts, one a sequence: `.` a key that nobody sees. */
export function random_attention(
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
  // Probabilities are tapped where every sequence is computed at full length: elsewhere rows stay unwritten.
  return { lengths, tokens, length, heads, d, qkv, mask, probs: probs && lengths.every((n) => n === length) };
}

/** `more` looks at the results besides. */
function attention_case(args: AttentionArgs, more?: Case['check']): Case {
  const { lengths, heads, d } = args;
  return {
    name: `${lengths.join()} tokens, ${heads} heads of ${d}`,
    op: attention_op(args),
    check: (got, on) => {
      const truth = oracle.attention(args);
      const bounds = attention_bounds(args, truth, on);
      expect_within(got.out!, truth.context.value, bounds.context, 'context');
      if (args.probs) expect_within(got.probs!, truth.probs, bounds.probs, 'probabilities');
      more?.(got, on);
    },
  };
}

/** Everything is masked in the first of two sequences: 1 / 5 each. */
function uniform_case(d: number): Case {
  return attention_case(random_attention(['.....', 'xxxxx'], 2, d), ({ probs }, { quotient }) => {
    const fifth = new Float64Array(50).fill(Math.fround(0.2));
    const bound = fifth.map((v) => (quotient - 0.5) * 2 ** -23 * v);
    expect_within(probs!.slice(0, 50), fifth, bound, 'uniform');
  });
}

function ragged_case(d: number): Case {
  const masks = ['xxx', 'x', 'xx.xxxxx', 'xxxxxxxxxxxxxxxxxxx'];
  const args = random_attention(masks, 3, d, { tokens: 48, length: 32 });
  const used = 31 * 3 * d;
  return attention_case(args, ({ out }) =>
    expect_same_bits(out!.slice(used), new Float32Array(48 * 3 * d - used), 'rows of no sequence'),
  );
}

/** Scores of hundreds: the bounds say nothing, but everything stays finite and adds up to 1. */
function large_case(): Case {
  const args = random_attention(['xxxxxxxxx'], 1, 16);
  const qkv = args.qkv.map((v, i) => (i % 48 < 32 ? v * 40 : v));
  return {
    name: 'large scores',
    op: attention_op({ ...args, qkv }),
    check: ({ out, probs }) => {
      expect([...out!, ...probs!].every(Number.isFinite)).toBe(true);
      for (let row = 0; row < 9; row++) {
        const sum = probs!.slice(row * 9, row * 9 + 9).reduce((a, b) => a + b, 0);
        expect(Math.abs(sum - 1)).toBeLessThan(9 * 2 ** -23);
      }
    },
  };
}

/** A NaN in token 2 of head 1: in its row as a query, in all rows of its sequence as a key or, in its column, a value. */
function nan_case(which: 0 | 1 | 2): Case {
  const args = random_attention(['xxxxx', 'xxxxx'], 2, 3);
  const qkv = poisoned(args.qkv, 2 * 18 + which * 6 + 3, NaN);
  const clean = oracle.attention(args);
  const name = `NaN as ${['query', 'key', 'value'][which]!}`;
  return {
    name,
    op: attention_op({ ...args, qkv }),
    check: ({ out }, on) => {
      const hit = (i: number): boolean => {
        const [row, column] = [Math.floor(i / 6), i % 6];
        return (which === 0 ? row === 2 : row < 5) && (which === 2 ? column === 3 : column >= 3);
      };
      const want = clean.context.value.map((v, i) => (hit(i) ? NaN : v));
      expect_within(out!, want, attention_bounds(args, clean, on).context, name);
    },
  };
}

export const ATTENTION: readonly Group[] = [
  ...[1, 3, 10, 16, 20, 64].flatMap((d) => [
    {
      title: `agrees with the oracle at every length and head count: width ${d}`,
      cases: () =>
        [1, 2, 3, 5, 7, 15, 16, 17, 33].flatMap((length) =>
          [1, 3].map((heads) => attention_case(random_attention(['x'.repeat(length)], heads, d))),
        ),
    },
    {
      title: `agrees with the oracle with holes, trailing and leading padding in the mask: width ${d}`,
      cases: () => [
        attention_case(random_attention(['xx.x.xx', 'xxxx...', '..xxxxx', 'x......'], 2, d)),
        attention_case(random_attention(['xxxxxxx...............'], 2, d)),
        attention_case(random_attention(['xxxxx', 'xx.xx', 'xxxx.'], 2, d, { probs: false })),
      ],
    },
    {
      title: `weighs all tokens the same where every key is masked: width ${d}`,
      cases: () => [uniform_case(d)],
    },
    {
      title: `agrees with the oracle over ragged sequences, and clears the rows behind them: width ${d}`,
      cases: () => [ragged_case(d)],
    },
  ]),
  {
    title: 'gives masked keys the weight 0 exactly',
    cases: () => [
      attention_case(random_attention(['xx.xx.'], 2, 5), ({ probs }) => {
        for (let i = 0; i < probs!.length; i++) if (i % 6 === 2 || i % 6 === 5) expect(probs![i]).toBe(0);
      }),
    ],
  },
  { title: 'stays finite where scores are large', cases: () => [large_case()] },
  {
    title: 'keeps a NaN in its sequence and head',
    cases: () => ([0, 1, 2] as const).map(nan_case),
  },
];
