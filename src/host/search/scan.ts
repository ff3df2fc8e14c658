// Exact search in two passes. The first scores every row roughly and keeps those that may be among the best k; the second
// gives these their exact score, which is what a naive loop gives: the dot product in f64, in order of the index, of the
// row (as AlignIndex.get gives it) and the query, both of length 1.
//
// How far a rough score may be off:
//
//   fp32    n products and sums in f32, in whatever order: n · 2⁻²⁴ · |row| · |query|, with a few more for the lanes
//   int8    the query goes into i16 in steps; the product with the row is exact. What steps leave of the query is a vector
//           e, and row · e is at most |e|; besides four roundings to f32
//
// A row that belongs to the best k scores at most twice that less than the k-th best rough score. So nothing is missed, and
// no result depends on how the rough scores come about: alone or in a batch, in whatever order the rows lie.
//
//   binary  the rows that differ from the query in the fewest sign bits (CANDIDATES), and all that tie with the last,
//           then as int8. Which rows those are depends on the entries alone, but they may miss some of the best.

import { BLOCK_ROWS, QUERIES, type Block, type Rows } from './rows.ts';
import { Top } from './top.ts';

/**
 * How many rows by sign bits are looked at for each one that is wanted; how many at least, and which share of all. Of the
 * ten pictures nearest to a text, of 8,000 icons, 1,024 candidates have 99.5 %, 640 98.4, 320 94.5; of those nearest to a
 * picture 64 candidates have 99.3 %.
 */
const CANDIDATES = 64;
const LEAST_CANDIDATES = 1024;
const SHARE = 1 / 32;

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

function rank_group(
  rows: Rows,
  queries: readonly Float32Array[],
  k: number,
  before: (a: number, b: number) => number,
): Ranked[][] {
  const { scratch, query_bytes, instance } = rows;
  queries.forEach((query, slot) =>
    instance.f32(scratch.queries + slot * query_bytes, query.length).set(query),
  );
  const tops = (rows.dtype === 'binary' ? scan_bits : scan_products)(rows, queries, k);
  return tops.map((top, slot) => {
    const scored = Array.from(top.rows(), (row) => ({
      row,
      score: exact_score(rows, row, scratch.queries + slot * query_bytes),
    }));
    return scored.sort((a, b) => b.score - a.score || before(a.row, b.row)).slice(0, k);
  });
}

function exact_score(rows: Rows, row: number, query: number): number {
  return rows.instance.exports.index_dot(query, rows.vector_at(row), rows.dimensions);
}

function scan_products(rows: Rows, queries: readonly Float32Array[], k: number): Top[] {
  const { scratch, dimensions, stride, query_bytes, instance } = rows;
  const { exports } = instance;
  const int8 = rows.dtype === 'int8';
  const narrowed = int8 ? queries.map(narrow) : [];
  const tops = queries.map(
    (_, slot) => new Top(k, int8 ? slack_int8(narrowed[slot]!) : slack_fp32(dimensions)),
  );

  if (queries.length >= PANEL_FROM) {
    if (int8) pack_narrow(rows, narrowed);
    else pack_panel(rows, queries);
    for (const block of rows.blocks()) {
      if (int8)
        exports.index_scan_panel_i8(
          ...[scratch.panel, scratch.panel + 128, block.rows, stride, block.count, block.scales],
          ...([scratch.wide, scratch.scores] as const),
        );
      else
        exports.index_scan_panel_f32(
          ...([scratch.panel, block.rows, stride, dimensions, block.count, scratch.scores] as const),
        );
      select_panel(rows, block, tops);
    }
    return tops;
  }
  queries.forEach((_, slot) => {
    const query = scratch.queries + slot * query_bytes;
    if (int8) store_narrow(rows, narrowed[slot]!);
    for (const block of rows.blocks()) {
      if (int8)
        exports.index_scan_i8(
          ...([scratch.narrow, block.rows, stride, block.count, block.scales] as const),
          ...([narrowed[slot]!.step, scratch.scores] as const),
        );
      else exports.index_scan_f32(query, block.rows, stride, block.count, scratch.scores);
      select_rows(rows, block, tops[slot]!);
    }
  });
  return tops;
}

function scan_bits(rows: Rows, queries: readonly Float32Array[], k: number): Top[] {
  const { scratch, stride, query_bytes, instance } = rows;
  const wanted = Math.max(CANDIDATES * k, LEAST_CANDIDATES, Math.ceil(rows.count * SHARE));
  return queries.map((query, slot) => {
    instance.exports.index_quantize(scratch.queries + slot * query_bytes, stride, scratch.vector);
    instance.exports.index_bits(scratch.vector, stride, scratch.bits);
    return scan_candidates(rows, nearest_bits(rows, wanted), query, k);
  });
}

