// Configurations: the same defaults, dictionaries and config.json as transformers (fixtures/make_configs.py), and every
// value that cannot be run refused by name.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from '#platform';
import { describe, expect, test } from 'vitest';
import {
  ACTIVATIONS,
  AlignConfig,
  AlignTextConfig,
  AlignVisionConfig,
  round_filters,
  round_repeats,
  vision_width,
  type ConfigDict,
} from '../../src/host/config.ts';
import { AlignError } from '../../src/host/errors.ts';
import fixture from './fixtures/configs.json' with { type: 'json' };

const CLASSES = { AlignConfig, AlignTextConfig, AlignVisionConfig };

function error_of(make: () => unknown): AlignError {
  try {
    make();
  } catch (error) {
    if (error instanceof AlignError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('as transformers', () => {
  test.each(fixture.cases.map((c, i) => [`${c.class} ${i}`, c] as const))('%s', (_, c) => {
    const config = new CLASSES[c.class as keyof typeof CLASSES](c.values);
    expect(config.to_dict()).toEqual(c.dict);
    expect(config.to_json_string()).toBe(c.json);
    expect(new CLASSES[c.class as keyof typeof CLASSES](JSON.parse(c.json) as ConfigDict).to_dict()).toEqual(
      c.dict,
    );
  });

  test('the activations', () => {
    expect([...ACTIVATIONS].sort()).toEqual(fixture.activations);
    for (const hidden_act of ACTIVATIONS)
      expect(new AlignTextConfig({ hidden_act }).hidden_act).toBe(hidden_act);
  });

  test('round_filters, for every width to 400', () => {
    for (const { width, divisor, out } of fixture.round_filters) {
      const config = { width_coefficient: width, depth_divisor: divisor };
      expect(out.map((_, i) => round_filters(config, i + 1))).toEqual(out);
    }
  });

  test('align-base has 55 blocks in stages of 4, 7, 7, 10, 10, 13, 4 and 640 features', () => {
    const config = new AlignVisionConfig({ num_hidden_layers: 64 });
    expect(config.num_hidden_layers).toBe(55);
    expect(config.num_block_repeats.map((n) => round_repeats(config, n))).toEqual([4, 7, 7, 10, 10, 13, 4]);
    expect(vision_width(config)).toBe(640);
  });
});

describe('leniency', () => {
  test('unknown, legacy and null keys', () => {
    const config = new AlignConfig({
      text_config: null,
      vision_config: null,
      id2label: { 0: 'x' },
      dropout_rate: 0.5,
      torch_dtype: 'float16',
      ['__proto__']: { projection_dim: 3 },
    });
    expect(config.to_dict()).toEqual(new AlignConfig().to_dict());
    const text = new AlignTextConfig({
      position_embedding_type: 'absolute',
      use_cache: true,
      is_decoder: false,
    });
    expect(text.to_dict()).toEqual(new AlignTextConfig().to_dict());
  });

  test('inherited keys are not values', () => {
    expect(new AlignTextConfig(Object.create({ vocab_size: 5 }) as ConfigDict).vocab_size).toBe(30522);
  });

  test('even kernels, stages without blocks, one channel, an id counted from the end', () => {
    const config = new AlignVisionConfig({
      num_channels: 1,
      width_coefficient: 1,
      depth_coefficient: 1,
      kernel_sizes: [4, 3, 2],
      in_channels: [32, 7, 16],
      out_channels: [16, 9, 24],
      strides: [2, 1, 1],
      num_block_repeats: [1, 0, 2],
      expand_ratios: [1, 1, 2],
      depthwise_padding: [0, 99],
    });
    expect(config.num_hidden_layers).toBe(3);
    expect(vision_width(config)).toBe(24);
    expect(new AlignTextConfig({ pad_token_id: -1 }).pad_token_id).toBe(-1);
  });

  test('from_text_vision_configs takes configurations and dictionaries', () => {
    const text = new AlignTextConfig({ hidden_size: 24 });
    const config = AlignConfig.from_text_vision_configs(
      text,
      { hidden_dim: 7 },
      { temperature_init_value: 0.5 },
    );
    expect(config.text_config).toBe(text);
    expect(config.vision_config.hidden_dim).toBe(7);
    expect(config.temperature_init_value).toBe(0.5);
  });

  test('a configuration cannot change behind its checks, and to_dict is a copy', () => {
    const config = new AlignConfig();
    expect(Object.isFrozen(config) && Object.isFrozen(config.vision_config.strides)).toBe(true);
    const dict = config.to_dict() as { vision_config: { strides: number[] } };
    dict.vision_config.strides[0] = 9;
    expect(config.vision_config.strides[0]).toBe(1);
  });
});

const TEXT_REFUSALS: [string, Record<string, unknown>, string][] = [
  ['a string for a number', { vocab_size: '30522' }, 'vocab_size'],
  ['a boolean for a number', { hidden_size: true }, 'hidden_size'],
  ['null for a number', { hidden_size: null }, 'hidden_size'],
  ['a fraction', { intermediate_size: 10.5 }, 'intermediate_size'],
  ['zero', { max_position_embeddings: 0 }, 'max_position_embeddings'],
  ['negative', { type_vocab_size: -2 }, 'type_vocab_size'],
  ['not a number', { layer_norm_eps: NaN }, 'layer_norm_eps'],
  ['infinite', { initializer_range: Infinity }, 'initializer_range'],
  ['a negative epsilon', { layer_norm_eps: -1e-12 }, 'layer_norm_eps'],
  ['a probability of 2', { hidden_dropout_prob: 2 }, 'hidden_dropout_prob'],
  ['too large a dimension', { hidden_size: 2 ** 24 + 12 }, 'hidden_size'],
  ['too many layers', { num_hidden_layers: 10_001 }, 'num_hidden_layers'],
  ['heads that do not divide', { hidden_size: 10, num_attention_heads: 3 }, 'hidden_size'],
  ['a pad id outside the vocabulary', { vocab_size: 10, pad_token_id: 10 }, 'pad_token_id'],
  ['relative positions', { position_embedding_type: 'relative_key' }, 'position_embedding_type'],
  ['no kind of positions', { position_embedding_type: null }, 'position_embedding_type'],
  ["the other tower's configuration", { model_type: 'align_vision_model' }, 'model_type'],
];

const VISION_REFUSALS: [string, Record<string, unknown>, string][] = [
  ['a number for a list', { strides: 2 }, 'strides'],
  ['a fraction in a list', { kernel_sizes: [3, 3, 5, 3.5, 5, 5, 3] }, 'kernel_sizes[3]'],
  ['a string in a list', { depthwise_padding: ['3'] }, 'depthwise_padding[0]'],
  ['a list too short', { strides: [1, 2] }, 'strides'],
  ['no stages', empty_stages(), 'in_channels'],
  ['a stride of 3', { strides: [1, 2, 2, 3, 1, 2, 1] }, 'strides[3]'],
  ['a kernel of 0', { kernel_sizes: [3, 3, 0, 3, 5, 5, 3] }, 'kernel_sizes[2]'],
  ['another pooling', { pooling_type: 'sum' }, 'pooling_type'],
  ['stages that do not meet', { in_channels: [32, 16, 24, 48, 80, 112, 192] }, 'in_channels[3]'],
  [
    'a first stage that does not meet the stem',
    { in_channels: [16, 16, 24, 40, 80, 112, 192] },
    'in_channels[0]',
  ],
  ['too many blocks', { depth_coefficient: 1e6 }, 'num_block_repeats'],
  ['endless blocks', { depth_coefficient: 1e308 }, 'num_block_repeats'],
  ['too wide', { width_coefficient: 1e308 }, 'width_coefficient'],
  ['too wide inside a block', { expand_ratios: [1, 6, 6, 2 ** 20, 6, 6, 6] }, 'expand_ratios[3]'],
  ['too wide a squeeze', { squeeze_expansion_ratio: 1e9 }, 'squeeze_expansion_ratio'],
  ['a huge kernel', { kernel_sizes: [3, 3, 5, 3, 5, 5, 2 ** 20] }, 'kernel_sizes[6]'],
  ['an image size of 0', { image_size: [0, 3] }, 'image_size[0]'],
];

function empty_stages(): Record<string, unknown> {
  const keys = [
    'kernel_sizes',
    'in_channels',
    'out_channels',
    'strides',
    'num_block_repeats',
    'expand_ratios',
  ];
  return Object.fromEntries(keys.map((key) => [key, []]));
}

describe('refusals name key and value', () => {
  test.each(TEXT_REFUSALS)('text: %s', (_, values, key) => {
    const error = error_of(() => new AlignTextConfig(values));
    expect([error.code, error.detail.key]).toEqual(['unsupported_config', key]);
    expect(error.message).toContain(key);
  });

  test.each(VISION_REFUSALS)('vision: %s', (_, values, key) => {
    const error = error_of(() => new AlignVisionConfig(values));
    expect([error.code, error.detail.key]).toEqual(['unsupported_config', key]);
    expect(error.message).toContain(key);
  });

  test.each(['prelu', 'xielu', 'GELU', 'toString', 3, null])('hidden_act %s', (hidden_act) => {
    for (const Config of [AlignTextConfig, AlignVisionConfig]) {
      const error = error_of(() => new Config({ hidden_act }));
      expect(error.code).toBe('unsupported_activation');
      expect(error.hint).toContain('sqrtsoftplus');
    }
  });

  test('projection_dim other than the features of the vision tower', () => {
    const error = error_of(() => new AlignConfig({ projection_dim: 512 }));
    expect([error.code, error.detail.key, error.detail.value]).toEqual([
      'unsupported_config',
      'projection_dim',
      512,
    ]);
    expect(error.message).toContain('640');
  });

  test('a nested configuration that is not an object', () => {
    expect(error_of(() => new AlignConfig({ text_config: [] })).detail.key).toBe('text_config');
    expect(error_of(() => new AlignConfig({ vision_config: 'x' })).detail.key).toBe('vision_config');
  });
});

describe('files', () => {
  test("a tower reads its own config.json or a whole model's", async () => {
    const text_config = { hidden_size: 36, model_type: 'align_text_model' };
    const own = await AlignTextConfig.from_pretrained({ 'config.json': text_config });
    const nested = await AlignTextConfig.from_pretrained({ 'config.json': JSON.stringify({ text_config }) });
    expect([own.hidden_size, nested.hidden_size]).toEqual([36, 36]);
    const none = await AlignVisionConfig.from_pretrained({
      'config.json': { model_type: 'align', text_config },
    });
    expect(none.to_dict()).toEqual(new AlignVisionConfig().to_dict());
    await expect(AlignVisionConfig.from_pretrained({ 'config.json': text_config })).rejects.toMatchObject({
      code: 'unsupported_config',
      detail: { key: 'model_type', value: 'align_text_model' },
    });
  });

  test("a whole model's configuration must be an ALIGN's", async () => {
    await expect(
      AlignConfig.from_pretrained({ 'config.json': { model_type: 'clip' } }),
    ).rejects.toMatchObject({
      code: 'unsupported_config',
      detail: { key: 'model_type', value: 'clip' },
    });
    await expect(
      AlignConfig.from_pretrained({ 'config.json': { model_type: 'align_text_model' } }),
    ).rejects.toMatchObject({
      code: 'unsupported_config',
      hint: expect.stringContaining('AlignTextConfig') as string,
    });
  });

  test('no config.json', async () => {
    await expect(AlignConfig.from_pretrained({})).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: 'config.json' },
    });
  });

  test('save_pretrained writes what from_pretrained reads, floats as transformers wants them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'align-config-'));
    try {
      const saved = new AlignConfig(fixture.cases[3]!.values);
      await saved.save_pretrained(join(folder, 'new'));
      const text = await readFile(join(folder, 'new', 'config.json'), 'utf8');
      expect(text).toContain('"width_coefficient": 1.0\n');
      const read = await AlignConfig.from_pretrained(join(folder, 'new'));
      expect(read.to_dict()).toEqual(saved.to_dict());
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('the embedded model', async () => {
    const file = JSON.parse(
      await readFile(new URL('config.json', platform.embedded_model() as URL), 'utf8'),
    ) as ConfigDict;
    expect((await AlignConfig.from_pretrained()).to_dict()).toMatchObject({
      projection_dim: file.projection_dim,
    });
  });
});
