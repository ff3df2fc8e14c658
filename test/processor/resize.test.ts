// Resizing against Pillow 13 (test/golden/processor.py): every filter, sizes up and down, all channel counts.

import { beforeAll, describe, expect, it } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import { FILTERS, Resizer } from '../../src/host/processor/resize.ts';
import { Random, digest, golden, picture } from './random.ts';

type Case = [
  width: number,
  height: number,
  channels: number,
  to_width: number,
  to_height: number,
  filter: number,
  result: string,
];

describe('resize', () => {
  let resizer: Resizer;
  beforeAll(async () => {
    resizer = new Resizer(await platform.wasm('exact'));
  });

  const random = new Random(4);
  // The golden's sizes were drawn between the pictures, so the draws are made again.
  const cases = golden<Case[]>('resize').map((item) => {
    const most = random.choice([4, 20, 100, 260]);
    for (let i = 0; i < 4; i++) random.below(most);
    for (let i = 0; i < 2; i++) random.chance(15);
    random.choice([1, 2, 3, 3, 3, 4]);
    const [width, height, channels] = item;
    return { item, data: picture(random, width, height, channels) };
  });

  it.each(FILTERS.map((name, filter) => ({ name, filter })))(
    '$name equals Pillow to the bit',
    ({ filter }) => {
      const chosen = cases.filter(({ item }) => item[5] === filter);
      expect(chosen.length).toBeGreaterThanOrEqual(50);
      for (const { item, data } of chosen) {
        const [width, height, channels, to_width, to_height, , result] = item;
        const resized = resizer.resize({ data, width, height, channels }, to_width, to_height, filter);
        expect(digest(resized), JSON.stringify(item)).toBe(result);
      }
    },
  );

  it('runs the passes in the order of Pillow 13', () => {
    // Shrinking the height by 60 and the width by 29 is more than twice as much, by 30 is not.
    const shape = { width: 60, height: 90, channels: 1 };
    const image = { ...shape, data: picture(new Random(9), 60, 90, 1) };
    const passes = (width: number, first: 'height' | 'width'): Uint8Array => {
      const [w, h] = first === 'height' ? [60, 30] : [width, 90];
      const middle = { data: resizer.resize(image, w, h, 2), width: w, height: h, channels: 1 };
      return resizer.resize(middle, width, 30, 2);
    };
    expect(resizer.resize(image, 31, 30, 2)).toEqual(passes(31, 'height'));
    expect(resizer.resize(image, 31, 30, 2)).not.toEqual(passes(31, 'width'));
    expect(resizer.resize(image, 30, 30, 2)).toEqual(passes(30, 'width'));
    expect(resizer.resize(image, 30, 30, 2)).not.toEqual(passes(30, 'height'));
  });

  it('gives the same after a picture so large that its memory is dropped', () => {
    const small = { data: picture(new Random(8), 30, 20, 3), width: 30, height: 20, channels: 3 };
    const before = resizer.resize(small, 7, 9, 3);
    const large = { data: new Uint8Array(5000 * 5000 * 3).fill(77), width: 5000, height: 5000, channels: 3 };
    expect(new Set(resizer.resize(large, 10, 10, 1))).toEqual(new Set([77]));
    expect(resizer.resize(small, 7, 9, 3)).toEqual(before);
  });
});
