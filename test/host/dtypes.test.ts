// What each dtype does to a model: which weights it stores how, and how near to fp32 the embeddings stay.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { WEIGHT_DTYPES, type WeightDtype } from '../../src/host/checkpoint/formats.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { with_tensors } from '../support/edited_checkpoint.ts';
import { packed } from '../support/packed.ts';
import { read_packed_file } from '../support/packed_reader.ts';

const icons = new URL('../../weights/checkpoint/', import.meta.url);

describe('What is stored how, in the embedded model', () => {
  const formats_of = async (dtype: WeightDtype): Promise<Map<string, string>> => {
    const { blocks } = read_packed_file(await packed(icons, { dtype }));
    return new Map(Array.from(blocks.values(), ({ name, format }) => [name, format]));
  };

  test.each(WEIGHT_DTYPES)('%s: what is no product and no table is fp32', async (dtype) => {
    const formats = await formats_of(dtype);
    const plain = [...formats].filter(([name]) =>
      /LayerNorm|depthwise|embeddings\.convolution|temperature/.test(name),
    );
    expect(plain.length).toBeGreaterThan(10);
    for (const [name, format] of plain) expect(format, name).toBe('f32');
  });

  test('q8: 8-bit activations in the products of many rows, but for projections and the first blocks', async () => {
    const formats = await formats_of('q8');
    const under = (pattern: RegExp): Set<string> =>
      new Set([...formats].filter(([name]) => pattern.test(name)).map(([, format]) => format));
    expect(under(/word_embeddings|text_projection/)).toEqual(new Set(['q8']));
    expect(under(/query|\.dense$/)).toEqual(new Set(['q8d']));
    expect(under(/blocks\.[0-3]\..*_conv\.?(expand|project)|blocks\.[0-3]\.squeeze/)).toEqual(
      new Set(['f32']),
    );
    expect(under(/blocks\.[89]\..*expand_conv/)).toEqual(new Set(['q8d']));
    expect(under(/blocks\.[89]\..*project_conv|blocks\.[89]\.squeeze_excite/)).toEqual(new Set(['q8']));
  });
});

/** `[text, picture]`: the smallest cosine to fp32 that is allowed. Measured: 0.99999, 0.99996, 0.9997, 0.98. */
const COSINES: Readonly<Record<WeightDtype, number>> = {
  fp32: 1,
  fp16: 0.99999,
  bf16: 0.9999,
  q8: 0.999,
  q4: 0.96,
};

test.each(WEIGHT_DTYPES)('%s embeds every example near fp32', async (dtype) => {
  const examples = new URL('../../examples/', import.meta.url);
  const labels = readFileSync(new URL('labels.txt', examples), 'utf8').trim().split('\n');
  const pictures = readdirSync(new URL('pictures/', examples)).filter((name) => name.endsWith('.png'));
  const embed = async (options: LoadOptions): Promise<Float32Array[]> => {
    const align = await Align.load(icons, options);
    const files = pictures.map((name) => new URL(`pictures/${name}`, examples));
    const rows = [...(await align.embed_text(labels)), ...(await align.embed_image(files))];
    align.dispose();
    return rows;
  };
  const [got, want] = [await embed({ dtype }), await embed({})];
  for (const [i, row] of got.entries()) {
    const cosine = row.reduce((sum, value, j) => sum + value * want[i]![j]!, 0);
    expect(cosine, [...labels, ...pictures][i]).toBeGreaterThanOrEqual(COSINES[dtype] - 1e-6);
  }
});

test('weights beyond what a format holds are refused, by name', async () => {
  const files = await with_tensors('odd', (tensors) => {
    const { data } = tensors.get('text_projection.weight')!;
    new DataView(data.buffer, data.byteOffset).setFloat32(0, 7e4, true);
  });
  const refused = { code: 'invalid_argument', detail: { tensor: 'text_projection.weight', format: 'f16' } };
  await expect(AlignModel.from_pretrained(files, { dtype: 'fp16' })).rejects.toMatchObject(refused);
  await expect(packed(files, { dtype: 'fp16' })).rejects.toMatchObject(refused);
  for (const dtype of ['fp32', 'bf16', 'q8'] as const)
    (await AlignModel.from_pretrained(files, { dtype })).dispose();
});
