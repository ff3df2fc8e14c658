// device: 'auto' looks for a GPU only where a model is work enough for one.

import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { gpus } from '#platform';
import { AlignModel } from '../../src/host/models.ts';

const golden = (name: string): URL => new URL(`../golden/${name}/`, import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, golden('tiny')));

afterEach(() => void vi.restoreAllMocks());

test('a small model runs on WASM, and no driver is woken for it', async () => {
  const gpu = vi.spyOn(gpus, 'gpu');
  const model = await AlignModel.from_pretrained({
    'config.json': file('config.json'),
    'model.safetensors': file('model.safetensors'),
  });
  expect(model.device).toBe('wasm');
  expect(gpu).not.toHaveBeenCalled();
});

test.each(['text', 'vision'] as const)(
  'for the %s tower of align-base a GPU is looked for',
  async (tower) => {
    const gpu = vi.spyOn(gpus, 'gpu').mockResolvedValue(null);
    const loading = AlignModel.from_pretrained(
      {
        'config.json': readFileSync(new URL('config.json', golden('align-base'))),
        'model.safetensors': file('model.safetensors'), // another model's: loading ends there
      },
      { towers: tower },
    );
    await expect(loading).rejects.toMatchObject({ code: 'missing_tensor' });
    expect(gpu).toHaveBeenCalledOnce();
  },
);
