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

/** The files that the module is given: models by their dtypes, and pictures. Made once for all hosts. */
let made: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

async function make_files(): Promise<ReadonlyMap<string, Uint8Array>> {
  const settings = JSON.parse(readFileSync(`${CHECKPOINT}preprocessor_config.json`, 'utf8')) as ReadOptions;
  const files = new Map<string, Uint8Array>([
    ['fp32', await packed(CHECKPOINT, { dtype: 'fp32' })],
    ['q8', readFileSync(join(INSTALLED, 'dist/align-icons.bin'))],
  ]);
  for (const picture of PICTURES.values()) files.set(`${files.size}.ppm`, await ppm(picture, settings));
  return files;
}

/** What the module prints: a line for each text, then one for each picture. */
interface Line {
  readonly image?: string;
  readonly embedding: number[];
}

/** The row of one of the hosts that run the module. */
export async function wasi_row(host: string, version: string): Promise<Row> {
  const folder = new_folder();
  try {
    const files = await (made ??= make_files());
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
    const names = Array.from(files.keys()).filter((name) => name.endsWith('.ppm'));
    // UTF-8 has no lone surrogates: they become U+FFFD, as in the tokenizer.
    const texts = TEXTS.map((text) => `--text=${Buffer.from(text).toString()}`);
    const cells: Cell[] = [];
    for (const dtype of ['fp32', 'q8'] as const) {
      const run = (pictures: readonly string[], own: readonly string[]): Run => ({
        args: ['embed', '--json', '--model', dtype, ...own, '--image', ...pictures],
      });
      // One of each kind a command is alone, too: each has a tower of its own.
      const runs = { alone: names.map((name, i) => run([name], [texts[i]!])), batch: [run(names, texts)] };
      for (const how of ['alone', 'batch'] as const) {
        const lines = run_in(host, folder, runs[how]).flatMap((ended) => objects<Line>(ended));
        const embeddings = [
          ...lines.filter(({ image }) => image !== undefined),
          ...lines.filter(({ image }) => image === undefined),
        ].map(({ embedding }) => Float32Array.from(embedding));
        cells.push({ dtype, threads: 1, how, ...(await digests(embeddings)) }, { dtype, threads: 2, how });
      }
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
