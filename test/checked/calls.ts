// What the calls of the tokenizer, of resizing and of indexes may touch, by their arguments: written from what
// src/host/processor/exports.ts and src/host/search/exports.ts promise, not from the kernels.

import type { Exports } from '../../src/host/wasm/exports.ts';

/** A range of memory and what may be done with it. */
export interface Range {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly write: boolean;
}

/** By the name of an export: the ranges of a call. */
export type Calls = ReadonlyMap<string, (...given: number[]) => readonly Range[]>;

const reads = (name: string, start: number, bytes: number): Range => ({ name, start, end: start + bytes, write: false }); // prettier-ignore
const writes = (name: string, start: number, bytes: number): Range => ({ name, start, end: start + bytes, write: true }); // prettier-ignore
const up = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Of an instance, which remembers where its vocabulary lies. */
export function calls_of(exports: Exports): Calls {
  return new Map([
    ...tokenizer_calls(exports),
    ...Object.entries(RESIZE(exports)),
    ...Object.entries(SEARCH),
  ]);
}

/** Bytes of a record of an added token: text, bytes, id, flags. */
const RECORD_BYTES = 16;

/** Bytes of a node of their tree: byte, token, child, sibling. */
const NODE_BYTES = 16;

function tokenizer_calls(exports: Exports): Calls {
  const u32 = (start: number, count: number): Uint32Array =>
    new Uint32Array(exports.memory.buffer, start, count);
  let unicode: readonly Range[] = [];
  let vocabulary: readonly Range[] = [];
  let added: readonly Range[] = [];
  const records = (at: number, count: number): readonly Range[] => [
    reads('added tokens', at, count * RECORD_BYTES),
    ...Array.from({ length: count }, (_, i) => {
      const [start, bytes] = u32(at + i * RECORD_BYTES, 2);
      return reads('an added token', start!, bytes!);
    }),
  ];
  return new Map(
    Object.entries({
      unicode_init(at: number) {
        const bytes = exports.unicode_bytes();
        unicode = [reads('Unicode', at, bytes)];
        return [writes('Unicode', at, bytes)];
      },
      normalize: (text: number, length: number, out: number, work: number) => [
        ...unicode,
        reads('text', text, length),
        writes('out', out, 3 * length),
        writes('work', work, 3 * length),
      ],
      wordpiece_init(tokens: number, offsets: number, ids: number, count: number, table: number, slots: number, prefix: number, prefix_length: number) {
        vocabulary = [
          reads('tokens', tokens, u32(offsets, count + 1)[count]!),
          reads('offsets', offsets, 4 * (count + 1)),
          reads('ids of tokens', ids, 4 * count),
          reads('prefix', prefix, prefix_length),
          reads('table', table, 8 * slots),
        ];
        return [...vocabulary, writes('table', table, 8 * slots)];
      },
      added_tokens_init(raw: number, raw_count: number, normalized: number, normalized_count: number, nodes: number) {
        const listed = [...records(raw, raw_count), ...records(normalized, normalized_count)];
        const texts = listed.filter(({ name }) => name === 'an added token');
        const bytes = NODE_BYTES * (texts.reduce((sum, { start, end }) => sum + end - start, 0) + 2);
        added = [...listed, reads('nodes', nodes, bytes)];
        return [...listed, writes('nodes', nodes, bytes)];
      },
      encode: (text: number, length: number, work: number, ids: number) => [
        ...[...unicode, ...vocabulary, ...added],
        reads('text', text, length),
        writes('work', work, 6 * length),
        writes('ids', ids, 4 * length),
      ],
    }),
  ); // prettier-ignore
}

const NEAREST = 0;

/** Bytes that vectors write behind the last sample: of rows sixteen at a time, of pixels four bytes. */
function overhang(
  ...[width, height, channels, to_width, to_height, filter]: readonly [number, number, number, number, number, number]
): number {
  if (filter === NEAREST || (width === to_width && height === to_height)) return 0;
  const vertical_first = height > to_height && height - to_height > 2 * (width - to_width);
  const vertical_last = height !== to_height && (width === to_width || !vertical_first);
  if (vertical_last) return up(to_width * channels, 16) - to_width * channels;
  return channels === 1 ? 0 : 4 - channels;
} // prettier-ignore

