// pipeline(task) with the checkpoint of the embedded model, against transformers' own answers.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlignError } from '../../src/host/errors.ts';
import {
  pipeline,
  type FeatureExtractionPipeline,
  type ImageFeatureExtractionPipeline,
  type ZeroShotImageClassificationPipeline,
} from '../../src/host/pipeline.ts';
import { dot, rows } from '../../src/host/scores.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { CHECKPOINT, picture, ZERO_SHOT } from './zero_shot.ts';

const { labels, pictures, features, scores } = ZERO_SHOT;

function expect_close(actual: Tensor<'float32'>, expected: number[][]): void {
  expect(actual.type).toBe('float32');
  expect(actual.dims).toEqual([expected.length, expected[0]!.length]);
  const flat = expected.flat();
  const largest = Math.max(...flat.map(Math.abs));
  const worst = Math.max(...flat.map((value, i) => Math.abs(value - actual.data[i]!)));
  expect(worst / largest).toBeLessThan(2e-5);
}

function expect_unit(actual: Tensor<'float32'>): void {
  for (const row of rows(actual)) expect(dot(row, row)).toBeCloseTo(1, 6);
}

describe('zero-shot-image-classification', () => {
  let classify: ZeroShotImageClassificationPipeline;
  beforeAll(async () => {
    classify = await pipeline('zero-shot-image-classification', CHECKPOINT);
  });
  afterAll(() => classify.dispose());

  it('gives transformers.js’ default template and transformers’ scores, arrays for arrays', async () => {
    const results = await classify(pictures.map(picture), labels);
    pictures.forEach((name, i) => {
      const expected = scores['This is a photo of {}']![name]!;
      expect(results[i]!.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
      results[i]!.forEach(({ score }, j) => expect(Math.abs(score - expected[j]!.score)).toBeLessThan(2e-5));
    });
    expect(await classify(picture(pictures[1]!), labels)).toEqual(results[1]);
  });

  it('takes a template and top_k, and refuses what it does not know', async () => {
    const plain = await classify(picture('pizza'), labels, { hypothesis_template: '{}', top_k: 2 });
    expect(plain.map(({ label }) => label)).toEqual(
      scores['{}']!.pizza!.slice(0, 2).map(({ label }) => label),
    );
    await expect(classify(picture('pizza'), [])).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(classify([], labels)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(classify(picture('pizza'), labels, { scores: 'logits' } as object)).rejects.toThrow(
      '"scores"',
    );
  });

  it('has task, model and processor', () => {
    expect(classify.task).toBe('zero-shot-image-classification');
    expect(classify.model.config.projection_dim).toBe(features.text[0]!.length);
    expect(typeof classify.processor.call).toBe('function');
  });
});

describe('feature-extraction', () => {
  let extract: FeatureExtractionPipeline;
  beforeAll(async () => {
    extract = await pipeline('feature-extraction', CHECKPOINT);
  });
  afterAll(() => extract.dispose());

  it('gives get_text_features, un-normalised unless asked', async () => {
    expect_close(await extract(labels), features.text);
    expect_close(await extract(labels[0]!, { batch_size: 1 }), features.text.slice(0, 1));
    expect_unit(await extract(labels, { normalize: true }));
  });

  it('refuses pooling and empty input', async () => {
    await expect(extract('a', { pooling: 'mean' } as object)).rejects.toThrow('unknown option "pooling"');
    await expect(extract([])).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(extract('a', { normalize: 1 } as object)).rejects.toThrow('normalize 1');
  });
});

describe('image-feature-extraction', () => {
  let extract: ImageFeatureExtractionPipeline;
  beforeAll(async () => {
    extract = await pipeline('image-feature-extraction', CHECKPOINT);
  });

  it('gives get_image_features, un-normalised unless asked', async () => {
    expect_close(await extract(pictures.map(picture)), features.image);
    expect_close(await extract(picture(pictures[0]!)), features.image.slice(0, 1));
    expect_unit(await extract(pictures.map(picture), { normalize: true, batch_size: 3 }));
    await expect(extract([])).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('throws disposed after dispose', async () => {
    extract.dispose();
    await expect(extract(picture('pizza'))).rejects.toMatchObject({ code: 'disposed' });
  });
});

describe('pipeline', () => {
  it.each(['zero-shot-classification', 'image-classification', '', undefined])(
    'refuses the task %j and lists those there are',
    async (task) => {
      const error = await pipeline(task as 'feature-extraction').catch((e: unknown) => e as AlignError);
      expect(error).toMatchObject({ code: 'invalid_argument' });
      expect((error as AlignError).message).toContain(
        'the tasks are zero-shot-image-classification, image-feature-extraction, feature-extraction',
      );
    },
  );

  it('checks options before it loads', async () => {
    await expect(pipeline('feature-extraction', undefined, { dtype: 'q3' } as object)).rejects.toThrow(
      '"q3"',
    );
    await expect(pipeline('feature-extraction', 'no/such/model')).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
