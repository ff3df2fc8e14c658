// Search measured in a process of its own: made-up vectors in clusters, as embeddings of real things lie.

import { performance } from 'node:perf_hooks';
import { AlignIndex } from '../dist/index.js';
import { summary } from './measure.mjs';

const DIMENSIONS = 640;
const CLUSTERS = 1000;
const QUERIES = 16;
const K = 10;

/** Vectors of length 1 around CLUSTERS centres: next() gives one after the other, the same on every run. */
class Vectors {
  #state = 1;
  #centres = Array.from({ length: CLUSTERS }, () => this.#random(1, new Float32Array(DIMENSIONS)));

  next() {
    const vector = this.#random(
      0.8,
      this.#centres[Math.floor(((this.#step() + 1) / 2) * CLUSTERS) % CLUSTERS],
    );
    const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    return vector.map((x) => x / length);
  }

  /** xorshift32, in [-1, 1). */
  #step() {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state / 2 ** 31;
  }

  /** The sum of three is near enough to a normal distribution. */
  #random(spread, centre) {
    return centre.map((x) => x + spread * (this.#step() + this.#step() + this.#step()));
  }
}

/** The plain way: one Float32Array, one loop, the k best kept in order. */
function plain_search(rows, count, query) {
  const best = [];
  for (let row = 0, at = 0; row < count; row++) {
    let score = 0;
    for (let i = 0; i < DIMENSIONS; i++) score += rows[at++] * query[i];
    if (best.length === K && score <= best[K - 1].score) continue;
    const place = best.findIndex((match) => match.score < score);
    best.splice(place < 0 ? best.length : place, 0, { id: row, score });
    if (best.length > K) best.pop();
  }
  return best;
}

/**
 * Everybody answers the same queries in turn.
 * @returns { [who]: { best, median, …, recall } }, ms a query; recall@10 against the plain loop over f32
 */
export async function measure_search(count, rounds, with_peer) {
  const vectors = new Vectors();
  const indexes = {};
  for (const dtype of ['fp32', 'int8', 'binary'])
    if (dtype !== 'fp32' || count <= 100_000)
      indexes[dtype] = await AlignIndex.create({ dimensions: DIMENSIONS, dtype });
  const orama = with_peer ? (await import('./peers/orama.mjs')).open(DIMENSIONS, K) : null;
  const rows = new Float32Array(count * DIMENSIONS);
  for (let row = 0; row < count; row++) {
    const vector = vectors.next();
    rows.set(vector, row * DIMENSIONS);
    for (const index of Object.values(indexes)) index.add(row, vector);
    await orama?.add(row, vector);
  }
  const queries = Array.from({ length: QUERIES }, () => vectors.next());
  const contestants = {
    'plain loop': (query) => plain_search(rows, count, query),
    ...Object.fromEntries(
      Object.entries(indexes).map(([dtype, index]) => [
        `align-wasm, ${dtype}`,
        (query) => index.search(query, K),
      ]),
    ),
    ...(orama && { Orama: orama.search }),
  };
  const times = {};
  const found = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [who, search] of Object.entries(contestants)) {
      const query = round % QUERIES;
      const start = performance.now();
      const matches = await search(queries[query]);
      if (round > 0) (times[who] ??= []).push(performance.now() - start);
      (found[who] ??= [])[query] = matches.map(({ id }) => id);
    }
    const start = performance.now();
    indexes.int8.search(queries, K);
    if (round > 0)
      (times['align-wasm, int8, 16 at a time'] ??= []).push((performance.now() - start) / QUERIES);
  }
  // All queries count for the recall, however few rounds there were.
  for (const [who, search] of Object.entries(contestants))
    for (const [i, query] of queries.entries()) found[who][i] ??= (await search(query)).map(({ id }) => id);
  found['align-wasm, int8, 16 at a time'] = indexes.int8.search(queries, K).map((m) => m.map(({ id }) => id));
  const exact = found['plain loop'];
  const recall = (ids) =>
    exact.reduce((sum, row, i) => sum + row.filter((id) => ids[i].includes(id)).length, 0) / (QUERIES * K);
  return Object.fromEntries(
    Object.entries(times).map(([who, ms]) => [who, { ...summary(ms), recall: recall(found[who]) }]),
  );
}

/** Bytes that this process held at its most, in MB; maxRSS counts 1024 bytes. */
const peak = () => (process.resourceUsage().maxRSS * 1024) / 1e6;

/** @returns MB: the most that the process held while it filled an int8 index with file names as ids and searched it */
export async function measure_memory(count, file) {
  const vectors = new Vectors();
  const index = await AlignIndex.create({ dimensions: DIMENSIONS, dtype: 'int8' });
  for (let row = 0; row < count; row++) index.add(`photos/2024/picture-${row}.jpg`, vectors.next());
  index.search(vectors.next(), K);
  const most = { wasm: index.memory / 1e6, process: peak() };
  await index.save(file);
  return most;
}

/** @returns MB: the most that the process held while it loaded what measure_memory saved and searched it */
export async function measure_loading(file) {
  const index = await AlignIndex.load(file);
  index.search(new Vectors().next(), K);
  return { process: peak() };
}
