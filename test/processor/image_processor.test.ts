// The image processor against transformers' PIL backend, float for float (test/golden/processor.py), and what it refuses.

import { describe, expect, it } from 'vitest';
import { EfficientNetImageProcessor } from '../../src/host/processor/image_processor.ts';
import { Random, digest, golden, picture } from './random.ts';

type Json = Record<string, unknown>;
type Case = [
  config: Json,
  channels: number,
  sizes: [width: number, height: number][],
  dims: number[] | null,
  values: string | null,
];
const NO_PICTURE = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };

describe('EfficientNetImageProcessor', () => {
  it('equals transformers for 300 combinations of flags, or refuses where it does', async () => {
    const cases = golden<Case[]>('image_processor');
    expect(cases.filter(([, , , dims]) => dims !== null).length).toBeGreaterThan(200);
    for (const [i, [config, channels, sizes, dims, values]] of cases.entries()) {
      const random = new Random(1000 + i);
      const images = sizes.map(([width, height]) => ({
        data: picture(random, width, height, channels),
        width,
        height,
        channels,
      }));
      const processor = await EfficientNetImageProcessor.from_pretrained({
        'preprocessor_config.json': config,
      });
      const call = processor.call(images, { do_convert_rgb: false });
      if (dims === null)
        await expect(call, JSON.stringify(config)).rejects.toMatchObject({ code: 'invalid_argument' });
      else {
        const { pixel_values } = await call;
        expect(pixel_values.dims, JSON.stringify(config)).toEqual(dims);
        expect(digest(new Uint8Array(pixel_values.data.buffer)), JSON.stringify(config)).toBe(values);
      }
    }
  });

  it('has the defaults of the class where there is no file, and where a key is null', async () => {
    for (const files of [
      {},
      { 'preprocessor_config.json': { size: null, resample: null, do_resize: null } },
    ]) {
      const processor = await EfficientNetImageProcessor.from_pretrained(files as Record<string, object>);
      expect(processor.to_dict()).toEqual({
        do_resize: true,
        size: { height: 346, width: 346 },
        resample: 3,
        do_center_crop: false,
        crop_size: { height: 289, width: 289 },
        do_rescale: true,
        rescale_factor: 1 / 255,
        rescale_offset: false,
        do_normalize: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
        include_top: true,
        image_processor_type: 'EfficientNetImageProcessor',
      });
      const { pixel_values } = await processor.call(NO_PICTURE);
      expect([pixel_values.dims, pixel_values.data[0]]).toEqual([[1, 3, 346, 346], -2]);
    }
  });

  it('prefers the processor_config.json of transformers 5 where it nests an image processor', async () => {
    const size = (edge: number): Json => ({ size: { height: edge, width: edge } });
    const read = async (nested: Json): Promise<unknown> =>
      (
        await EfficientNetImageProcessor.from_pretrained({
          'processor_config.json': nested,
          'preprocessor_config.json': size(5),
        })
      ).settings.size;
    expect(await read({ image_processor: size(7) })).toEqual({ height: 7, width: 7 });
    expect(await read({ processor_class: 'AlignProcessor' })).toEqual({ height: 5, width: 5 });
  });

  it('takes flags for one call, and the background of its file', async () => {
    const processor = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': {
        do_resize: false,
        do_rescale: false,
        do_normalize: false,
        include_top: false,
        background: [9, 8, 7],
      },
    });
    const clear = { data: new Uint8Array(4), width: 1, height: 1, channels: 4 };
    expect([...(await processor.call(clear)).pixel_values.data]).toEqual([9, 8, 7]);
    expect([...(await processor.call(clear, { background: 'drop' })).pixel_values.data]).toEqual([0, 0, 0]);
    expect((await processor.call([clear, clear], { do_resize: true, size: 3 })).pixel_values.dims).toEqual([
      2, 3, 3, 3,
    ]);
    expect([...(await processor.call(clear)).pixel_values.data]).toEqual([9, 8, 7]);
  });

  it('hears an abort between pictures that need no waiting', async () => {
    const processor = await EfficientNetImageProcessor.from_pretrained({ 'preprocessor_config.json': {} });
    const raw = { data: new Uint8Array(600 * 600 * 3), width: 600, height: 600 };
    const controller = new AbortController();
    setTimeout(() => controller.abort());
    const call = processor.call(new Array(200).fill(raw), { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: 'aborted' });
  });

  it.each<[string, Json, RegExp]>([
    ['a filter that does not exist', { resample: 9 }, /resample is 9; it is 0 to 5: nearest, lanczos/],
    ['a filter by name', { resample: 'bicubic' }, /resample is "bicubic"/],
    ['a flag that is none', { do_resize: 'yes' }, /do_resize is "yes"/],
    ['a size of 0', { size: { height: 0, width: 2 } }, /size\.height is 0/],
    ['a size with other keys', { size: { depth: 3 } }, /its keys are depth/],
    ['a crop by its shortest edge', { crop_size: { shortest_edge: 3 } }, /crop_size.*shortest_edge/],
    ['a mean that is none', { image_mean: ['a'] }, /image_mean is \["a"\]/],
    ['a factor that is none', { rescale_factor: '1/255' }, /rescale_factor is "1\/255"/],
    [
      'another type',
      { image_processor_type: 'CLIPImageProcessor' },
      /image_processor_type is "CLIPImageProcessor"/,
    ],
    ['a background that is none', { background: 'white' }, /background is "white"; it is "drop" or/],
  ])('refuses a configuration with %s', async (_, config, message) => {
    await expect(
      EfficientNetImageProcessor.from_pretrained({ 'preprocessor_config.json': config }),
    ).rejects.toMatchObject({
      code: 'unsupported_config',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[string, Json, [width: number, height: number]]>([
    ['size', { size: { height: 4097, width: 4096 } }, [4096, 4097]],
    ['size', { size: { shortest_edge: 8192 } }, [8192, 8192]],
    ['size', { size: { shortest_edge: 32_768, longest_edge: 32_768 } }, [32_768, 32_768]],
    ['size', { size: { max_height: 32_768, max_width: 32_768 } }, [32_768, 32_768]],
    ['crop_size', { do_resize: false, do_center_crop: true, crop_size: 32_768 }, [32_768, 32_768]],
  ])('refuses a %s that makes a picture too large: %j', async (key, config, [width, height]) => {
    const processor = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': config,
    });
    await expect(processor.call(NO_PICTURE, { max_pixels: 4 })).rejects.toMatchObject({
      code: 'too_large',
      detail: { key, width, height, max_pixels: 16_777_216 },
      message: `${key} makes a picture of ${width} x ${height} pixels, the limit is 16777216 pixels (raise max_pixels, or set a smaller ${key})`,
    });
    const limit = { max_pixels: width * height - 1 };
    await expect(processor.call(NO_PICTURE, limit)).rejects.toMatchObject({ detail: limit });
    expect((await processor.call(NO_PICTURE, { size: 3, crop_size: 3 })).pixel_values.dims[2]).toBe(3);
  });

  it('refuses a long picture that its shortest edge makes too large', async () => {
    const processor = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': { size: { shortest_edge: 1000 } },
    });
    const long = { data: new Uint8Array(3 * 30), width: 1, height: 30 };
    await expect(processor.call(long)).rejects.toMatchObject({
      code: 'too_large',
      detail: { key: 'size', width: 1000, height: 30_000 },
    });
  });

  it('hears its signal between pictures', async () => {
    const processor = await EfficientNetImageProcessor.from_pretrained({ 'preprocessor_config.json': {} });
    const stop = new AbortController();
    setTimeout(() => stop.abort());
    const pictures = Array.from({ length: 200 }, () => NO_PICTURE);
    await expect(processor.call(pictures, { signal: stop.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it.each<[string, Json, unknown, RegExp]>([
    ['no picture', {}, [], /images is an empty list/],
    [
      'pictures of unequal size',
      { do_resize: false },
      [NO_PICTURE, { data: new Uint8Array(3), width: 1, height: 1 }],
      /Picture 1 ends up as 3 x 1 x 1, picture 0 as 3 x 2 x 2/,
    ],
    [
      'a mean of another length',
      { image_mean: [1] },
      NO_PICTURE,
      /image_mean has 1 numbers, the picture 3 channels/,
    ],
  ])('refuses %s', async (_, config, images, message) => {
    const processor = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': config,
    });
    await expect(processor.call(images as never)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message) as string,
    });
    await expect(processor.call(NO_PICTURE, { do_rezise: true } as never)).rejects.toMatchObject({
      message: expect.stringMatching(/unknown option "do_rezise" \(did you mean do_resize/) as string,
    });
  });
});
