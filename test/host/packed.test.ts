// Packed files: they give the bits of the checkpoint loaded with their dtype, in every form a model can be given, and
// nothing of a model is lost on the way.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { FORMAT_NAMES, WEIGHT_DTYPES, type WeightDtype } from '../../src/host/checkpoint/formats.ts';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { AlignConfig } from '../../src/host/config.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import type { LoadOptions, ProgressInfo } from '../../src/host/options.ts';
import type { WeightRequest } from '../../src/host/plan/plan.ts';
import { platform } from '../../src/host/platform/node.ts';
import { AlignProcessor } from '../../src/host/processor/processor.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { wasm_executor } from '../support/executors.ts';
import { flatten, load_golden, run_golden } from '../support/outputs.ts';
import { packed } from '../support/packed.ts';
import { read_packed_file } from '../support/packed_reader.ts';
import { bits } from '../support/random_models.ts';
import { max_relative_error, read_reference } from '../support/reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-wasm-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const icons = new URL('../../weights/checkpoint/', import.meta.url);
const whole = ['tiny', 'odd', 'gray', 'float16', 'bfloat16', 'sharded'];
const towers = ['tower-text', 'tower-vision'];

/** Every output of a golden's cases, by the model class that its config names. */
async function outputs(name: string, model: ModelSource, options: LoadOptions = {}): Promise<Tensor[]> {
  const { model_type } = (await config_of(name)) as { model_type: string };
  const loaded = await load_golden(model, model_type, options);
  const tensors: Tensor[] = [];
  for (const { inputs, outputs: wanted } of await read_reference(golden(`${name}/reference.safetensors`)))
    tensors.push(...Object.values(await run_golden(loaded, inputs, 'loss' in wanted)));
  loaded.model.dispose();
  loaded.text?.dispose();
  return tensors;
}

const config_of = (name: string): Promise<unknown> =>
  Promise.resolve(JSON.parse(readFileSync(golden(`${name}/config.json`), 'utf8')));

const digest = (tensors: readonly Tensor[]): Record<string, string> =>
  bits(Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor])));

async function file_of(name: string, dtype: WeightDtype): Promise<string> {
  const path = join(folder, `${name}-${dtype}.safetensors`);
  writeFileSync(path, await packed(golden(name), { dtype }));
  return path;
}

describe.each([...whole, ...towers])('%s packed', (name) => {
  test.each(WEIGHT_DTYPES)('as %s gives the bits of the checkpoint loaded with this dtype', async (dtype) => {
    const path = await file_of(name, dtype);
    expect(digest(await outputs(name, path))).toEqual(digest(await outputs(name, golden(name), { dtype })));
  });

  test('as fp32 gives the bits of its folder', async () => {
    expect(digest(await outputs(name, await file_of(name, 'fp32')))).toEqual(
      digest(await outputs(name, golden(name))),
    );
  });

  test('gives the same file again', async () => {
    const [first, second] = [
      await packed(golden(name), { dtype: 'q8' }),
      await packed(golden(name), { dtype: 'q8' }),
    ];
    expect(Buffer.compare(first, second)).toBe(0);
  });
});

/**
 * Largest error of the features of random goldens with every block that can be in one format, relative to their largest value:
 * f16 keeps 11 bits, bf16 8, 8-bit formats 7 and q4 3 of a row's largest weight; what rows of some 30 random weights do not
 * average away, the layers of these models multiply by up to ten. Measured: 1.6e-3, 1.3e-2, 4.4e-2, 6.7e-2 and 0.67.
 */
const BOUNDS: Readonly<Record<string, number>> = { f16: 2e-3, bf16: 2e-2, q8: 5e-2, q8d: 1e-1, q4: 0.8 };

test.each(['odd', 'deep', 'gray'])('the features of %s in any format stay near fp32', async (name) => {
  const cases = await read_reference(golden(`${name}/reference.safetensors`));
  const { inputs } = cases.find((c) => 'pixel_values' in c.inputs && 'input_ids' in c.inputs)!;
  const features = async (source: ModelSource): Promise<Float32Array[]> => {
    const model = await AlignModel.from_pretrained(source);
    const { text_embeds, image_embeds } = await model.forward(inputs);
    model.dispose();
    return [text_embeds.data, image_embeds.data];
  };
  const exact = await features(golden(name));
  for (const [format, bound] of Object.entries(BOUNDS)) {
    const errors = (await features(await packed_in(name, format))).map((values, i) =>
      max_relative_error(values, exact[i]!),
    );
    for (const error of errors) {
      expect(error, format).toBeGreaterThan(0);
      expect(error, format).toBeLessThanOrEqual(bound);
    }
  }
});

/** Every block in one format that can be in it. */
function packed_in(name: string, format: string): Promise<Uint8Array> {
  const number = FORMAT_NAMES.indexOf(format);
  const choose = (requests: readonly WeightRequest[]): Uint8Array =>
    Uint8Array.from(requests, ({ accepts }) => (accepts & (1 << number) ? number : 0));
  return packed(golden(name), { dtype: 'q8', choose });
}

