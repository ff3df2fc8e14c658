// The first pass of dtype 'binary': the rows that differ from the query in the fewest sign bits, and all that tie with the
// last of them, so that which ones they are depends on the entries alone. They may miss some of the best.

import { store_narrow, type Narrowed } from './narrow.ts';
import type { Rows } from './rows.ts';
import { Top } from './top.ts';

/**
 * How many rows are candidates: so many times what is wanted, and so many times the root of how many there are. Of the ten
 * pictures nearest to a text, of 1,165 icons 363 candidates have 99.5 %, of 2,330 710, of 4,660 1,018, of 9,320 1,410; of
 * those nearest to a picture 89 do.
 */
const CANDIDATES = 64;
const OF_ROOT = 32;

/** The best of the candidates by their 8 bits. `query`: the address of the query as f32. */
export function scan_signs(rows: Rows, query: number, narrowed: Narrowed, k: number): Top {
  const { instance, scratch } = rows;
  const { stride } = rows.sizes;
  const { exports } = instance;
  exports.index_quantize(query, stride, scratch.row, scratch.residuals);
  exports.index_bits(scratch.row, stride, scratch.bits);
  store_narrow(rows, narrowed);
  const { step, more, spread, error } = narrowed;
  const { narrow, hits } = scratch;
  const top = new Top(k, 2 * error);
  const most = fewest_bits(rows, Math.max(CANDIDATES * k, Math.ceil(OF_ROOT * Math.sqrt(rows.count))));
  for (const { first, rows: at, count, distances, scales } of rows.blocks()) {
    const near = [narrow, at, stride, count, distances, most, scales, step, more, hits] as const;
    const found = exports.index_score_near(...near);
    const indices = instance.u32(hits, 2 * found);
    const scores = instance.f32(hits, 2 * found);
    const scale = instance.f32(scales, count);
    for (let i = 0; i < 2 * found; i += 2) {
      const row = indices[i]!;
      top.push(first + row, scores[i + 1]!, scale[row]! * spread);
    }
  }
  return top;
}

/** In how many bits rows may differ from scratch.bits so that at least `wanted` do not differ in more, or all. */
function fewest_bits(rows: Rows, wanted: number): number {
  const { instance, scratch } = rows;
  const { dimensions, bit_stride } = rows.sizes;
  const how_many = instance.u32(scratch.how_many, dimensions + 1).fill(0);
  for (const { bits, count, distances } of rows.blocks())
    instance.exports.index_scan_bits(scratch.bits, bits, bit_stride, count, distances, scratch.how_many);
  let most = 0;
  for (let found = how_many[0]!; found < wanted && most < dimensions; found += how_many[++most]!);
  return most;
}
