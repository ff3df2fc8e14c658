// Exact search in two passes. The first scores every row roughly and keeps those that may be among the best k; the second
// gives these their exact score, which is what a naive loop gives: the dot product in f64, in order of the index, of the
// row (as AlignIndex.get gives it) and the query, both of length 1.
//
// How far a rough score may be off is known:
//
//   fp32    n products and sums in f32, in whatever order: n · 2⁻²⁴ · |row| · |query|, with a few more for the lanes
//   int8    what residuals may add, and what the query loses as integers (narrow.ts)
//
// So nothing is missed, and no result depends on how the rough scores come about: alone or in a batch, in whatever order
// the rows lie. Only binary (signs.ts) looks at some rows alone.

import { narrow, pack_narrow, store_narrow, type Narrowed } from './narrow.ts';
import { QUERIES } from './places.ts';
import type { Block, Rows } from './rows.ts';
import { scan_signs } from './signs.ts';
import { Top } from './top.ts';

/** As many queries at least are multiplied as a panel; fewer are read row by row. */
const PANEL_FROM = 7;

/** An error of rounding to f32, relative. */
const U = 2 ** -24;

/** A row and its exact score. */
export interface Ranked {
  readonly row: number;
  readonly score: number;
}

/**
 * The k best rows for each query, best first, those that score the same as `before` sorts them; fewer only where there are
 * fewer. Queries have length 1.
 */
export function rank(
  rows: Rows,
  queries: readonly Float32Array[],
  k: number,
  before: (a: number, b: number) => number,
): Ranked[][] {
  const best = Math.min(k, rows.count);
  if (best === 0) return queries.map(() => []);
  const ranked: Ranked[][] = [];
  for (let i = 0; i < queries.length; i += QUERIES)
    ranked.push(...rank_group(rows, queries.slice(i, i + QUERIES), best, before));
  return ranked;
}

/** How many times as many are ranked when a filter has rejected too many. */
const FURTHER = 8;

/**
 * The k best rows that are accepted: as many are ranked as it takes. Each is asked about once, the best first.
 * `best(n)` gives the n best of `count`.
 */
export function rank_accepted(
  best: (n: number) => readonly Ranked[],
  k: number,
  count: number,
  accepts: (row: number) => boolean,
): Ranked[] {
  const asked = new Map<number, boolean>();
  for (let ranked = k; ; ranked *= FURTHER) {
    const accepted: Ranked[] = [];
    for (const match of best(ranked)) {
      const verdict = asked.get(match.row) ?? accepts(match.row);
      asked.set(match.row, verdict);
      if (verdict && accepted.push(match) === k) return accepted;
    }
    if (ranked >= count) return accepted;
  }
}

function rank_group(
  rows: Rows,
  queries: readonly Float32Array[],
  k: number,
  before: (a: number, b: number) => number,
): Ranked[][] {
  const { instance, dimensions } = rows;
  queries.forEach((query, slot) => instance.f32(query_at(rows, slot), dimensions).set(query));
  const tops = rows.dtype === 'fp32' ? scan_fp32(rows, queries, k) : scan_int8(rows, queries, k);
  return tops.map((top, slot) => {
    const at = query_at(rows, slot);
    const scored = Array.from(top.rows(), (row) => ({
      row,
      score: instance.exports.index_dot(at, rows.vector_at(row), dimensions),
    }));
    return scored.sort((a, b) => b.score - a.score || before(a.row, b.row)).slice(0, k);
  });
}

const query_at = ({ scratch, sizes }: Rows, slot: number): number =>
  scratch.queries + slot * sizes.query_bytes;

function scan_fp32(rows: Rows, queries: readonly Float32Array[], k: number): Top[] {
  const { scratch, instance } = rows;
  const { stride, dimensions } = rows.sizes;
  const { exports } = instance;
  // Twice what a score may be off, and two roundings of numbers near 1: the threshold's to f32, and what is left of others.
  const tops = queries.map(() => new Top(k, 2.02 * (dimensions + 8) * U + 4 * U));
  if (queries.length >= PANEL_FROM) {
    pack_panel(rows, queries);
    for (const { first, rows: at, count } of rows.blocks()) {
      exports.index_scan_panel_f32(scratch.panel, at, stride, dimensions, count, scratch.scores);
      select_panel(rows, { first, count }, tops);
    }
    return tops;
  }
  tops.forEach((top, slot) => {
    for (const { first, rows: at, count } of rows.blocks()) {
      exports.index_scan_f32(query_at(rows, slot), at, stride, count, scratch.scores);
      select_rows(rows, { first, count }, top);
    }
  });
  return tops;
}