describe('q8 and q4 give the same bits', () => {
  const texts = ['a dog', 'two small sailing boats on a lake', 'x'];

  test.each(['q8', 'q4'] as const)('%s alone, in a batch, padded and in threads', async (dtype) => {
    const model = await packed(icons, { dtype });
    const align = await Align.load(model);
    const pictures = ['dog', 'pizza', 'bus'].map(
      (name) => new URL(`../../examples/pictures/${name}.png`, import.meta.url),
    );
    const together = [...(await align.embed_text(texts)), ...(await align.embed_image(pictures))];
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push(await align.embed_text(text));
    for (const picture of pictures) alone.push(await align.embed_image(picture));
    expect(alone).toEqual(together);

    const features = async (length: number): Promise<Float32Array> => {
      const inputs = await align.processor.call({ text: texts, padding: 'max_length', max_length: length });
      return (await align.model.get_text_features(inputs)).pooler_output!.data;
    };
    expect(await features(40)).toEqual(await features(12));

    const threaded = await Align.load(model, { threads: 3 });
    expect([...(await threaded.embed_text(texts)), ...(await threaded.embed_image(pictures))]).toEqual(
      together,
    );
    align.dispose();
    threaded.dispose();
  });
});

describe('A packed model', () => {
  const embedding = async (model: ModelSource, options: LoadOptions = {}): Promise<Float32Array> => {
    const align = await Align.load(model, options);
    expect(align.model.dtype).toBe('q8');
    const vector = await align.embed_text('a dog');
    align.dispose();
    return vector;
  };

  test('is the same as path, URL, bytes, buffer, Blob, File, byte source, files or folder', async () => {
    const bytes = await packed(icons, { dtype: 'q8' });
    const path = join(folder, 'icons.safetensors');
    writeFileSync(path, bytes);
    const inside = join(folder, 'a folder');
    mkdirSync(inside);
    copyFileSync(path, join(inside, 'model.safetensors'));
    const forms: Record<string, ModelSource> = {
      path,
      'a file: URL': pathToFileURL(path),
      'the text of one': pathToFileURL(path).href,
      bytes,
      'bytes somewhere in a buffer': new Uint8Array([0, ...bytes]).subarray(1),
      'an ArrayBuffer': bytes.buffer,
      'a Blob': new Blob([bytes]),
      'a File': new File([bytes], 'whatever.bin'),
      'a list with this File': [new File([bytes], 'icons-q8.safetensors')],
      'a byte source': bytes_source('x', bytes),
      'model.safetensors': { 'model.safetensors': bytes },
      'a folder': inside,
    };
    const want = await embedding(icons, { dtype: 'q8' });
    for (const [form, model] of Object.entries(forms)) expect(await embedding(model), form).toEqual(want);
  });

  test('carries configuration and processor', async () => {
    const bytes = await packed(icons, { dtype: 'q8' });
    expect((await AlignConfig.from_pretrained(bytes)).to_dict()).toEqual(
      (await AlignConfig.from_pretrained(icons)).to_dict(),
    );
    const [ours, theirs] = [
      await AlignProcessor.from_pretrained(bytes),
      await AlignProcessor.from_pretrained(icons),
    ];
    expect(ours.image_processor.to_dict()).toEqual(theirs.image_processor.to_dict());
    const images = readFileSync(new URL('../../examples/pictures/lock.png', import.meta.url));
    expect(await ours.call({ text: 'a lock', images })).toEqual(
      await theirs.call({ text: 'a lock', images }),
    );
  });

  test('gives way, file by file, to what lies beside it in the folder', async () => {
    const bytes = await packed(icons, { dtype: 'q8' });
    const settings = { do_resize: true, size: { height: 20, width: 20 } };
    const processor = await AlignProcessor.from_pretrained({
      'model.safetensors': bytes,
      'processor_config.json': { image_processor: settings },
    });
    expect(processor.image_processor.to_dict()).toMatchObject(settings);
    expect(processor.tokenizer.encode('dog')).toHaveLength(3);
  });

  test('of another dtype than asked for is refused, of the same it is not', async () => {
    const bytes = await packed(golden('tiny'), { dtype: 'fp16' });
    await expect(AlignModel.from_pretrained(bytes, { dtype: 'q8' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('packed as fp16') as string,
      hint: expect.stringContaining('convert') as string,
    });
    const model = await AlignModel.from_pretrained(bytes, { dtype: 'fp16' });
    expect(model.dtype).toBe('fp16');
    model.dispose();
  });

  test('is saved as it is, and loads again', async () => {
    const bytes = await packed(icons, { dtype: 'q4' });
    const model = await AlignModel.from_pretrained(bytes);
    const saved = join(folder, 'saved');
    await model.save_pretrained(saved);
    expect(Buffer.compare(readFileSync(join(saved, 'model.safetensors')), bytes)).toBe(0);
    const again = await Align.load(saved);
    const inputs = await again.processor.call({ text: ['a dog', 'a cat'] });
    expect((await again.model.get_text_features(inputs as never)).pooler_output!.data).toEqual(
      (await model.get_text_features(inputs as never)).pooler_output!.data,
    );
    model.dispose();
    again.dispose();
  });

  test('gives a lone tower its blocks alone', async () => {
    const bytes = await packed(golden('odd'), { dtype: 'q8' });
    const weights = async (
      load: Promise<AlignModel | AlignTextModel | AlignVisionModel>,
    ): Promise<number> => {
      const model = await load;
      const { weights: size } = model.memory;
      model.dispose();
      return size;
    };
    const [both, text, vision] = [
      await weights(AlignModel.from_pretrained(bytes)),
      await weights(AlignTextModel.from_pretrained(bytes)),
      await weights(AlignVisionModel.from_pretrained(bytes)),
    ];
    expect(text + vision).toBeLessThan(both);
    expect(Math.min(text, vision)).toBeGreaterThan(0);
  });
});

describe('A packed file of one tower', () => {
  test.each(['text', 'vision'] as const)('%s: loads that tower, and says what it lacks', async (tower) => {
    const other = tower === 'text' ? 'vision' : 'text';
    const bytes = await packed(golden('odd'), { dtype: 'q8', towers: tower });
    const whole_file = await packed(golden('odd'), { dtype: 'q8' });
    expect(bytes.length).toBeLessThan(whole_file.length);
    const { blocks, metadata } = read_packed_file(bytes);
    expect(metadata.towers).toBe(tower);
    expect([...blocks.keys()].some((name) => name.startsWith(`${other}_model.`))).toBe(false);

    const { inputs } = (await read_reference(golden('odd/reference.safetensors')))[0]!;
    const features = async (source: ModelSource): Promise<Record<string, string>> => {
      const model = await AlignModel.from_pretrained(source);
      const output =
        tower === 'text' ? await model.get_text_features(inputs) : await model.get_image_features(inputs);
      model.dispose();
      return bits(flatten(output));
    };
    expect(await features(bytes)).toEqual(await features(whole_file));

    const model = await AlignModel.from_pretrained(bytes);
    const lacking = tower === 'text' ? model.get_image_features(inputs) : model.get_text_features(inputs);
    await expect(lacking).rejects.toMatchObject({ code: 'invalid_argument' });
    model.dispose();
    const alone = { text: AlignTextModel, vision: AlignVisionModel };
    for (const load of [
      AlignModel.from_pretrained(bytes, { towers: other }),
      AlignModel.from_pretrained(bytes, { towers: 'both' }),
      alone[other].from_pretrained(bytes),
    ])
      await expect(load).rejects.toMatchObject({
        code: 'missing_tensor',
        message: expect.stringContaining(`${tower} tower`) as string,
      });
    (await alone[tower].from_pretrained(bytes)).dispose();
  });

  test("a tower's own checkpoint packs as that tower only", async () => {
    await expect(packed(golden('tower-text'), { dtype: 'fp32', towers: 'vision' })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('Loading a packed file', () => {
  test('reads every block once, straight into its place', async () => {
    const path = await file_of('deep', 'fp32');
    const open = platform.open.bind(platform);
    const targets: Uint8Array[] = [];
    let read = 0;
    vi.spyOn(platform, 'open').mockImplementation(async (name) => {
      const source = await open(name);
      return {
        ...source,
        async read(start, end) {
          read += end - start;
          return source.read(start, end);
        },
        async read_into(start, target) {
          targets.push(target);
          return source.read_into!(start, target);
        },
      };
    });
    const model = await AlignModel.from_pretrained(path);
    const { memory } = wasm_executor(model).instance;
    expect(new Set(targets.map(({ buffer }) => buffer))).toEqual(new Set([memory.buffer]));
    const header = readFileSync(path).readBigUInt64LE(0);
    expect(read).toBeLessThan(4 * (Number(header) + 4096));
    const blocks = [...read_packed_file(readFileSync(path)).blocks.values()];
    expect(targets.reduce((sum, { length }) => sum + length, 0)).toBe(
      blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    );
    model.dispose();
  });

  test('reports progress over the blocks, and stops when it is aborted', async () => {
    const path = await file_of('deep', 'q8');
    const seen: ProgressInfo[] = [];
    const model = await AlignModel.from_pretrained(path, { progress_callback: (info) => seen.push(info) });
    const last = seen.filter((info) => info.status === 'progress').at(-1)!;
    expect(last.progress).toBe(100);
    expect(last.loaded).toBe(last.total);
    expect(seen.at(-1)).toEqual({ status: 'ready' });
    model.dispose();
    const controller = new AbortController();
    const aborted = AlignModel.from_pretrained(path, {
      signal: controller.signal,
      progress_callback: () => controller.abort(),
    });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  });

  test('takes the memory that its formats need', async () => {
    const sizes: number[] = [];
    for (const dtype of WEIGHT_DTYPES) {
      const model = await AlignModel.from_pretrained(await file_of('wide', dtype));
      expect(model.dtype).toBe(dtype);
      sizes.push(model.memory.weights);
      model.dispose();
    }
    const [fp32, fp16, bf16, q8, q4] = sizes as [number, number, number, number, number];
    expect(fp16).toBe(bf16);
    expect(fp32 > fp16 && fp16 > q8 && q8 > q4).toBe(true);
  });
});
