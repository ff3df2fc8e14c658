// What an op may touch, by its record alone: for every operand where it begins and how many bytes it has. Written from the
// formulas of assembly/plan/op.ts, not from the kernels.

import * as layout from '../../src/host/plan/layout.ts';
import { read_struct, type Struct } from '../../src/host/plan/struct.ts';
import { panel_bytes, row_bytes, widened_bytes, type FormatName } from '../kernels/support/formats.ts';

export interface Extent {
  readonly name: string;
  readonly of: 'arena' | 'weights';
  /** In bytes, from the base of the arena or of the weights. */
  readonly start: number;
  readonly bytes: number;
  readonly write: boolean;
  /** Where the tensor begins that it is a slot or a row of. */
  readonly tensor: number;
}

type Fields = Readonly<Record<string, number>>;

const FORMATS = Object.keys(layout.Format) as FormatName[];
const KINDS = Object.keys(layout.Kind) as (keyof typeof layout.Kind)[];
/** Rows that a Gemm multiplies by a gate at a time (kernels/gemm.ts). */
const GATED_ROWS = 128;

export const kind_of = (kind: number): keyof typeof layout.Kind | undefined =>
  KINDS.find((name) => layout.Kind[name] === kind);

/** Collects the extents of one op for share `part`. */
class Extents {
  readonly list: Extent[] = [];
  readonly f: Fields;
  readonly part: number;

  constructor(fields: Fields, part: number) {
    this.f = fields;
    this.part = part;
  }

  read(name: string, floats: number): this {
    return this.#add(name, this.f[name]!, floats * 4, false);
  }

  write(name: string, floats: number): this {
    return this.#add(name, this.f[name]!, floats * 4, true);
  }

  /** A part's own slot of `bytes`. */
  slot(name: string, bytes: number): this {
    const place = this.f[name]!;
    return place === layout.NONE ? this : this.#add(name, place + this.part * bytes, bytes, true, place);
  }

  /** Single rows of a tensor. */
  rows(name: string, rows: readonly number[], floats: number): this {
    const place = this.f[name]!;
    for (const row of rows) this.#add(name, place + row * floats * 4, floats * 4, false, place);
    return this;
  }

  weights(bytes: number): this {
    const start = this.f['weights']!;
    this.list.push({ name: 'weights', of: 'weights', start, bytes, write: false, tensor: start });
    return this;
  }

  #add(name: string, start: number, bytes: number, write: boolean, tensor = start): this {
    if (start !== layout.NONE) this.list.push({ name, of: 'arena', start, bytes, write, tensor });
    return this;
  }
}

function product(e: Extents): Extents {
  const { m, n, k, lda, format } = e.f as Record<string, number>;
  const name = FORMATS[format!]!;
  return e
    .read('a', m! * lda!)
    .slot('scratch', widened_bytes(name, k!))
    .weights(Math.ceil(n! / layout.NR) * panel_bytes(name, k!));
}

/** Of one half of a record. `ids`: 32-bit integers at a place of the arena. */
function of_half(
  kind: keyof typeof layout.Kind,
  f: Fields,
  part: number,
  ids: (place: number, count: number) => readonly number[],
): readonly Extent[] {
  const e = new Extents(f, part);
  const of = (...names: string[]): number => names.reduce((total, name) => total * f[name]!, 1);
  switch (kind) {
    case 'Gemm':
      return product(e)
        .read('gate', Math.ceil(f['m']! / f['pixels']!) * f['lda']!)
        .read('residual', of('m', 'ldr'))
        .slot('gated', Math.min(GATED_ROWS, f['m']!) * f['lda']! * 4)
        .write('c', of('m', 'ldc')).list;
    case 'ExpandDepthwise':
      // The ring's lines are the map's: their width stands in the other half.
      return product(e).list;
    case 'Conv2d':
      return e
        .read('input', of('batch', 'in_h', 'in_w', 'lda'))
        .slot('scratch', 2 * of('kernel', 'kernel', 'lda') * 4)
        .write('out', of('batch', 'out_h', 'out_w', 'ldc'))
        .weights(Math.ceil(f['n']! / layout.NR) * panel_bytes('F32', of('kernel', 'kernel', 'lda'))).list;
    case 'Depthwise':
      return e
        .read('input', of('batch', 'in_h', 'in_w', 'ldc'))
        .write('sums', of('batch', 'out_h', 'ldc'))
        .write('out', of('batch', 'out_h', 'out_w', 'ldc'))
        .weights((of('kernel', 'kernel') + 1) * 16 * Math.ceil(f['channels']! / 4)).list;
    case 'Pool':
      return e.read('input', of('batch', 'h', 'w', 'ldc')).write('out', of('batch', 'ldc')).list;
    case 'Embedding':
      return e
        .read('ids', f['tokens']!)
        .write('out', of('tokens', 'ldc'))
        .weights(f['rows']! * row_bytes(FORMATS[f['format']!]!, f['ldc']!)).list;
    case 'LayerNorm':
      return e
        .read('x', of('rows', 'ldc'))
        .write('out', of('rows', 'ldc'))
        .weights(2 * f['ldc']! * 4).list;
    case 'Attention':
      return e
        .read('qkv', of('tokens', 'ldq'))
        .read('starts', f['sequences']! + 1)
        .read('mask', f['tokens']!)
        .write('probs', of('sequences', 'heads', 'length', 'ldp'))
        .slot('scratch', f['slot']!)
        .write('out', of('tokens', 'ldo')).list;
    case 'Gather':
      return e
        .rows('x', ids(f['rows']!, f['count']!), f['ldc']!)
        .read('rows', f['count']!)
        .write('out', of('count', 'ldc')).list;
    case 'Normalize':
      return e.read('x', of('rows', 'ldc')).write('out', of('rows', 'ldc')).list;
    case 'Similarity':
      return e.read('a', of('m', 'k')).read('b', of('n', 'k')).write('out', of('m', 'ldo')).weights(4).list;
    case 'Quantize':
      return e
        .read('x', of('rows', 'ldx'))
        .read('gate', Math.ceil(f['rows']! / f['pixels']!) * f['ldx']!)
        .write('out', of('rows', 'ldo')).list;
  }
}

/** Of the record at `at` in memory, for share `part`; the arena lies at `arena`. */
export function extents_of(
  memory: ArrayBufferLike,
  at: number,
  arena: number,
  part: number,
): { kind: string; extents: readonly Extent[] } {
  const ids = (place: number, count: number): readonly number[] =>
    Array.from(new Uint32Array(memory, arena + place, count));
  const kind = kind_of(read_struct(memory, at, layout.Op).kind);
  if (kind === undefined) throw new Error('a record of no kind');
  const first = read_struct(memory, at, layout[kind] as Struct);
  const extents = of_half(kind, first, part, ids);
  if (kind !== 'ExpandDepthwise') return { kind, extents };
  const second = read_struct(memory, at + layout.HALF, layout.Depthwise);
  const bytes = first['lines']! * second.in_w * first['ldc']! * 4;
  const ring = new Extents(first, part).slot('c', bytes).list;
  const filter = of_half('Depthwise', second, part, ids).filter(({ name }) => name !== 'input');
  return { kind, extents: [...extents, ...ring, ...filter] };
}
