// The coefficients of a JPEG, baseline and progressive: what its scans say, as blocks of 64 numbers for each component.

import type { Pause } from '../pause.ts';
import { Bits, make_codes, type Codes } from './jpeg_huffman.ts';
import { corrupt } from './jpeg_errors.ts';
import type { JpegHeader } from './jpeg_markers.ts';
import { DHT, DQT } from './jpeg_segments.ts';

/** A component's blocks. The grid is filled up to whole MCUs. */
export interface Blocks {
  /** Blocks across and down that the picture needs; a scan of this component alone has these. */
  readonly across: number;
  readonly down: number;
  /** Blocks from one row to the next. */
  readonly stride: number;
  /** [rows, stride, 64], in natural order. */
  readonly coefficients: Int16Array;
  /** [rows, stride]: by block, the last coefficient that is not zero, in the order of frequencies. */
  readonly ends: Uint8Array;
  /** [64] in natural order: as they were when the component's first scan began; null where it has no scan. */
  quantisation: Uint16Array | null;
}

/** From the order of frequencies to the natural one. */
const NATURAL = Uint8Array.from(
  Array.from({ length: 64 }, (_, i) => i).sort((a, b) => {
    const [da, db] = [(a >> 3) + (a & 7), (b >> 3) + (b & 7)];
    return da !== db ? da - db : da & 1 ? a - b : b - a;
  }),
);

/** The state of a scan that its blocks share. */
interface Scan {
  readonly bits: Bits;
  readonly progressive: boolean;
  readonly first: number;
  readonly last: number;
  /** Position of the bit that this scan refines, or 0 where it is the first of its coefficients. */
  readonly high: number;
  readonly low: number;
  /** Blocks without further coefficients that are still to come. */
  run: number;
}

interface ScanComponent {
  readonly blocks: Blocks;
  readonly h: number;
  readonly v: number;
  readonly dc: Codes | undefined;
  readonly ac: Codes | undefined;
  /** DC of the block before. */
  previous: number;
}

/** Decodes all scans. @throws AlignError `corrupt_image`, `aborted` */
export async function read_coefficients(header: JpegHeader, pause: Pause): Promise<Blocks[]> {
  const { width, height, components, progressive } = header;
  const h_max = Math.max(...components.map(({ h }) => h));
  const v_max = Math.max(...components.map(({ v }) => v));
  const [mcus_x, mcus_y] = [Math.ceil(width / (8 * h_max)), Math.ceil(height / (8 * v_max))];
  const blocks: Blocks[] = components.map(({ h, v }) => ({
    across: Math.ceil(Math.ceil((width * h) / h_max) / 8),
    down: Math.ceil(Math.ceil((height * v) / v_max) / 8),
    stride: mcus_x * h,
    coefficients: new Int16Array(mcus_x * h * mcus_y * v * 64),
    ends: new Uint8Array(mcus_x * h * mcus_y * v),
    quantisation: null,
  }));
  const codes: (Codes | undefined)[] = [];
  const quantisation: (Uint16Array | undefined)[] = [];
  let interval = 0;
  for (const { tables, components: named, first, last, high, low, data } of header.scans) {
    for (const { marker, data: table } of tables) {
      if (marker === DHT) codes[table[0]!] = make_codes(table);
      else if (marker === DQT) quantisation[table[0]! & 15] = read_quantisation(table);
      else interval = (table[0]! << 8) | table[1]!;
    }
    const chosen = named.map(({ index, dc, ac }): ScanComponent => {
      const { h, v, table } = components[index]!;
      const own = blocks[index]!;
      own.quantisation ??= quantisation[table] ?? null;
      if (own.quantisation === null) throw corrupt('a component has no quantisation table');
      return { blocks: own, h, v, dc: codes[dc], ac: codes[16 | ac], previous: 0 };
    });
    const scan: Scan = { bits: new Bits(data), progressive, first, last, high, low, run: 0 };
    await read_scan(scan, chosen, [mcus_x, mcus_y], interval, block_reader(scan), pause);
  }
  return blocks;
}

function read_quantisation(data: Uint8Array): Uint16Array {
  const wide = data.length > 65;
  const table = new Uint16Array(64);
  for (let i = 0; i < 64; i++)
    table[NATURAL[i]!] = wide ? (data[1 + 2 * i]! << 8) | data[2 + 2 * i]! : data[1 + i]!;
  return table;
}

type BlockReader = (component: ScanComponent, at: number) => void;

