// Reads a packed file by weights/FORMAT.md alone: nothing of the package is used here, so that page and package cannot
// agree by accident.

/** A block as the page describes it. */
export interface PackedBlock {
  readonly name: string;
  readonly format: string;
  readonly bytes: DataView;
}

export interface PackedFileContent {
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data begins. */
  readonly data_start: number;
  readonly blocks: ReadonlyMap<string, PackedBlock>;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function read_packed_file(file: Uint8Array): PackedFileContent {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const data_start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, data_start))) as Record<
    string,
    unknown
  >;
  const { __metadata__, ...entries } = header;
  const metadata = __metadata__ as Record<string, string>;
  if (metadata.format !== 'align-wasm' || metadata.version !== '1') throw new Error('not a packed file');
  const formats = JSON.parse(metadata.formats!) as Record<string, string>;
  const blocks = new Map<string, PackedBlock>();
  const files = new Map<string, Uint8Array>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries as Record<string, Entry>)) {
    const [begin, end] = data_offsets;
    if (dtype !== 'U8' || shape.length !== 1 || shape[0] !== end - begin)
      throw new Error(`${name} is not bytes`);
    const at = file.byteOffset + data_start + begin;
    if (name.startsWith('files/')) files.set(name.slice(6), new Uint8Array(file.buffer, at, end - begin));
    else
      blocks.set(name, { name, format: formats[name]!, bytes: new DataView(file.buffer, at, end - begin) });
  }
  return { metadata, data_start, blocks, files };
}

/** A matrix [rows][columns] with a bias for each row. */
export interface Matrix {
  readonly weight: number[][];
  readonly bias: number[];
}

/** A panel block [n, k]. */
export function read_panels({ format, bytes }: PackedBlock, n: number, k: number): Matrix {
  const panel_bytes = {
    f32: 64 * (k + 1),
    f16: 64 + 32 * k,
    bf16: 64 + 32 * k,
    q8: 128 + 32 * Math.ceil(k / 2),
    q8d: 128 + 32 * Math.ceil(k / 2),
    q4: 64 + 288 * Math.ceil(k / 32),
  }[format]!;
  if (bytes.byteLength !== Math.ceil(n / 16) * panel_bytes) throw new Error('the block has another size');
  const weight: number[][] = [];
  const bias: number[] = [];
  for (let row = 0; row < n; row++) {
    const panel = Math.floor(row / 16) * panel_bytes;
    const r = row % 16;
    bias.push(bytes.getFloat32(panel + 4 * r, true));
    weight.push(Array.from({ length: k }, (_, c) => panel_weight(format, bytes, panel, r, c)));
  }
  return { weight, bias };
}

function panel_weight(format: string, bytes: DataView, panel: number, r: number, c: number): number {
  switch (format) {
    case 'f32':
      return bytes.getFloat32(panel + 64 * (1 + c) + 4 * r, true);
    case 'f16':
      return half(bytes.getUint16(panel + 64 + 32 * c + 2 * r, true));
    case 'bf16':
      return brain(bytes.getUint16(panel + 64 + 32 * c + 2 * r, true));
    case 'q4': {
      const group = panel + 64 + 288 * Math.floor(c / 32);
      const byte = bytes.getUint8(group + 32 + 8 * (c % 32) + (r % 8));
      return nibble(byte, r >= 8) * half(bytes.getUint16(group + 2 * r, true));
    }
    default: {
      const q = bytes.getInt8(panel + 128 + 32 * Math.floor(c / 2) + 2 * r + (c % 2));
      return q * bytes.getFloat32(panel + 64 + 4 * r, true);
    }
  }
}

/** A block of rows: a table, a layer norm, the temperature. */
export function read_rows({ format, bytes }: PackedBlock, rows: number, width: number): number[][] {
  const groups = Math.ceil(width / 32);
  const scales = 16 * Math.ceil(groups / 8);
  const row_bytes = {
    f32: 16 * Math.ceil(width / 4),
    f16: 16 * Math.ceil(width / 8),
    bf16: 16 * Math.ceil(width / 8),
    q8: 16 + 16 * Math.ceil(width / 16),
    q4: scales + 16 * groups,
  }[format]!;
  if (bytes.byteLength !== rows * row_bytes) throw new Error('the block has another size');
  const value = (at: number, i: number): number => {
    if (format === 'f32') return bytes.getFloat32(at + 4 * i, true);
    if (format === 'f16') return half(bytes.getUint16(at + 2 * i, true));
    if (format === 'bf16') return brain(bytes.getUint16(at + 2 * i, true));
    if (format === 'q8') return bytes.getInt8(at + 16 + i) * bytes.getFloat32(at, true);
    const group = Math.floor(i / 32);
    const byte = bytes.getUint8(at + scales + 16 * group + (i % 16));
    return nibble(byte, i % 32 >= 16) * half(bytes.getUint16(at + 2 * group, true));
  };
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_, i) => value(row * row_bytes, i)),
  );
}

/** A block of taps: the filters [channels][taps] of a depthwise convolution, and their bias. */
export function read_taps({ bytes }: PackedBlock, channels: number, taps: number): Matrix {
  if (bytes.byteLength !== 16 * Math.ceil(channels / 4) * (taps + 1))
    throw new Error('the block has another size');
  const at = (channel: number, row: number): number =>
    bytes.getFloat32(16 * (Math.floor(channel / 4) * (taps + 1) + row) + 4 * (channel % 4), true);
  return {
    bias: Array.from({ length: channels }, (_, channel) => at(channel, 0)),
    weight: Array.from({ length: channels }, (_, channel) =>
      Array.from({ length: taps }, (_, tap) => at(channel, 1 + tap)),
    ),
  };
}

function nibble(byte: number, high: boolean): number {
  const four = high ? byte >> 4 : byte & 15;
  return four < 8 ? four : four - 16;
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function brain(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
}
