// The rows of the WASI module. It decodes no PNG or JPEG, so it gets the pictures as PPM; and it prints embeddings as JSON,
// which read back to the same bits.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RawImage, type ReadOptions } from '../../../src/host/image.ts';
import { packed } from '../../support/packed.ts';
import { new_folder, objects, python, run_in, type Run } from '../../wasi/hosts.ts';
import { digests } from './cells.mjs';
import { CHECKPOINT, INSTALLED, PICTURES, TEXTS } from './inputs.ts';
import type { Cell, Row } from './runtimes.ts';

/** The picture as the model's processor reads it, its ground laid under what is transparent. */
async function ppm(picture: Uint8Array, { background }: ReadOptions): Promise<Buffer> {
  const { width, height, data } = await RawImage.read(picture, { background });
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), data]);
}

/** A folder with the models, named by their dtypes, and the pictures, whose names are given. */
async function prepared(folder: string): Promise<string[]> {
  writeFileSync(join(folder, 'fp32'), await packed(CHECKPOINT, { dtype: 'fp32' }));
  writeFileSync(join(folder, 'q8'), readFileSync(join(INSTALLED, 'dist/align-icons.bin')));
  const settings = JSON.parse(readFileSync(`${CHECKPOINT}preprocessor_config.json`, 'utf8')) as ReadOptions;
  const names: string[] = [];
  for (const picture of PICTURES.values()) {
    const name = `${names.length}.ppm`;
    writeFileSync(join(folder, name), await ppm(picture, settings));
    names.push(name);
  }
  return names;
}

/** The row of one of the hosts that run the module. */
export async function wasi_row(host: string, version: string): Promise<Row> {
  const folder = new_folder();
  try {
    const names = await prepared(folder);
    // UTF-8 has no lone surrogates: they become U+FFFD, as in the tokenizer.
    const texts = TEXTS.map((text) => `--text=${Buffer.from(text).toString()}`);
    const run = (...args: readonly string[]): Run => ({ args: ['embed', '--json', '--model', ...args] });
    const cells: Cell[] = [];
    for (const dtype of ['fp32', 'q8'] as const) {
      const runs = {
        alone: [
          ...names.map((name) => run(dtype, '--image', name)),
          ...texts.map((text) => run(dtype, text)),
        ],
        batch: [run(dtype, '--image', ...names), run(dtype, ...texts)],
      };
      for (const how of ['alone', 'batch'] as const) {
        const found = run_in(host, folder, runs[how]).flatMap((ended) =>
          objects<{ embedding: number[] }>(ended).map(({ embedding }) => Float32Array.from(embedding)),
        );
        cells.push({ dtype, threads: 1, how, ...(await digests(found)) });
      }
      for (const how of ['alone', 'batch'] as const) cells.push({ dtype, threads: 2, how });
    }
    return { version, cells };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function wasmtime_version(): string {
  const script = "from importlib.metadata import version; print(version('wasmtime'))";
  return execFileSync(python(), ['-c', script], { encoding: 'utf8' }).trim();
}
