// save_pretrained for weights: the checkpoint's own tensors, streamed. Packed weights have lost what folding merged, so
// the checkpoint is opened again.

import { platform } from '#platform';
import { Checkpoint, type CheckpointTensor } from './checkpoint/checkpoint.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { safetensors_chunks } from './checkpoint/writer.ts';

/** Bytes in memory at once. */
const RANGE_BYTES = 4 * 2 ** 20;

/** Writes all tensors of `from`, however sharded, as model.safetensors into the folder `to`. */
export async function save_model(from: ModelFolder, to: string): Promise<void> {
  const checkpoint = await Checkpoint.open(from);
  try {
    const tensors = Array.from(checkpoint.names(), (name) => {
      const tensor = checkpoint.get(name)!;
      return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => ranges(tensor) };
    });
    await platform.write(`${to}/model.safetensors`, safetensors_chunks(tensors));
  } finally {
    await checkpoint.close();
  }
}

async function* ranges({ file, start, end }: CheckpointTensor): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end; at += RANGE_BYTES)
    yield file.source.read(at, Math.min(end, at + RANGE_BYTES));
}