const RESIZE = (exports: Exports) =>
  ({
    resize(src, width, height, channels, dst, to_width, to_height, filter, work) {
      const bytes = exports.resize_bytes(width, height, channels, to_width, to_height, filter) >>> 0;
      const end = work + bytes;
      // Taps of 0 read up to three rows further, and vectors to their end: that is dst or work.
      const row = width * channels;
      const past = filter === NEAREST ? 0 : 3 * row + 16;
      return [
        reads('src', src, Math.min(end - src, height * row + past)),
        writes('dst', dst, to_width * to_height * channels + overhang(width, height, channels, to_width, to_height, filter)),
        writes('work', work, bytes),
      ];
    },
  }) satisfies Ranges<'resize'>; // prettier-ignore

type Ranges<Names extends keyof Exports> = {
  readonly [Name in Names]: (
    ...given: Exports[Name] extends (...given: infer Given) => unknown ? Given : never
  ) => readonly Range[];
};

const TABLES_BYTES = 8192;
const QUERIES = 16;
/** Rows that the panel for int8 widens at a time. */
const WIDE_ROWS = 64;

const SEARCH = {
  crc32_init: (tables) => [writes('tables', tables, TABLES_BYTES)],
  crc32: (tables, _, bytes, length) => [reads('tables', tables, TABLES_BYTES), reads('bytes', bytes, length)],
  index_quantize: (x, stride, q, residuals) => [
    reads('x', x, 4 * stride),
    writes('q', q, stride),
    writes('residuals', residuals, stride / 8),
  ],
  index_scale: (q, residuals, stride) => [reads('q', q, stride), reads('residuals', residuals, stride / 8)],
  index_bits: (q, stride, out) => [reads('q', q, stride), writes('out', out, stride / 8)],
  index_row: (q, residuals, stride, _, out) => [
    reads('q', q, stride),
    reads('residuals', residuals, stride / 8),
    writes('out', out, 4 * stride),
  ],
  index_dot: (a, b, width) => [reads('a', a, 4 * width), reads('b', b, 4 * width)],
  // Four rows at a time.
  index_scan_f32: (query, rows, stride, count, out) => [
    reads('query', query, stride),
    reads('rows', rows, stride * up(count, 4)),
    writes('out', out, 4 * up(count, 4)),
  ],
  index_scan_i8: (query, rows, stride, count, scales, _step, _more, out) => [
    reads('query', query, 2 * stride),
    reads('rows', rows, stride * up(count, 4)),
    reads('scales', scales, 4 * up(count, 4)),
    writes('out', out, 4 * up(count, 4)),
  ],
  index_scan_bits: (query, rows, stride, count, distances, how_many) => [
    reads('query', query, stride),
    reads('rows', rows, stride * up(count, 4)),
    writes('distances', distances, 2 * up(count, 4)),
    writes('how_many', how_many, 4 * (8 * stride + 1)),
  ],
  index_score_near: (query, rows, stride, count, distances, _most, scales, _step, _more, hits) => [
    reads('query', query, 2 * stride),
    reads('rows', rows, stride * count),
    reads('distances', distances, 2 * up(count, 8)),
    reads('scales', scales, 4 * count),
    writes('hits', hits, 8 * count),
  ],
  index_scan_panel_f32: (panel, rows, stride, width, count, out) => [
    reads('panel', panel, 4 * QUERIES * (width + 1)),
    reads('rows', rows, stride * count),
    writes('out', out, 4 * QUERIES * count),
  ],
  index_scan_panel_i8: (head, panel, rows, stride, count, scales, wide, out) => [
    reads('head', head, 2 * 4 * QUERIES),
    reads('panel', panel, 2 * QUERIES * stride),
    reads('rows', rows, stride * count),
    reads('scales', scales, 4 * count),
    writes('wide', wide, Math.min(WIDE_ROWS, count) * (16 + 2 * stride)),
    writes('out', out, 4 * QUERIES * count),
  ],
  index_select: (scores, count, least, hits) => [
    reads('scores', scores, 4 * up(count, 16)),
    reads('least', least, 4 * QUERIES),
    writes('hits', hits, 8 * up(count, 16)),
  ],
} satisfies Ranges<Extract<keyof Exports, `index_${string}` | `crc32${string}`>>;
