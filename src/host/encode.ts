// Texts and pictures through processor and tower, a few at a time: that bounds the memory for decoded pictures and
// activations, and no bit of a result depends on it.

import { open_model, type ModelSource } from './checkpoint/model_files.ts';
import { throw_if_aborted, within_memory } from './errors.ts';
import type { ImageInput } from './image.ts';
import { AlignModel } from './models.ts';
import type { CallOptions, LoadOptions } from './options.ts';
import { pause_every, YIELD_MS } from './pause.ts';
import type { ReadPlanes } from './processor/image_processor.ts';
import { AlignProcessor } from './processor/processor.ts';
import { rows } from './scores.ts';
import { compile } from './wasm/module.ts';

/** A model and the processor of its inputs. */
export interface Encoder {
  readonly model: AlignModel;
  readonly processor: AlignProcessor;
}

/**
 * Loads both from one model. The `wasm` option is compiled here, once: a Response can be read only once.
 * @throws AlignError as {@link AlignProcessor.from_pretrained} and {@link AlignModel.from_pretrained}
 */
export async function load_encoder(model: ModelSource | undefined, o: LoadOptions = {}): Promise<Encoder> {
  return within_memory(async () => {
    const folder = await open_model(model, o);
    const options = o.wasm === undefined ? o : { ...o, wasm: await compile(o.wasm) };
    // Pictures are read where the model computes: with `worker` in its worker.
    const encoder: { model?: AlignModel } = {};
    const read: ReadPlanes = (...picture) => encoder.model!.read_planes(...picture);
    const { worker, ...others } = options;
    const processor = await AlignProcessor.from_pretrained(folder, others, worker ? read : undefined);
    const loaded = await AlignModel.from_pretrained(folder, options);
    return { processor, model: (encoder.model = loaded) };
  });
}

// Items a tower takes at once unless `batch_size` says otherwise.
const TEXTS_AT_ONCE = 64;
const IMAGES_AT_ONCE = 8;

/** A value or an array of values as an array. */
export function listed<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** One row [projection_dim] a text: of length 1 if `unit`, else as get_text_features gives it. */
export function encode_texts(
  { model, processor }: Encoder,
  texts: readonly string[],
  o: CallOptions = {},
  unit = true,
): Promise<Float32Array[]> {
  const options = run_options(o);
  return in_batches(texts, o.batch_size ?? TEXTS_AT_ONCE, o, async (text) => {
    // Padding to the longest text of the batch: the bits of any other padding, with the least work.
    const inputs = await processor.call({ text, padding: true });
    if (unit) return rows(await model.embed_text(inputs, options));
    return rows((await model.get_text_features(inputs, options)).pooler_output!);
  });
}

/** One row [projection_dim] a picture: of length 1 if `unit`, else as get_image_features gives it. */
export function encode_images(
  { model, processor }: Encoder,
  images: readonly ImageInput[],
  o: CallOptions = {},
  unit = true,
): Promise<Float32Array[]> {
  const options = run_options(o);
  return in_batches(images, o.batch_size ?? IMAGES_AT_ONCE, o, async (batch) => {
    const inputs = await model.until_disposed(o.signal, (signal) =>
      processor.call({ images: batch, background: o.background, signal }),
    );
    if (unit) return rows(await model.embed_image(inputs, options));
    return rows((await model.get_image_features(inputs, options)).pooler_output!);
  });
}

/** What the model takes of a call's options: the rest is for the processor, or for the caller. */
function run_options({ signal, batch_size, yield_ms }: CallOptions): CallOptions {
  return { signal, batch_size, yield_ms };
}

async function in_batches<T, R>(
  items: readonly T[],
  size: number,
  o: CallOptions,
  run: (batch: T[]) => Promise<R[]>,
): Promise<R[]> {
  const results: R[] = [];
  // Batches that are ready at once would keep timers and events waiting, an abort among them.
  const pause = pause_every(o.yield_ms ?? YIELD_MS, o.signal);
  for (let i = 0; i < items.length; i += size) {
    if (i > 0) await pause();
    throw_if_aborted(o.signal);
    for (const result of await run(items.slice(i, i + size))) results.push(result);
  }
  return results;
}
