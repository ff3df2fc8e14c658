// AlignProcessor against transformers (test/golden/processor.py): where a text's arguments come from; pictures and texts
// together; saving.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  AlignProcessor,
  type ProcessorInputs,
  type ProcessorOutput,
} from '../../src/host/processor/processor.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { golden } from './random.ts';

interface Folder {
  name: string;
  files: Record<string, string>;
  calls: [text: string | string[], options: ProcessorInputs, result: Record<string, number[][]> | null][];
}
const folders = golden<Folder[]>('processors');
const RED = { data: Uint8Array.of(255, 0, 0), width: 1, height: 1, channels: 3 };

function lists({ input_ids, token_type_ids, attention_mask }: ProcessorOutput): unknown {
  return Object.fromEntries(
    Object.entries({ input_ids, token_type_ids, attention_mask }).map(([name, tensor]) => [
      name,
      (tensor!.tolist() as bigint[][]).map((row) => row.map(Number)),
    ]),
  );
}

describe('AlignProcessor', () => {
  it.each(folders)('takes padding and length as transformers ($name)', async ({ files, calls }) => {
    const processor = await AlignProcessor.from_pretrained(files);
    for (const [text, options, result] of calls) {
      const call = processor.call({ text, ...options });
      const what = JSON.stringify([text, options]).slice(0, 80);
      if (result === null) await expect(call, what).rejects.toMatchObject({ code: 'invalid_argument' });
      else expect(lists(await call), what).toEqual(result);
    }
  });

  it('gives texts and pictures together', async () => {
    const processor = await AlignProcessor.from_pretrained(folders[0]!.files);
    const output = await processor.call({ text: ['a red cat', 'a dog'], images: RED });
    const tensors = Object.entries(output) as [string, Tensor][];
    expect(tensors.map(([name, tensor]) => [name, tensor.type, tensor.dims])).toEqual([
      ['input_ids', 'int64', [2, 64]],
      ['token_type_ids', 'int64', [2, 64]],
      ['attention_mask', 'int64', [2, 64]],
      ['pixel_values', 'float32', [1, 3, 12, 10]],
    ]);
    expect(processor.batch_decode(output.input_ids!, { skip_special_tokens: true })).toEqual([
      'a red cat',
      'a dog',
    ]);
    expect(processor.decode([2, 6, 7, 3])).toBe('[CLS] red cat [SEP]');
    const resized = await processor.call({ images: [RED], images_kwargs: { size: { height: 3, width: 2 } } });
    expect(Object.keys(resized)).toEqual(['pixel_values']);
    expect(resized.pixel_values!.dims).toEqual([1, 3, 3, 2]);
  });

  it('uses the ground of the configuration, of loading, or of the call, the last one first', async () => {
    const plain = { do_resize: false, do_rescale: false, do_normalize: false, include_top: false };
    const files = {
      ...folders[0]!.files,
      'preprocessor_config.json': JSON.stringify({ ...plain, background: [1, 2, 3] }),
    };
    const clear = { data: new Uint8Array(4), width: 1, height: 1, channels: 4 };
    const of_file = await AlignProcessor.from_pretrained(files);
    const of_load = await AlignProcessor.from_pretrained(files, { background: [4, 5, 6] });
    expect([...(await of_file.call({ images: clear })).pixel_values!.data]).toEqual([1, 2, 3]);
    expect([...(await of_load.call({ images: clear })).pixel_values!.data]).toEqual([4, 5, 6]);
    expect([...(await of_load.call({ images: clear, background: 'drop' })).pixel_values!.data]).toEqual([
      0, 0, 0,
    ]);
  });

  it('reads back what it saved, in the files of transformers 5', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'align-'));
    const processor = await AlignProcessor.from_pretrained(folders[4]!.files);
    await processor.save_pretrained(folder);
    expect((await readdir(folder)).sort()).toEqual([
      'processor_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(JSON.parse(await readFile(join(folder, 'processor_config.json'), 'utf8'))).toMatchObject({
      processor_class: 'AlignProcessor',
      image_processor: {
        size: { height: 12, width: 10 },
        image_processor_type: 'EfficientNetImageProcessor',
      },
    });
    const again = await AlignProcessor.from_pretrained(folder);
    const inputs = { text: ['a red cat', 'dog'], images: RED };
    expect(await again.call(inputs)).toEqual(await processor.call(inputs));
    await rm(folder, { recursive: true });
  });

  it('loads the embedded model without an argument, white behind its pictures', async () => {
    const processor = await AlignProcessor.from_pretrained();
    expect(processor.image_processor.settings.background).toEqual([255, 255, 255]);
    const clear = { data: new Uint8Array(4), width: 1, height: 1, channels: 4 };
    const { pixel_values } = await processor.call({ images: clear });
    expect(new Set(pixel_values!.data)).toEqual(new Set([1]));
  });

  it.each<[string, ProcessorInputs, RegExp]>([
    ['nothing', {}, /needs text, images or both/],
    ['an unknown option', { texts: 'a' } as ProcessorInputs, /unknown option "texts" \(did you mean text/],
    [
      'long and short texts without truncation',
      { text: ['a', 'cat '.repeat(70)] },
      /rows of 64 and of 72 tokens/,
    ],
  ])('refuses %s', async (_, inputs, message) => {
    const processor = await AlignProcessor.from_pretrained(folders[0]!.files);
    await expect(processor.call(inputs)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message) as string,
    });
  });
});
