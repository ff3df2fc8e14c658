// Small checkpoints in memory, and sources that tell what was asked of them.

import { Checkpoint } from '../../src/host/checkpoint/checkpoint.ts';
import { open_model, type ModelFiles } from '../../src/host/checkpoint/model_files.ts';
import { bytes_source, type ByteSource } from '../../src/host/checkpoint/source.ts';
import { safetensors_chunks, type StoredTensor } from '../../src/host/checkpoint/writer.ts';

export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** A safetensors file of U8 tensors of three bytes a row, counting up. */
export async function weights(shapes: Record<string, number[]>): Promise<Uint8Array> {
  const tensors = Object.entries(shapes).map(([name, shape]): StoredTensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    return { name, dtype: 'U8', shape, bytes: () => [new Uint8Array(size).map((_, i) => i)] };
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of safetensors_chunks(tensors)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

export async function checkpoint(files: ModelFiles): Promise<Checkpoint> {
  return Checkpoint.open(await open_model(files));
}

/** A source that records what is read and whether it was closed. */
export function spied(bytes: Uint8Array): ByteSource & { reads: [number, number][]; closed: number } {
  const inner = bytes_source('spied', bytes);
  return {
    ...inner,
    reads: [],
    closed: 0,
    read(start, end) {
      this.reads.push([start, end]);
      return inner.read(start, end);
    },
    close() {
      this.closed++;
      return Promise.resolve();
    },
  };
}
