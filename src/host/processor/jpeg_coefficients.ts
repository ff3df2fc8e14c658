// The coefficients of a JPEG, baseline and progressive: what its scans say, as blocks of 64 numbers for each component.

import { Bits, make_codes, type Codes } from './jpeg_huffman.ts';
import { corrupt } from './jpeg_errors.ts';
import { DHT, DQT, DRI, SOS, type JpegHeader } from './jpeg_markers.ts';

/** A component's blocks. The grid is filled up to whole MCUs. */
export interface Blocks {
  /** Blocks across and down that the picture needs; a scan of this component alone has these. */
  readonly across: number;
  readonly down: number;
  /** Blocks from one row to the next. */
  readonly stride: number;
  /** [rows, stride, 64], in natural order. */
  readonly coefficients: Int16Array;
  /** [64] in natural order: as they were when the component's first scan began. */
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

/** Decodes all scans. @throws AlignError `corrupt_image` */
export function read_coefficients(header: JpegHeader): Blocks[] {
  const { width, height, components, progressive } = header;
  const h_max = Math.max(...components.map(({ h }) => h));
  const v_max = Math.max(...components.map(({ v }) => v));
  const [mcus_x, mcus_y] = [Math.ceil(width / (8 * h_max)), Math.ceil(height / (8 * v_max))];
  const blocks: Blocks[] = components.map(({ h, v }) => ({
    across: Math.ceil(Math.ceil((width * h) / h_max) / 8),
    down: Math.ceil(Math.ceil((height * v) / v_max) / 8),
    stride: mcus_x * h,
    coefficients: new Int16Array(mcus_x * h * mcus_y * v * 64),
    quantisation: null,
  }));
  const codes: (Codes | undefined)[] = [];
  const quantisation: (Uint16Array | undefined)[] = [];
  let interval = 0;
  for (const { marker, data, scan } of header.segments) {
    if (marker === DHT) read_codes(data, codes);
    else if (marker === DQT) read_quantisation(data, quantisation);
    else if (marker === DRI) interval = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
    else if (marker === SOS) {
      const chosen = read_scan_components(data, header, blocks, codes);
      for (const { blocks: own, index } of chosen) {
        own.quantisation ??= quantisation[components[index]!.table] ?? null;
        if (own.quantisation === null) throw corrupt('a component has no quantisation table');
      }
      const [first, last, approximation] = data.subarray(1 + 2 * chosen.length);
      const state: Scan = {
        bits: new Bits(scan!),
        first: progressive ? first! : 0,
        last: progressive ? last! : 63,
        high: progressive ? approximation! >> 4 : 0,
        low: progressive ? approximation! & 15 : 0,
        run: 0,
      };
      if (state.last > 63 || state.first > state.last || (state.first > 0 && chosen.length > 1))
        throw corrupt('a scan has coefficients that do not exist');
      read_scan(state, chosen, [mcus_x, mcus_y], interval, block_reader(state, progressive));
    }
  }
  if (blocks.some((own) => own.quantisation === null)) throw corrupt('a component has no scan');
  return blocks;
}

function read_codes(data: Uint8Array, codes: (Codes | undefined)[]): void {
  for (let at = 0; at < data.length;) {
    const counts = data.subarray(at + 1, at + 17);
    const end = at + 17 + counts.reduce((sum, count) => sum + count, 0);
    if (counts.length < 16 || end > data.length) throw corrupt('a Huffman table is too short');
    codes[data[at]! & 31] = make_codes(counts, data.subarray(at + 17, end));
    at = end;
  }
}

function read_quantisation(data: Uint8Array, tables: (Uint16Array | undefined)[]): void {
  for (let at = 0; at < data.length;) {
    const wide = data[at]! >> 4 !== 0;
    const values = data.subarray(at + 1, at + 1 + (wide ? 128 : 64));
    if (values.length < (wide ? 128 : 64)) throw corrupt('a quantisation table is too short');
    const table = new Uint16Array(64);
    for (let i = 0; i < 64; i++)
      table[NATURAL[i]!] = wide ? (values[2 * i]! << 8) | values[2 * i + 1]! : values[i]!;
    tables[data[at]! & 15] = table;
    at += 1 + values.length;
  }
}

function read_scan_components(
  data: Uint8Array,
  { components }: JpegHeader,
  blocks: readonly Blocks[],
  codes: readonly (Codes | undefined)[],
): (ScanComponent & { readonly index: number })[] {
  return Array.from({ length: data[0]! }, (_, i) => {
    const [id, tables] = data.subarray(1 + 2 * i);
    const index = components.findIndex((component) => component.id === id);
    if (index < 0) throw corrupt(`a scan names component ${id!}, which does not exist`);
    const { h, v } = components[index]!;
    const [dc, ac] = [codes[tables! >> 4], codes[16 | (tables! & 15)]];
    return { index, blocks: blocks[index]!, h, v, dc, ac, previous: 0 };
  });
}

type BlockReader = (component: ScanComponent, at: number) => void;

function read_scan(
  scan: Scan,
  chosen: readonly ScanComponent[],
  [mcus_x, mcus_y]: readonly [number, number],
  interval: number,
  read_block: BlockReader,
): void {
  const [only] = chosen.length === 1 ? chosen : [];
  const across = only?.blocks.across ?? mcus_x;
  const down = only?.blocks.down ?? mcus_y;
  for (let mcu = 0; mcu < across * down; mcu++) {
    if (interval > 0 && mcu > 0 && mcu % interval === 0) {
      scan.bits.restart((mcu / interval - 1) & 7);
      scan.run = 0;
      for (const component of chosen) component.previous = 0;
    }
    const [x, y] = [mcu % across, Math.floor(mcu / across)];
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
  scan.bits.check();
}

function block_reader(scan: Scan, progressive: boolean): BlockReader {
  if (!progressive)
    return (component, at) => {
      read_dc(scan, component, at);
      read_ac(scan, component, at, 1);
    };
  if (scan.first === 0) {
    if (scan.last > 0) throw corrupt('a progressive scan mixes DC and AC coefficients');
    return (component, at) => (scan.high === 0 ? read_dc : refine_dc)(scan, component, at);
  }
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
  const { coefficients } = component.blocks;
  const codes = table(component.ac);
  for (let k = first; k <= last; k++) {
    const symbol = bits.symbol(codes);
    const [zeros, length] = [symbol >> 4, symbol & 15];
    if (length === 0) {
      if (zeros < 15) {
        scan.run = (1 << zeros) - 1 + bits.take(zeros);
        return;
      }
      k += 15;
      continue;
    }
    k += zeros;
    if (k > last) throw corrupt('a block has too many coefficients');
    coefficients[at + NATURAL[k]!] = bits.number(length) << low;
  }
}

/** Coefficients that are not zero get one more bit each; new ones of size 1 come between them. */
function refine_ac(scan: Scan, component: ScanComponent, at: number): void {
  const { bits, last, low } = scan;
  const { coefficients } = component.blocks;
  let k = scan.first;
  const refine = (place: number): void => {
    const value = coefficients[place]!;
    if (bits.take(1) === 1 && ((value < 0 ? -value : value) & (1 << low)) === 0)
      coefficients[place] = value + (value < 0 ? -1 << low : 1 << low);
  };
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
        if (coefficients[place] !== 0) refine(place);
        else if (zeros === 0) break;
        else zeros -= 1;
      }
      if (value === 0) continue;
      if (k > last) throw corrupt('a block has too many coefficients');
      coefficients[at + NATURAL[k]!] = value;
    }
  }
  if (scan.run === 0) return;
  for (; k <= last; k++) {
    const place = at + NATURAL[k]!;
    if (coefficients[place] !== 0) refine(place);
  }
  scan.run -= 1;
}
