// Goldens with something changed, as the files that a model is loaded from.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SafetensorsFile, type Dtype } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { safetensors_chunks } from '../../src/host/checkpoint/writer.ts';

/** The path of a file or folder of test/golden. */
export function golden(path: string): string {
  return fileURLToPath(new URL(`../golden/${path}`, import.meta.url));
}

export interface EditableTensor {
  dtype: Dtype;
  shape: number[];
  data: Uint8Array;
}

export type ModelRecord = { 'config.json': Record<string, unknown>; 'model.safetensors': Uint8Array };

/** config.json and model.safetensors of a golden, unchanged. */
export function golden_files(name: string): ModelRecord {
  return {
    'config.json': JSON.parse(readFileSync(golden(`${name}/config.json`), 'utf8')) as Record<string, unknown>,
    'model.safetensors': new Uint8Array(readFileSync(golden(`${name}/model.safetensors`))),
  };
}

/** A golden whose tensors went through `edit`. */
export async function with_tensors(
  name: string,
  edit: (tensors: Map<string, EditableTensor>) => void,
): Promise<ModelRecord> {
  const files = golden_files(name);
  const file = await SafetensorsFile.open(bytes_source(name, files['model.safetensors']));
  const tensors = new Map<string, EditableTensor>();
  for (const { name: tensor, dtype, shape } of file.tensors.values())
    tensors.set(tensor, { dtype, shape: [...shape], data: (await file.read(tensor)).slice() });
  edit(tensors);
  const stored = Array.from(tensors, ([tensor, { dtype, shape, data }]) => ({
    name: tensor,
    dtype,
    shape,
    bytes: () => [data],
  }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of safetensors_chunks(stored)) chunks.push(chunk);
  return { ...files, 'model.safetensors': new Uint8Array(Buffer.concat(chunks)) };
}

/** A golden with other values in its config; `tower` picks the nested one. */
export function with_config(
  name: string,
  values: Record<string, unknown>,
  tower?: 'text_config' | 'vision_config',
): ModelRecord {
  const files = golden_files(name);
  const config = files['config.json'];
  const edited = tower
    ? { ...config, [tower]: { ...(config[tower] as object), ...values } }
    : { ...config, ...values };
  return { ...files, 'config.json': edited };
}
