// save_pretrained for weights: the checkpoint's own tensors, streamed. Packed weights have lost what folding merged, so
// the checkpoint is opened again.

import { Checkpoint, type CheckpointTensor } from './checkpoint/checkpoint.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { WEIGHTS } from './checkpoint/packed_folder.ts';
import type { ByteSource } from './checkpoint/source.ts';
import { safetensors_chunks } from './checkpoint/writer.ts';
import { write_saved } from './saved.ts';

/** Bytes in memory at once. */
const RANGE_BYTES = 4 * 2 ** 20;

/** Writes all tensors of `from`, however sharded, as model.safetensors into the folder `to`; a packed file as it is. */
export async function save_model(from: ModelFolder, to: string): Promise<void> {
  const checkpoint = await Checkpoint.open(from);
  try {
    if (checkpoint.packing) {
      const { source } = checkpoint.files[0]!;
      await write_saved(to, WEIGHTS, ranges(source, 0, source.size));
      return;
    }
    const tensors = Array.from(checkpoint.names(), (name) => {
      const tensor = checkpoint.get(name)!;
      return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => tensor_bytes(tensor) };
    });
    await write_saved(to, WEIGHTS, safetensors_chunks(tensors));
  } finally {
    await checkpoint.close();
  }
}

function tensor_bytes({ file, start, end }: CheckpointTensor): AsyncIterable<Uint8Array> {
  return ranges(file.source, start, end);
}

async function* ranges(
  source: ByteSource,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end; at += RANGE_BYTES) yield source.read(at, Math.min(end, at + RANGE_BYTES));
}
