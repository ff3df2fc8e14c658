// A packed file read by weights/FORMAT.md alone gives back the checkpoint's matrices, as exactly as their format holds.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FORMAT_NAMES } from '../../src/host/checkpoint/formats.ts';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import type { WeightRequest } from '../../src/host/plan/plan.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { packed } from '../support/packed.ts';
import { read_packed_file, read_panels, read_rows, read_taps } from '../support/packed_reader.ts';

/** A tensor of the checkpoint: rows along its first dimension. */
type Rows = number[][];

async function read_checkpoint(name: string): Promise<Map<string, Rows>> {
  const path = golden(`${name}/model.safetensors`);
  const file = await SafetensorsFile.open(bytes_source(path, new Uint8Array(readFileSync(path))));
  const tensors = new Map<string, Rows>();
  for (const { name: tensor, dtype, shape } of file.tensors.values()) {
    if (dtype !== 'F32') continue;
    const values = new Float32Array((await file.read(tensor)).slice().buffer);
    const rows = shape[0] ?? 1;
    const width = values.length / rows;
    tensors.set(
      tensor,
      Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width))),
    );
  }
  return tensors;
}

const flat = (rows: Rows): number[] => rows.map(([value]) => value!);

/** What a block's matrix must be: the merged tensors, batch norm folded in. */
interface Expected {
  readonly kind: 'panels' | 'taps' | 'rows';
  readonly weight: Rows;
  readonly bias?: number[];
}

/** The batch norm beside each convolution. */
const NORMS: readonly [RegExp, string][] = [
  [/embeddings\.convolution$/, 'batchnorm'],
  [/expansion\.expand_conv$/, 'expand_bn'],
  [/projection\.project_conv$/, 'project_bn'],
  [/depthwise_conv\.depthwise_conv$/, 'depthwise_norm'],
];

function expected(
  block: string,
  tensors: ReadonlyMap<string, Rows>,
  eps: number,
  channels: number,
): Expected {
  const get = (name: string): Rows => tensors.get(name)!;
  if (block === 'temperature') return { kind: 'rows', weight: get(block) };
  if (block.endsWith('LayerNorm'))
    return { kind: 'rows', weight: [flat(get(`${block}.weight`)), flat(get(`${block}.bias`))] };
  if (block.endsWith('_embeddings')) return { kind: 'rows', weight: get(`${block}.weight`) };
  const merged = /^(.*\.)query\+key\+value$/.exec(block);
  if (merged) {
    const parts = ['query', 'key', 'value'].map((part) => merged[1]! + part);
    return {
      kind: 'panels',
      weight: parts.flatMap((part) => get(`${part}.weight`)),
      bias: parts.flatMap((part) => flat(get(`${part}.bias`))),
    };
  }
  const norm = NORMS.find(([pattern]) => pattern.test(block))?.[1];
  if (norm === undefined)
    return { kind: 'panels', weight: get(`${block}.weight`), bias: flat(get(`${block}.bias`)) };
  const at = block.replace(/[^.]+$/, norm);
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    flat(get(`${at}.${part}`)),
  );
  const scale = gamma!.map((g, i) => g / Math.sqrt(variance![i]! + eps));
  let weight = get(`${block}.weight`);
  if (block.endsWith('embeddings.convolution')) weight = weight.map((row) => stem_row(row, channels));
  return {
    kind: norm === 'depthwise_norm' ? 'taps' : 'panels',
    weight: weight.map((row, i) => row.map((w) => Math.fround(w * scale[i]!))),
    bias: beta!.map((b, i) => Math.fround(b - mean![i]! * scale[i]!)),
  };
}

/** [channels, taps] to [taps, channels rounded up to 4]. */
function stem_row(row: readonly number[], channels: number): number[] {
  const padded = Math.ceil(channels / 4) * 4;
  return Array.from({ length: 9 * padded }, (_, i) => {
    const [tap, channel] = [Math.floor(i / padded), i % padded];
    return channel < channels ? row[channel * 9 + tap]! : 0;
  });
}

/** The largest error of a number in a row or group whose largest magnitude is `most`. */
const BOUNDS: Readonly<Record<string, (value: number, most: number) => number>> = {
  f32: () => 0,
  // Half a unit of 11 or 8 bits of mantissa, or of the smallest half.
  f16: (value) => Math.max(Math.abs(value) * 2 ** -11, 2 ** -25),
  bf16: (value) => Math.abs(value) * 2 ** -8,
  // Half a step of 127, and f32's rounding of the product.
  q8: (_, most) => (most / 127) * 0.5001,
  q8d: (_, most) => (most / 127) * 0.5001,
  // At worst a whole step: of the two magnitudes that -8 … 7 reaches, one is cut by a step.
  q4: (_, most) => (most / 7) * 1.01,
};

describe.each(['odd', 'gray', 'tower-text', 'tower-vision'])('%s', (name) => {
  const config = JSON.parse(readFileSync(golden(`${name}/config.json`), 'utf8')) as Record<string, unknown>;
  const vision = (config.vision_config ?? config) as { batch_norm_eps: number; num_channels: number };

  test.each(FORMAT_NAMES)('every block in %s that can be', async (asked) => {
    const tensors = await read_checkpoint(name);
    const dtype = asked === 'f32' ? 'fp32' : 'q8';
    const format = FORMAT_NAMES.indexOf(asked);
    const choose = (requests: readonly WeightRequest[]): Uint8Array =>
      Uint8Array.from(requests, ({ accepts }) => (accepts & (1 << format) ? format : 0));
    const file = await packed(golden(name), { dtype, choose });
    const { metadata, data_start, blocks, files } = read_packed_file(file);
    const towers = name.startsWith('tower-') ? name.slice(6) : 'both';
    expect(metadata).toMatchObject({ format: 'align-wasm', version: '1', dtype, towers });
    expect(Object.keys(JSON.parse(metadata.formats!) as object)).toEqual([...blocks.keys()]);
    expect(data_start % 256).toBe(0);
    expect(Buffer.from(files.get('config.json')!)).toEqual(readFileSync(golden(`${name}/config.json`)));

    const used = new Set<string>();
    for (const block of blocks.values()) {
      const what = `${block.name} as ${block.format}`;
      expect((block.bytes.byteOffset - data_start) % 16, what).toBe(0);
      const { kind, weight, bias } = expected(
        block.name,
        tensors,
        vision.batch_norm_eps,
        vision.num_channels,
      );
      const [n, k] = [weight.length, weight[0]!.length];
      const got =
        kind === 'rows'
          ? { weight: read_rows(block, n, k), bias: undefined }
          : kind === 'taps'
            ? read_taps(block, n, k)
            : read_panels(block, n, k);
      expect(got.bias, what).toEqual(bias);
      check(what, got.weight, weight, block.format);
      used.add(block.format);
    }
    expect(used).toEqual(new Set(['f32', asked]));
  });
});

function check(what: string, got: Rows, want: Rows, format: string): void {
  const bound = BOUNDS[format]!;
  for (const [i, row] of want.entries()) {
    // Every group of a row at least.
    const size = format === 'q4' ? 32 : row.length;
    for (let from = 0; from < row.length; from += size) {
      const most = row.slice(from, from + size).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      for (let j = from; j < Math.min(from + size, row.length); j++)
        if (!(Math.abs(got[i]![j]! - row[j]!) <= bound(row[j]!, most)))
          expect.fail(`${what} [${i}, ${j}] is ${got[i]![j]!}, the checkpoint has ${row[j]!}`);
    }
  }
}
