// Reads the goldens: reference.safetensors as test/golden/README.md describes it.

import { readFile } from 'node:fs/promises';
import { SafetensorsFile, type TensorInfo } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { Tensor, type TensorType } from '../../src/host/tensor.ts';
import { smooth_images } from './counter_weights.ts';

/** One run of the model: inputs and expected outputs by their names (`pixel_values`, `text_model_output.attentions.0`). */
export interface ReferenceCase {
  name: string;
  inputs: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

const TYPES: Partial<Record<string, TensorType>> = { F32: 'float32', I64: 'int64', I32: 'int32' };

/** The cases of `path`, in the file's order; inputs that its metadata calls generated are made here. */
export async function read_reference(path: string | URL): Promise<ReferenceCase[]> {
  const file = await SafetensorsFile.open(bytes_source(String(path), await readFile(path)));
  const cases = (JSON.parse(file.metadata.get('cases')!) as string[]).map((name): ReferenceCase => ({
    name,
    inputs: {},
    outputs: {},
  }));
  const by_name = new Map(cases.map((c) => [c.name, c]));
  const put = (key: string, tensor: Tensor): void => {
    const [, name, kind, tensor_name] = /^(.+?)\.(input|output)\.(.+)$/.exec(key)!;
    const found = by_name.get(name!)!;
    (kind === 'input' ? found.inputs : found.outputs)[tensor_name!] = tensor;
  };
  for (const info of file.tensors.values()) put(info.name, await read_tensor(file, info));
  const generated = JSON.parse(file.metadata.get('generated') ?? '{}') as Record<string, number[]>;
  for (const [key, shape] of Object.entries(generated))
    put(key, new Tensor('float32', smooth_images(key, shape), shape));
  return cases;
}

async function read_tensor(file: SafetensorsFile, { name, dtype, shape }: TensorInfo): Promise<Tensor> {
  const type = TYPES[dtype];
  if (type === undefined) throw new Error(`${name} is ${dtype}, goldens are F32, I64 and I32`);
  const { buffer } = new Uint8Array(await file.read(name)); // a copy, so that it is aligned
  const data =
    type === 'int64'
      ? new BigInt64Array(buffer)
      : type === 'int32'
        ? new Int32Array(buffer)
        : new Float32Array(buffer);
  return new Tensor<TensorType>(type, data, shape);
}

/**
 * Largest |actual - expected| over largest |expected| (over 1 if all are zero). A NaN on one side only, an infinity
 * that is not met, or another length is an infinite error.
 */
export function max_relative_error(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e) {
      if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
      continue;
    }
    if (!Number.isFinite(a) || !Number.isFinite(e)) return Infinity;
    difference = Math.max(difference, Math.abs(a - e));
    scale = Math.max(scale, Math.abs(e));
  }
  return difference / (scale || 1);
}

/** The least cosine of rows of `width` with those expected. */
export function least_cosine(actual: Float32Array, expected: Float32Array, width: number): number {
  let least = 1;
  for (let at = 0; at < expected.length; at += width) {
    const [a, b] = [actual, expected].map((data) => data.subarray(at, at + width)) as [
      Float32Array,
      Float32Array,
    ];
    const product = (x: Float32Array, y: Float32Array): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
    least = Math.min(least, product(a, b) / Math.sqrt(product(a, a) * product(b, b)));
  }
  return least;
}
