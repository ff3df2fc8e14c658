// The deterministic exponential and softmax, ranking, and the queue that calls wait in.

import { describe, expect, it } from 'vitest';
import { Queue } from '../../src/host/queue.ts';
import { dot, exp, ranked, rows, softmax } from '../../src/host/scores.ts';
import { Tensor } from '../../src/host/tensor.ts';

describe('exp', () => {
  it('stays within 4e-16 of the true value over its whole range', () => {
    let worst = 0;
    for (let i = 0; i <= 200_000; i++) {
      const x = -708 * (i / 200_000);
      worst = Math.max(worst, Math.abs(exp(x) / Math.exp(x) - 1));
    }
    expect(worst).toBeLessThan(4e-16);
  });

  it('gives 1 at 0, 0 below its range, NaN for NaN', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-709)).toBe(0);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(NaN)).toBeNaN();
  });
});

describe('softmax', () => {
  it('sums to 1 and keeps ratios, however large the logits', () => {
    const [a, b] = softmax([1000, 999]) as [number, number];
    expect(a + b).toBeCloseTo(1, 15);
    expect(a / b).toBeCloseTo(Math.E, 12);
    expect(softmax([5])).toEqual([1]);
  });

  it('makes all NaN when one logit is NaN, as torch does', () => {
    expect(softmax([1, NaN, 2])).toEqual([NaN, NaN, NaN]);
  });
});

describe('ranked', () => {
  it('puts the best first, keeps the order of equals, and NaN last', () => {
    const labels = ['a', 'b', 'c', 'd'];
    expect(ranked(labels, [0.1, NaN, 0.4, 0.1]).map((s) => s.label)).toEqual(['c', 'a', 'd', 'b']);
    expect(ranked(labels, [-Infinity, 1, 2, -Infinity], 3).map((s) => s.label)).toEqual(['c', 'b', 'a']);
  });
});

it('rows are copies, one a row of the tensor', () => {
  const tensor = new Tensor('float32', [1, 2, 3, 4, 5, 6], [2, 3]);
  const [first, second] = rows(tensor) as [Float32Array, Float32Array];
  expect([...first, ...second]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(first.buffer.byteLength).toBe(12);
  expect(dot(first, second)).toBe(32);
});

describe('Queue', () => {
  const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

  it('runs one task at a time, in order, past one that fails', async () => {
    const queue = new Queue();
    const seen: string[] = [];
    const task = (name: string) => async (): Promise<string> => {
      seen.push(`${name} starts`);
      await later();
      seen.push(`${name} ends`);
      if (name === 'b') throw new Error('b failed');
      return name;
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => queue.run(undefined, task(name))));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('rejects a waiting task as soon as its signal fires, and never starts it', async () => {
    const queue = new Queue();
    let release = (): void => undefined;
    const first = queue.run(undefined, () => new Promise<void>((resolve) => (release = resolve)));
    const control = new AbortController();
    let started = false;
    const second = queue.run(control.signal, () => {
      started = true;
      return Promise.resolve();
    });
    control.abort();
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    release();
    await first;
    await queue.run(undefined, later);
    expect(started).toBe(false);
  });
});