async function read_scan(
  scan: Scan,
  chosen: readonly ScanComponent[],
  [mcus_x, mcus_y]: readonly [number, number],
  interval: number,
  read_block: BlockReader,
  pause: Pause,
): Promise<void> {
  const [only] = chosen.length === 1 ? chosen : [];
  const across = only?.blocks.across ?? mcus_x;
  const down = only?.blocks.down ?? mcus_y;
  for (let y = 0, mcu = 0; y < down; y++) {
    await pause();
    for (let x = 0; x < across; x++, mcu++) {
      if (interval > 0 && mcu > 0 && mcu % interval === 0) {
        scan.bits.restart((mcu / interval - 1) & 7);
        scan.run = 0;
        for (const component of chosen) component.previous = 0;
      }
      if (only !== undefined) {
        read_block(only, (y * only.blocks.stride + x) * 64);
        continue;
      }
      for (const component of chosen) {
        const { h, v, blocks } = component;
        for (let row = y * v; row < y * v + v; row++)
          for (let column = x * h; column < x * h + h; column++)
            read_block(component, (row * blocks.stride + column) * 64);
      }
    }
  }
  scan.bits.check();
}

function block_reader(scan: Scan): BlockReader {
  if (!scan.progressive)
    return (component, at) => {
      read_dc(scan, component, at);
      read_ac(scan, component, at, 1);
    };
  if (scan.first === 0)
    return (component, at) => (scan.high === 0 ? read_dc : refine_dc)(scan, component, at);
  return (component, at) =>
    scan.high === 0 ? read_ac(scan, component, at, scan.first) : refine_ac(scan, component, at);
}

function table(codes: Codes | undefined): Codes {
  if (codes === undefined) throw corrupt('a Huffman table is missing');
  return codes;
}

function read_dc(scan: Scan, component: ScanComponent, at: number): void {
  const length = scan.bits.symbol(table(component.dc));
  if (length > 15) throw corrupt('a DC coefficient is out of range');
  component.previous += scan.bits.number(length);
  component.blocks.coefficients[at] = component.previous << scan.low;
}

function refine_dc({ bits, low }: Scan, { blocks }: ScanComponent, at: number): void {
  if (bits.take(1) === 1) blocks.coefficients[at]! |= 1 << low;
}

function read_ac(scan: Scan, component: ScanComponent, at: number, first: number): void {
  if (scan.run > 0) {
    scan.run -= 1;
    return;
  }
  const { bits, last, low } = scan;
  const { coefficients, ends } = component.blocks;
  const codes = table(component.ac);
  for (let k = first; k <= last; k++) {
    const symbol = bits.symbol(codes);
    const [zeros, length] = [symbol >> 4, symbol & 15];
    if (length === 0) {
      if (zeros < 15) {
        if (scan.progressive) scan.run = (1 << zeros) - 1 + bits.take(zeros);
        return;
      }
      k += 15;
      continue;
    }
    k += zeros;
    if (k > last) throw corrupt('a block has too many coefficients');
    coefficients[at + NATURAL[k]!] = bits.number(length) << low;
    if (ends[at >> 6]! < k) ends[at >> 6] = k;
  }
}

/** Coefficients that are not zero get one more bit each; new ones of size 1 come between them. */
function refine_ac(scan: Scan, component: ScanComponent, at: number): void {
  const { bits, last, low } = scan;
  const { coefficients, ends } = component.blocks;
  let k = scan.first;
  if (scan.run === 0) {
    const codes = table(component.ac);
    for (; k <= last; k++) {
      const symbol = bits.symbol(codes);
      let zeros = symbol >> 4;
      let value = 0;
      if ((symbol & 15) !== 0) {
        if ((symbol & 15) !== 1) throw corrupt('a refined coefficient is out of range');
        value = bits.take(1) === 1 ? 1 << low : -1 << low;
      } else if (zeros < 15) {
        scan.run = (1 << zeros) + bits.take(zeros);
        break;
      }
      for (; k <= last; k++) {
        const place = at + NATURAL[k]!;
        if (coefficients[place] !== 0) refine(bits, coefficients, place, low);
        else if (zeros === 0) break;
        else zeros -= 1;
      }
      if (value === 0) continue;
      if (k > last) throw corrupt('a block has too many coefficients');
      coefficients[at + NATURAL[k]!] = value;
      if (ends[at >> 6]! < k) ends[at >> 6] = k;
    }
  }
  if (scan.run === 0) return;
  const end = Math.min(last, ends[at >> 6]!);
  for (; k <= end; k++) {
    const place = at + NATURAL[k]!;
    if (coefficients[place] !== 0) refine(bits, coefficients, place, low);
  }
  scan.run -= 1;
}

function refine(bits: Bits, coefficients: Int16Array, place: number, low: number): void {
  const value = coefficients[place]!;
  if (bits.take(1) === 1 && (Math.abs(value) & (1 << low)) === 0)
    coefficients[place] = value + (value < 0 ? -1 << low : 1 << low);
}