function scan_int8(rows: Rows, queries: readonly Float32Array[], k: number): Top[] {
  const { scratch, instance } = rows;
  const { stride } = rows.sizes;
  const { exports } = instance;
  const narrowed = queries.map(narrow);
  if (rows.dtype === 'binary')
    return narrowed.map((one, slot) => scan_signs(rows, query_at(rows, slot), one, k));
  const tops = narrowed.map(({ error }) => new Top(k, 2 * error));
  if (queries.length >= PANEL_FROM) {
    pack_narrow(rows, narrowed);
    const { panel, wide, scores } = scratch;
    for (const block of rows.blocks()) {
      const { rows: at, count, scales } = block;
      exports.index_scan_panel_i8(panel, panel + 128, at, stride, count, scales, wide, scores);
      select_panel(rows, block, tops, narrowed);
    }
    return tops;
  }
  narrowed.forEach((one, slot) => {
    store_narrow(rows, one);
    for (const block of rows.blocks()) {
      const { rows: at, count, scales } = block;
      exports.index_scan_i8(scratch.narrow, at, stride, count, scales, one.step, one.more, scratch.scores);
      select_rows(rows, block, tops[slot]!, one);
    }
  });
  return tops;
}

/** [16 zeros | k = 0: 16 queries | …], tile.ts. */
function pack_panel({ instance, scratch, dimensions }: Rows, queries: readonly Float32Array[]): void {
  const panel = instance.f32(scratch.panel, QUERIES * (dimensions + 1)).fill(0);
  queries.forEach((query, slot) => {
    for (let i = 0; i < dimensions; i++) panel[(i + 1) * QUERIES + slot] = query[i]!;
  });
}

/** A block, with its scales where scores may be lower by them. */
type Scored = Pick<Block, 'first' | 'count'> & Partial<Pick<Block, 'scales'>>;

/** Scores of one query. */
function select_rows({ instance, scratch }: Rows, block: Scored, top: Top, narrowed?: Narrowed): void {
  const { first, count, scales } = block;
  instance.f32(scratch.least, 16).fill(top.least);
  const found = instance.exports.index_select(scratch.scores, count, scratch.least, scratch.hits);
  if (found === 0) return;
  const indices = instance.u32(scratch.hits, 2 * found);
  const scores = instance.f32(scratch.hits, 2 * found);
  const scale = scales === undefined ? null : instance.f32(scales, count);
  for (let i = 0; i < 2 * found; i += 2) {
    const row = indices[i]!;
    if (row >= count) break; // in order: what lies behind the block's last
    top.push(first + row, scores[i + 1]!, scale === null ? 0 : scale[row]! * narrowed!.spread);
  }
}

/** Scores of up to 16 queries. */
function select_panel(
  { instance, scratch }: Rows,
  { first, count, scales }: Scored,
  tops: readonly Top[],
  narrowed?: readonly Narrowed[],
): void {
  const least = instance.f32(scratch.least, QUERIES).fill(Infinity);
  tops.forEach((top, slot) => (least[slot] = top.least));
  const { exports } = instance;
  const found = exports.index_select(scratch.scores, count * QUERIES, scratch.least, scratch.hits);
  const indices = instance.u32(scratch.hits, 2 * found);
  const scores = instance.f32(scratch.hits, 2 * found);
  const scale = scales === undefined ? null : instance.f32(scales, count);
  for (let i = 0; i < 2 * found; i += 2) {
    const slot = indices[i]! % QUERIES;
    const row = Math.floor(indices[i]! / QUERIES);
    const lower = scale === null ? 0 : scale[row]! * narrowed![slot]!.spread;
    tops[slot]!.push(first + row, scores[i + 1]!, lower);
  }
}