/** The rows that differ from the query in the fewest bits: `wanted` and all that tie with the last of them. */
function nearest_bits(rows: Rows, wanted: number): Uint32Array {
  const { scratch, bit_stride, dimensions, instance, count } = rows;
  const distances = new Uint32Array(count);
  const how_many = new Uint32Array(dimensions + 1);
  const scores = instance.f32(scratch.scores, BLOCK_ROWS);
  for (const block of rows.blocks()) {
    instance.exports.index_scan_bits(scratch.bits, block.bits, bit_stride, block.count, scratch.scores);
    for (let i = 0; i < block.count; i++) {
      const distance = -scores[i]!;
      distances[block.first + i] = distance;
      how_many[distance]!++;
    }
  }
  let most = 0;
  let found = how_many[0]!;
  while (found < wanted && most < dimensions) found += how_many[++most]!;
  const nearest = new Uint32Array(found);
  for (let row = 0, i = 0; row < count; row++) if (distances[row]! <= most) nearest[i++] = row;
  return nearest;
}

/** The best of some rows by their 8 bits, in the order in which they lie. */
function scan_candidates(rows: Rows, candidates: Uint32Array, query: Float32Array, k: number): Top {
  const { instance, scratch, stride } = rows;
  const { exports } = instance;
  const narrowed = narrow(query);
  const { step } = narrowed;
  const top = new Top(k, slack_int8(narrowed));
  store_narrow(rows, narrowed);
  const scores = instance.f32(scratch.scores, 4);
  let scored = -1;
  for (const row of candidates) {
    const first = row & ~3; // the kernel takes four, of which not all may be there from any other on
    if (first !== scored)
      exports.index_scan_i8(
        ...([scratch.narrow, rows.at(first), stride, 1, rows.scale_at(first)] as const),
        ...([step, scratch.scores] as const),
      );
    scored = first;
    top.push(row, scores[row & 3]!);
  }
  return top;
}

function store_narrow({ instance, scratch }: Rows, { query }: Narrowed): void {
  new Int16Array(instance.memory.buffer, scratch.narrow, query.length).set(query);
}

// Twice what a score may be off, and two roundings of numbers near 1: the threshold's to f32, and what is left of others.
const slack_fp32 = (dimensions: number): number => 2.02 * (dimensions + 8) * U + 4 * U;
const slack_int8 = ({ rest }: Narrowed): number => 2.002 * rest + 20 * U;

/** A query as i16, its unit, and the length of what that leaves of it. */
interface Narrowed {
  readonly query: Int16Array;
  readonly step: number;
  readonly rest: number;
}

/**
 * The largest steps that 15 bits allow and the sums of products with 8 bits: Σ 128 · |q| < 2³¹ whatever the row, as
 * |q| ≤ |x| / step + 1/2.
 */
function narrow(x: Float32Array): Narrowed {
  let largest = 0;
  let sum = 0;
  for (const value of x) {
    largest = Math.max(largest, Math.abs(value));
    sum += Math.abs(value);
  }
  const step = Math.fround(1 / Math.min(32767 / largest, (2 ** 24 - x.length) / sum));
  const query = new Int16Array(x.length);
  let squares = 0;
  x.forEach((value, i) => {
    query[i] = Math.round(value / step);
    const rest = value - query[i] * step;
    squares += rest * rest;
  });
  return { query, step, rest: Math.sqrt(squares) };
}

/** [16 zeros | k = 0: 16 queries | …], tile.ts. */
function pack_panel({ instance, scratch, dimensions }: Rows, queries: readonly Float32Array[]): void {
  const panel = instance.f32(scratch.panel, QUERIES * (dimensions + 1)).fill(0);
  queries.forEach((query, slot) => {
    for (let i = 0; i < dimensions; i++) panel[(i + 1) * QUERIES + slot] = query[i]!;
  });
}

/** [16 zeros | 16 steps | k = 0, 1: 16 pairs | …], dot.ts. */
function pack_narrow({ instance, scratch, stride }: Rows, queries: readonly Narrowed[]): void {
  const head = instance.f32(scratch.panel, 2 * QUERIES).fill(0);
  const panel = new Int16Array(instance.memory.buffer, scratch.panel + 128, QUERIES * stride).fill(0);
  queries.forEach(({ query, step }, slot) => {
    head[QUERIES + slot] = step;
    query.forEach((value, i) => {
      panel[(i >> 1) * 2 * QUERIES + 2 * slot + (i & 1)] = value;
    });
  });
}

/** Scores of one query. */
function select_rows({ instance, scratch }: Rows, { first, count }: Block, top: Top): void {
  instance.f32(scratch.least, 16).fill(top.least);
  const found = instance.exports.index_select(scratch.scores, count, scratch.least, scratch.hits);
  const indices = instance.u32(scratch.hits, 2 * found);
  const scores = instance.f32(scratch.hits, 2 * found);
  for (let i = 0; i < 2 * found; i += 2)
    if (indices[i]! < count) top.push(first + indices[i]!, scores[i + 1]!);
}

/** Scores of up to 16 queries. */
function select_panel({ instance, scratch }: Rows, { first, count }: Block, tops: readonly Top[]): void {
  const least = instance.f32(scratch.least, QUERIES).fill(Infinity);
  tops.forEach((top, slot) => (least[slot] = top.least));
  const { exports } = instance;
  const found = exports.index_select(scratch.scores, count * QUERIES, scratch.least, scratch.hits);
  const indices = instance.u32(scratch.hits, 2 * found);
  const scores = instance.f32(scratch.hits, 2 * found);
  for (let i = 0; i < 2 * found; i += 2)
    tops[indices[i]! % QUERIES]!.push(first + Math.floor(indices[i]! / QUERIES), scores[i + 1]!);
}
