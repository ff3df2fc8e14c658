// Resizing: what Pillow's filters keep of a picture, whatever its size.

import fc from 'fast-check';
import { assert, expect } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import { FILTERS, Resizer, type Samples } from '../../src/host/processor/resize.ts';
import { target_size, type Size } from '../../src/host/processor/sizes.ts';
import { Random } from '../processor/random.ts';
import { pick, seed, whole } from './draws.ts';
import { property } from './property.ts';

const resizer = new Resizer(await platform.wasm('exact'));
const filter = pick(...FILTERS.keys());
const side = whole(1, 24);

/** A picture without alpha, of any samples. */
const picture = (channels: fc.Arbitrary<number> = pick(1, 3)): fc.Arbitrary<Samples> =>
  fc.record({ width: side, height: side, channels, seed }).map(({ seed, ...sizes }) => ({
    ...sizes,
    data: new Random(seed).bytes(sizes.width * sizes.height * sizes.channels),
  }));

const with_alpha = picture(pick(2, 4));

const sample = whole(0, 255);
const colour: fc.Arbitrary<number[]> = fc.oneof(fc.tuple(sample), fc.tuple(sample, sample, sample));

/** The pixels of a picture, moved. */
function moved({ data, width, height, channels }: Samples, from: (x: number, y: number) => number): Samples {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      out.set(data.subarray(from(x, y) * channels, (from(x, y) + 1) * channels), (y * width + x) * channels);
  return { data: out, width, height, channels };
}
const mirrored = (image: Samples): Samples => moved(image, (x, y) => y * image.width + image.width - 1 - x);
const upside_down = (image: Samples): Samples => moved(image, (x, y) => (image.height - 1 - y) * image.width + x); // prettier-ignore

function resized(image: Samples, width: number, height: number, by: number): Samples {
  return { ...image, data: resizer.resize(image, width, height, by), width, height };
}

property(
  'A picture of one colour stays so, by every filter',
  [side, side, side, side, filter, colour, fc.boolean()],
  (width, height, to_width, to_height, by, colour, opaque) => {
    const pixel = opaque ? [...colour, 255] : colour;
    const channels = pixel.length;
    const data = Uint8Array.from({ length: width * height * channels }, (_, i) => pixel[i % channels]!);
    const { data: out } = resized({ data, width, height, channels }, to_width, to_height, by);
    assert.strictEqual(out.length, to_width * to_height * channels);
    assert(
      out.every((sample, i) => sample === pixel[i % channels]),
      String(out),
    );
  },
);

property('The size that it has changes nothing', [fc.oneof(picture(), with_alpha), filter], (image, by) => {
  const { data } = resized(image, image.width, image.height, by);
  assert.deepEqual(data, image.data);
  assert.notStrictEqual(data, image.data);
});

property(
  'A filter without negative lobes stays between the least and the largest sample',
  [picture(), side, side, pick(0, 2, 4, 5)],
  (image, width, height, by) => {
    const [least, most] = [Math.min(...image.data), Math.max(...image.data)];
    const { data } = resized(image, width, height, by);
    assert(
      data.every((sample) => sample >= least && sample <= most),
      `${least}–${most}: ${String(data)}`,
    );
  },
);

property('The nearest filter makes up no sample', [picture(pick(1)), side, side], (image, width, height) => {
  const known = new Set(image.data);
  assert(
    resized(image, width, height, 0).data.every((sample) => known.has(sample)),
    'a new sample',
  );
});

property(
  'The nearest filter and the box repeat pixels a whole number of times, and the box takes them back',
  [picture(), whole(1, 5), whole(1, 5), pick(0, 4)],
  (image, across, down, by) => {
    const { width, height, channels, data } = image;
    const larger = resized(image, width * across, height * down, by);
    const repeated = Uint8Array.from(larger.data, (_, i) => {
      const [pixel, c] = [Math.floor(i / channels), i % channels];
      const [x, y] = [pixel % (width * across), Math.floor(pixel / (width * across))];
      return data[(Math.floor(y / down) * width + Math.floor(x / across)) * channels + c]!;
    });
    assert.deepEqual(larger.data, repeated);
    assert.deepEqual(resized(larger, width, height, by).data, data);
  },
);

property(
  'Channels do not mix: each alone gives what it gives among others',
  [picture(pick(2, 3, 4)), side, side, filter, whole(0, 3)],
  (image, width, height, by, any) => {
    // Alpha weighs the colours, unless all is opaque.
    const { channels } = image;
    const last = channels % 2 === 0 ? channels - 1 : channels;
    const data = image.data.map((sample, i) => (i % channels === last ? 255 : sample));
    const c = any % channels;
    const whole_one = resized({ ...image, data }, width, height, by).data;
    const alone = { ...image, channels: 1, data: data.filter((_, i) => i % channels === c) };
    assert.deepEqual(
      resized(alone, width, height, by).data,
      whole_one.filter((_, i) => i % channels === c),
    );
  },
);

property(
  'Mirroring and turning upside down may come before or after, up to a rounding of 1',
  // The box and the nearest filter take the pixel on the left of a tie.
  [picture(), side, side, pick(1, 2, 3, 5), fc.boolean()],
  (image, width, height, by, mirror) => {
    const flip = mirror ? mirrored : upside_down;
    const [before, after] = [
      resized(flip(image), width, height, by),
      flip(resized(image, width, height, by)),
    ];
    before.data.forEach((sample, i) => {
      const far = Math.abs(sample - after.data[i]!);
      assert(far <= 1, `sample ${i}: ${sample} and ${after.data[i]!}`);
    });
  },
);

property(
  'What is transparent all over stays so; opaque alpha stays opaque',
  [with_alpha, side, side, filter, pick(0, 255)],
  (image, width, height, by, alpha) => {
    const { channels } = image;
    const data = image.data.map((sample, i) => (i % channels === channels - 1 ? alpha : sample));
    const out = resized({ ...image, data }, width, height, by).data;
    for (let i = channels - 1; i < out.length; i += channels) assert.strictEqual(out[i], alpha);
  },
);

const sizes: fc.Arbitrary<Size> = fc.oneof(
  fc.record({ height: whole(1, 999), width: whole(1, 999) }),
  fc.record({ shortest_edge: whole(1, 999) }),
  fc.record({ shortest_edge: whole(20, 999), longest_edge: whole(20, 999) }),
  fc.record({ max_height: whole(20, 999), max_width: whole(20, 999) }),
);

property(
  'A size keeps what it says: exact edges, the shortest one, or both within their bounds',
  [sizes, whole(20, 300), whole(20, 300)],
  (size, height, width) => {
    const [h, w] = target_size(size, height, width);
    if (size.height !== undefined) expect([h, w]).toEqual([size.height, size.width]);
    else if (size.max_height !== undefined)
      assert(h <= size.max_height && w <= size.max_width!, `${h} × ${w}`);
    else if (size.longest_edge === undefined) assert.strictEqual(Math.min(h, w), size.shortest_edge);
    // Rounding the shorter edge may take the longer one a part of a pixel beyond.
    else if (h !== height || w !== width)
      assert(Math.max(h, w) <= size.longest_edge || Math.min(h, w) === size.shortest_edge, `${h} × ${w}`);
    const turned = target_size(
      {
        ...size,
        ...(size.height !== undefined && { height: size.width!, width: size.height }),
        ...(size.max_height !== undefined && { max_height: size.max_width!, max_width: size.max_height }),
      },
      width,
      height,
    );
    expect(turned).toEqual([w, h]);
  },
);
