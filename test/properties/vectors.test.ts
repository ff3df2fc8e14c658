// What is computed from embeddings: label sets, mixtures, the loss and scores.

import fc from 'fast-check';
import { assert, expect } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { LabelSet } from '../../src/host/label_set.ts';
import { align_loss } from '../../src/host/loss.ts';
import { weighted_sum } from '../../src/host/mix.ts';
import { dot, exp, ranked, softmax } from '../../src/host/scores.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { expect_same_bits } from '../kernels/support/compare.ts';
import { Random } from '../kernels/support/random.ts';
import { unit } from '../support/naive_search.ts';
import { moderate, order, pick, seed, unicode, whole } from './draws.ts';
import { property } from './property.ts';

const label_set = fc
  .record({
    labels: fc.array(unicode, { minLength: 1, maxLength: 6 }),
    dimensions: whole(1, 20),
    seed,
    template: unicode,
  })
  .map(({ labels, dimensions, seed, template }) => {
    const random = new Random(seed);
    return new LabelSet(
      labels,
      labels.map(() => unit(random.floats(dimensions, 0.1, 1))),
      `${template}{}`,
    );
  });

property('A label set comes back from its bytes', [label_set], (set) => {
  const bytes = set.to_bytes();
  const back = LabelSet.from_bytes(bytes);
  expect(back).toEqual(set);
  assert.deepEqual(back.to_bytes(), bytes);
});

property(
  'A label set with any bit changed, or cut off, is refused',
  [label_set, fc.nat(), fc.nat()],
  (set, any, end) => {
    const bytes = set.to_bytes();
    assert.throws(() => LabelSet.from_bytes(bytes.slice(0, end % bytes.length)), AlignError);
    const bit = any % (8 * bytes.length);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => LabelSet.from_bytes(bytes), AlignError, 'Not a label set');
  },
);

const mixture = fc
  .record({ count: whole(1, 6), width: whole(2, 30), seed })
  .chain(({ count, width, seed }) => {
    const random = new Random(seed);
    const vectors = Array.from({ length: count }, () => random.floats(width));
    return fc.record({
      vectors: fc.constant(vectors),
      width: fc.constant(width),
      weights: fc.array(fc.double({ min: 0.25, max: 4, noNaN: true }), {
        minLength: count,
        maxLength: count,
      }),
      places: order(count),
    });
  });

const close = (a: Float32Array, b: ArrayLike<number>, within = 1e-5): void => {
  a.forEach((v, i) => { assert(Math.abs(v - b[i]!) <= within, `${v} and ${b[i]!}`); }); // prettier-ignore
};

property(
  'A mixture has length 1, whatever its parts are long',
  [mixture, pick(-8, 0, 9)],
  ({ vectors, weights, width }, e) => {
    const mixed = weighted_sum(vectors, weights, width);
    assert(Math.abs(dot(mixed, mixed) - 1) < 1e-5);
    const longer = vectors.map((vector) => vector.map((v) => v * 2 ** e));
    expect_same_bits(weighted_sum(longer, weights, width), mixed, 'longer parts');
    expect_same_bits(weighted_sum(vectors, weights.map((w) => w * 2 ** e), width), mixed, 'larger weights'); // prettier-ignore
  },
);

property(
  'Parts may be mixed in any order, and one taken away again',
  [mixture],
  ({ vectors, weights, width, places }) => {
    const mixed = weighted_sum(vectors, weights, width);
    const moved = weighted_sum(places.map((p) => vectors[p]!), places.map((p) => weights[p]!), width); // prettier-ignore
    const total = weights.reduce((a, b) => a + b, 0);
    const length = Math.sqrt(vectors.map((v, i) => v.map((x) => (x * weights[i]!) / Math.sqrt(dot(v, v)))).reduce((a, b) => a.map((x, i) => x + b[i]!)).reduce((a, b) => a + b * b, 0)); // prettier-ignore
    // What cancels out leaves less of its digits.
    const within = (1e-6 * total) / length;
    close(moved, mixed, within);
    const other = new Random(vectors.length).floats(width);
    const there = weighted_sum([...vectors, other, other], [...weights, 1, -1], width);
    close(there, mixed, within);
    close(weighted_sum([vectors[0]!], [-weights[0]!], width), unit(vectors[0]!).map((v) => -v)); // prettier-ignore
  },
);

