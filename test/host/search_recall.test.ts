// How much of what an exact search over fp32 finds the smaller dtypes find: on pictures that the embedded model was never
// trained on, with their names, and with other pictures, as queries.

import { expect, test } from 'vitest';
import { read_held_out } from '../../scripts/evaluate.mjs';
import { Align } from '../../src/host/align.ts';
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

test('recall@10 of int8 and binary is at least 0.99 on real embeddings', { timeout: 120_000 }, async () => {
  const align = await Align.load();
  const pictures = [...(await read_held_out()).values()].flat();
  const images = await align.embed_image(pictures.map(([, png]) => png));
  const texts = await align.embed_text(pictures.map(([name]) => name));
  align.dispose();

  const indexed = async (dtype: IndexDtype): Promise<AlignIndex> => {
    const index = await AlignIndex.create({ dimensions: images[0]!.length, dtype });
    images.forEach((image, i) => index.add(i, image));
    return index;
  };
  const queries = [...texts, ...images];
  const exact = (await indexed('fp32')).search(queries, K);
  const entries = new Map(images.map((embedding, i) => [i, { embedding, meta: null }]));
  expect(exact.slice(0, 20)).toEqual(texts.slice(0, 20).map((text) => naive_search(entries, text, K)));
  for (const dtype of ['int8', 'binary'] as const) {
    const found = (await indexed(dtype)).search(queries, K);
    const by_text = recall(exact.slice(0, texts.length), found.slice(0, texts.length));
    const by_picture = recall(exact.slice(texts.length), found.slice(texts.length));
    console.log(`${dtype}: recall@10 ${by_text.toFixed(4)} by text, ${by_picture.toFixed(4)} by picture`);
    expect(by_text).toBeGreaterThanOrEqual(0.99);
    expect(by_picture).toBeGreaterThanOrEqual(0.99);
  }
});
