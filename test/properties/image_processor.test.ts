// The image processor's flags, one at a time and together: what each does to samples of any picture.

import fc from 'fast-check';
import { assert } from 'vitest';
import {
  EfficientNetImageProcessor,
  type ImageCallOptions,
} from '../../src/host/processor/image_processor.ts';
import { FILTERS } from '../../src/host/processor/resize.ts';
import { expect_same_bits } from '../kernels/support/compare.ts';
import { Random } from '../processor/random.ts';
import { pick, seed, whole } from './draws.ts';
import { property } from './property.ts';

const processor = await EfficientNetImageProcessor.from_pretrained({ 'preprocessor_config.json': {} });
/** Samples as they are. */
const OFF = { do_resize: false, do_center_crop: false, do_rescale: false, do_normalize: false, include_top: false }; // prettier-ignore

interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

const sized = (width: number, height: number, seed: number): Picture => ({
  ...{ width, height, channels: 3 },
  data: new Random(seed).bytes(width * height * 3),
});
const side = whole(1, 16);
const picture: fc.Arbitrary<Picture> = fc.tuple(side, side, seed).map((sizes) => sized(...sizes));

async function values(
  images: Picture | readonly Picture[],
  options: ImageCallOptions,
): Promise<Float32Array> {
  return (await processor.call(images, options)).pixel_values.data;
}

/** Sample [c][y][x] of a picture. */
const at = ({ data, width, channels }: Picture, c: number, y: number, x: number): number =>
  data[(y * width + x) * channels + c]!;

property('Without any flag, pixel_values are the samples, one plane a channel', [picture], async (image) => {
  const { pixel_values } = await processor.call(image, OFF);
  const { width, height } = image;
  assert.deepEqual(pixel_values.dims, [1, 3, height, width]);
  const want = Float32Array.from({ length: 3 * height * width }, (_, i) =>
    at(image, Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width),
  );
  expect_same_bits(pixel_values.data, want, 'samples');
});

property(
  'A centre crop is the middle of the picture, with zeros around it where it is larger',
  [picture, side, side],
  async (image, height, width) => {
    const cropped = await values(image, { ...OFF, do_center_crop: true, crop_size: { height, width } });
    const top = Math.floor((image.height - height) / 2);
    const left = Math.floor((image.width - width) / 2);
    const want = Float32Array.from({ length: 3 * height * width }, (_, i) => {
      const [c, y, x] = [
        Math.floor(i / (width * height)),
        (Math.floor(i / width) % height) + top,
        (i % width) + left,
      ];
      return y >= 0 && y < image.height && x >= 0 && x < image.width ? at(image, c, y, x) : 0;
    });
    expect_same_bits(cropped, want, `${width} × ${height} of ${image.width} × ${image.height}`);
  },
);

const number = fc.float({ min: 0.0625, max: 4, noNaN: true });
const flags = fc.record({
  ...{
    do_rescale: fc.boolean(),
    rescale_factor: pick(1 / 255, 1 / 127.5, 0.5),
    rescale_offset: fc.boolean(),
  },
  ...{ do_normalize: fc.boolean(), include_top: fc.boolean() },
  ...{
    image_mean: fc.oneof(number, fc.tuple(number, number, number)),
    image_std: fc.oneof(number, fc.tuple(number, number, number)),
  },
});

property(
  'Scaling and normalising are the formula, rounded to f32 step by step',
  [picture, flags],
  async (image, o) => {
    const { width, height } = image;
    const got = await values(image, { ...OFF, ...o });
    const f = Math.fround;
    const want = Float32Array.from({ length: got.length }, (_, i) => {
      const [c, pixel] = [Math.floor(i / (width * height)), i % (width * height)];
      const of = (value: number | readonly number[]): number =>
        f(typeof value === 'number' ? value : value[c]!);
      let v = at(image, c, Math.floor(pixel / width), pixel % width);
      if (o.do_rescale) v = f(v * o.rescale_factor);
      if (o.do_rescale && o.rescale_offset) v = f(v - 1);
      if (o.do_normalize) v = f(f(v - of(o.image_mean)) / of(o.image_std));
      return o.include_top ? v / of(o.image_std) : v;
    });
    expect_same_bits(got, want, 'values');
  },
);

property(
  'Pictures of a batch have the values that each has alone, whatever their sizes',
  [fc.array(picture, { minLength: 1, maxLength: 4 }), flags, side, side, pick(...FILTERS.keys())],
  async (images, o, height, width, resample) => {
    const options = { ...OFF, ...o, do_resize: true, size: { height, width }, resample };
    const batch = await values(images, options);
    for (const [i, image] of images.entries()) {
      const size = 3 * height * width;
      expect_same_bits(batch.slice(i * size, (i + 1) * size), await values(image, options), `picture ${i}`);
    }
  },
);

property(
  'A flag of the configuration is worth as much as one of the call, and is written as it was read',
  [picture, flags, side, side],
  async (image, o, height, width) => {
    const config = { ...OFF, ...o, do_resize: true, size: { height, width } };
    const own = await EfficientNetImageProcessor.from_pretrained({ 'preprocessor_config.json': config });
    const again = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': own.to_dict(),
    });
    assert.deepEqual(again.settings, own.settings);
    const { pixel_values } = await own.call(image);
    expect_same_bits(pixel_values.data, await values(image, config), 'values');
  },
);
