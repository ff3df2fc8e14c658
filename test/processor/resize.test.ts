// Resizing against Pillow 13 (test/golden/processor.py): every filter, sizes up and down, all channel counts.

import { beforeAll, describe, expect, it } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import { FILTERS, Resizer } from '../../src/host/processor/resize.ts';
import { Instance } from '../../src/host/wasm/module.ts';
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

  it.each(FILTERS.map((name, filter) => ({ name, filter })))(
    '$name touches no more memory than it asks for, and takes nothing from what was there',
    async ({ filter }) => {
      const draw = new Random(filter);
      const instance = new Instance(await platform.wasm('exact'));
      for (let i = 0; i < 60; i++) {
        const [width, height, to_width, to_height] = [40, 40, 60, 60].map((most) => 1 + draw.below(most)) as [number, number, number, number]; // prettier-ignore
        if (width === to_width && height === to_height) continue;
        const channels = filter === 0 ? draw.choice([1, 2, 3, 4]) : draw.choice([1, 3]);
        const image = { data: picture(draw, width, height, channels), width, height, channels };
        // What is asked for at `work`, a multiple of 16, ends where memory ends: further on is a trap.
        const bytes = instance.exports.resize_bytes(width, height, channels, to_width, to_height, filter);
        const size = to_width * to_height * channels;
        const end = instance.memory.buffer.byteLength;
        const work = (end - bytes) & ~15;
        const dst = work - 32 - size;
        const src = dst - image.data.length;
        instance.bytes(instance.base, end - instance.base).fill(draw.below(256));
        instance.bytes(src, image.data.length).set(image.data);
        instance.exports.resize(src, width, height, channels, dst, to_width, to_height, filter, work);
        const want = resizer.resize(image, to_width, to_height, filter);
        const shape = `${width} × ${height} × ${channels} to ${to_width} × ${to_height}`;
        expect(instance.bytes(dst, size).slice(), shape).toEqual(want);
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