property(
  'Parts that cancel out, or have no direction, are refused',
  [mixture, pick(0, NaN, Infinity)],
  ({ vectors, weights, width }, bad) => {
    const nothing = (parts: readonly Float32Array[], weights: readonly number[]): void => {
      assert.throws(() => weighted_sum(parts, weights, width), AlignError);
    };
    nothing([...vectors, ...vectors], [...weights, ...weights.map((w) => -w)]);
    nothing([...vectors, new Float32Array(width).fill(bad)], [...weights, 1]);
    nothing([...vectors, new Float32Array(width + 1).fill(1)], [...weights, 1]);
  },
);

const square = whole(1, 8).chain((n) => fc.record({ n: fc.constant(n), logits: fc.array(moderate, { minLength: n * n, maxLength: n * n }), places: order(n), shift: whole(-500, 500) })); // prettier-ignore
const loss_of = (n: number, logits: readonly number[]): number => align_loss(new Tensor('float64', Float64Array.from(logits), [n, n])); // prettier-ignore

/** The loss as its paper has it, with the log of a sum of exponentials taken as it stands. */
function naive_loss(n: number, x: readonly number[]): number {
  const entropy = (at: (i: number, j: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const row = Array.from({ length: n }, (_, j) => at(i, j));
      const top = Math.max(...row);
      const log_p = row.map(
        (v) => v - top - Math.log(row.reduce((total, w) => total + Math.exp(w - top), 0)),
      );
      log_p.forEach((p, j) => (sum -= p * (0.1 / n + (i === j ? 0.9 : 0))));
    }
    return sum / n;
  };
  return (entropy((i, j) => x[i * n + j]!) + entropy((i, j) => x[j * n + i]!)) / 2;
}

property('The loss is that of naive loops, and never negative', [square], ({ n, logits }) => {
  const loss = loss_of(n, logits);
  const want = naive_loss(n, logits);
  assert(Math.abs(loss - want) <= 1e-10 * (1 + Math.abs(want)), `${loss}, not ${want}`);
  assert(loss >= -1e-9);
});

property(
  'The loss does not change with the order of pairs, nor if texts and pictures change places or all logits move',
  [square],
  ({ n, logits, places, shift }) => {
    const loss = loss_of(n, logits);
    const same = (at: (i: number, j: number) => number): void => {
      const other = loss_of(
        n,
        Array.from({ length: n * n }, (_, k) => at(Math.floor(k / n), k % n)),
      );
      assert(Math.abs(other - loss) <= 1e-9 * (1 + loss), `${other}, not ${loss}`);
    };
    same((i, j) => logits[places[i]! * n + places[j]!]!);
    same((i, j) => logits[j * n + i]!);
    same((i, j) => logits[i * n + j]! + shift);
  },
);

const logits = fc.array(moderate, { minLength: 1, maxLength: 12 });

property(
  'softmax gives shares of 1 in the order of its logits, wherever they lie',
  [logits, whole(-1000, 1000)],
  (x, shift) => {
    const p = softmax(x);
    assert(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-12 && p.every((v) => v >= 0 && v <= 1));
    x.forEach((v, i) => x.forEach((w, j) => { assert(v <= w || p[i]! >= p[j]!); })); // prettier-ignore
    softmax(x.map((v) => v + shift)).forEach((v, i) => { assert(Math.abs(v - p[i]!) < 1e-9); }); // prettier-ignore
  },
);

property(
  'exp is within 4e-16 of Math.exp, and 0 below its range',
  [fc.double({ min: -760, max: 0, noNaN: true })],
  (x) => {
    const [got, want] = [exp(x), Math.exp(x)];
    if (x < -708) assert.strictEqual(got, 0);
    else assert(Math.abs(got - want) <= 5e-16 * want, `${got}, not ${want}`);
  },
);

property(
  'The best few are the first of all, best first, ties as they came',
  [logits, whole(1, 14)],
  (scores, top_k) => {
    const labels = scores.map((_, i) => String(i));
    const all = ranked(labels, scores);
    assert.deepEqual(all.map(({ label }) => label).sort(), [...labels].sort());
    all.forEach(({ label, score }, i) => {
      assert.strictEqual(score, scores[Number(label)]);
      const before = all[i - 1];
      if (before)
        assert(before.score > score || (before.score === score && Number(before.label) < Number(label)));
    });
    assert.deepEqual(ranked(labels, scores, top_k), all.slice(0, top_k));
  },
);
