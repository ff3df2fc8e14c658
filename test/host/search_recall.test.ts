// How much of what an exact search over fp32 finds the smaller dtypes find, among pictures that the embedded model was never
// trained on, by names and by pictures.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { read_held_out } from '../../scripts/evaluate.mjs';
import { Align } from '../../src/host/align.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { AlignIndex, type IndexDtype, type Match } from '../../src/host/search/align_index.ts';
import { naive_search } from '../support/naive_search.ts';

const K = 10;

/** Which share of the exact matches is among those found. */
function recall(exact: readonly Match[][], found: readonly Match[][]): number {
  const hits = exact.map((matches, i) => {
    const ids = new Set(found[i]!.map(({ id }) => id));
    return matches.filter(({ id }) => ids.has(id)).length;
  });
  return hits.reduce((a, b) => a + b, 0) / (exact.length * K);
}

async function expect_recall(
  pictures: readonly Float32Array[],
  queries: Readonly<Record<string, readonly Float32Array[]>>,
): Promise<void> {
  const indexed = async (dtype: IndexDtype): Promise<AlignIndex> => {
    const index = await AlignIndex.create({ dimensions: pictures[0]!.length, dtype });
    pictures.forEach((picture, i) => index.add(i, picture));
    return index;
  };
  using fp32 = await indexed('fp32');
  const entries = new Map(pictures.map((_, i) => [i, fp32.get(i)!]));
  const some = Object.values(queries).flatMap((list) => list.slice(0, 10));
  expect(fp32.search(some, K)).toEqual(some.map((query) => naive_search(entries, query, K)));
  for (const dtype of ['int8', 'binary'] as const) {
    using index = await indexed(dtype);
    for (const [by, list] of Object.entries(queries)) {
      const share = recall(fp32.search(list, K), index.search(list, K));
      console.log(`${dtype}: recall@${K} ${share.toFixed(4)} by ${by} among ${pictures.length}`);
      expect(share).toBeGreaterThanOrEqual(0.99);
    }
  }
}

test('recall@10 of int8 and binary is at least 0.99 on the held-out pictures', async () => {
  const align = await Align.load();
  const pictures = [...(await read_held_out()).values()].flatMap(({ names, pictures }) =>
    pictures.map(([i, png]) => [names[i]!, png] as const),
  );
  const images = await align.embed_image(pictures.map(([, png]) => png));
  const texts = await align.embed_text(pictures.map(([name]) => name));
  align.dispose();
  await expect_recall(images, { text: texts, picture: images });
}, 120_000);

test('recall@10 of int8 and binary is at least 0.99 on thousands of icons, many of them nearly alike', async () => {
  const bytes = readFileSync(new URL('fixtures/icons.safetensors', import.meta.url));
  // A plain array: slices of a Buffer share its bytes.
  const source = bytes_source('icons', new Uint8Array(bytes));
  const { tensors } = await SafetensorsFile.open(source);
  const read = async (name: string): Promise<Float32Array[]> => {
    const { start, end, shape } = tensors.get(name)!;
    const numbers = new Int16Array((await source.read(start, end)).slice().buffer);
    const [count, width] = shape as [number, number];
    return Array.from({ length: count }, (_, i) =>
      Float32Array.from(numbers.subarray(i * width, (i + 1) * width), (x) => x / 32768),
    );
  };
  const [pictures, texts] = [await read('pictures'), await read('texts')];
  expect([pictures.length, texts.length]).toEqual([3400, 600]);
  for (const one of [...pictures, ...texts]) expect(Math.hypot(...one)).toBeCloseTo(1, 4);
  await expect_recall(pictures, { text: texts, picture: pictures.slice(-600) });
}, 120_000);
