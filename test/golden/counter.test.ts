// The generator of the full align-base shape gives the bits that Python gave (samples.json, written by make.py).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { counter_source, fill_range, smooth_images, TENSORS } from '../support/counter_weights.ts';
import { max_relative_error, read_reference } from '../support/reference.ts';

const PIXELS = 'base.input.pixel_values';
const samples = JSON.parse(
  readFileSync(new URL('align-base/samples.json', import.meta.url), 'utf8'),
) as Record<string, [index: number, bits: number][]>;
const weights = Object.entries(samples).filter(([name]) => name !== PIXELS);

const bits_of = (values: Float32Array, i = 0): number => new Uint32Array(values.buffer)[i]!;

describe('counter weights', () => {
  it.each(weights)('%s has the bits of Python', (name, expected) => {
    const shape = TENSORS.get(name)!;
    const one = new Float32Array(1);
    const actual = expected.map(([index]) => {
      fill_range(name, shape, index, one);
      return [index, bits_of(one)];
    });
    expect(actual).toEqual(expected);
  });

  it('pixel_values have the bits of Python', () => {
    const pixels = smooth_images(PIXELS, [2, 3, 289, 289]);
    expect(samples[PIXELS]!.map(([i]) => [i, bits_of(pixels, i)])).toEqual(samples[PIXELS]);
  });

  it('lists the parameters of align-base', () => {
    const sizes = [...TENSORS].map(([name, shape]) =>
      /running_|num_batches/.test(name) ? 0 : shape.reduce((a, b) => a * b, 1),
    );
    expect(TENSORS.size).toBe(1394);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(172_117_841);
  });

  it('serves any byte range of the file that it stands for', async () => {
    const source = counter_source();
    const file = await SafetensorsFile.open(source);
    const name = 'vision_model.embeddings.convolution.weight';
    const { start, end, shape } = file.tensors.get(name)!;
    const values = new Float32Array((end - start) / 4);
    fill_range(name, shape, 0, values);
    const whole = new Uint8Array(values.buffer);
    expect(await file.read(name)).toEqual(whole);
    expect(await source.read(start + 5, end - 3)).toEqual(whole.slice(5, -3));
    const across = await source.read(start - 2, end + 2);
    expect(across.slice(2, -2)).toEqual(whole);
    expect(across.slice(0, 2)).toEqual(await source.read(start - 2, start));
    expect(await source.read(4, 20)).toEqual((await source.read(0, 32)).slice(4, 20));
    const counter = file.tensors.get('vision_model.embeddings.batchnorm.num_batches_tracked')!;
    expect(await source.read(counter.start, counter.end)).toEqual(new Uint8Array(8));
  });
});

describe('reference.safetensors', () => {
  it('yields cases with every input, generated ones included', async () => {
    const [base, ...rest] = await read_reference(
      new URL('align-base/reference.safetensors', import.meta.url),
    );
    expect(rest).toEqual([]);
    expect(base!.name).toBe('base');
    expect(Object.keys(base!.inputs).sort()).toEqual(['attention_mask', 'input_ids', 'pixel_values']);
    expect(base!.inputs['pixel_values']!.dims).toEqual([2, 3, 289, 289]);
    expect(base!.inputs['input_ids']!.type).toBe('int64');
    expect(base!.outputs['logits_per_image']!.dims).toEqual([2, 3]);
  });

  it('measures the largest error against the largest value', () => {
    const f32 = (...values: number[]): Float32Array => Float32Array.from(values);
    expect(max_relative_error(f32(1, -3.5), f32(1, -4))).toBe(0.125);
    expect(max_relative_error(f32(NaN, 2), f32(NaN, 2))).toBe(0);
    expect(max_relative_error(f32(NaN, 2), f32(1, 2))).toBe(Infinity);
    expect(max_relative_error(f32(1, 2), f32(NaN, 2))).toBe(Infinity);
    expect(max_relative_error(f32(Infinity), f32(-Infinity))).toBe(Infinity);
    expect(max_relative_error(f32(0.5), f32(0))).toBe(0.5);
    expect(max_relative_error(f32(1), f32(1, 2))).toBe(Infinity);
  });
});
