// Where the memory of an index's instance has what:
//
//   the module's own | scratch | block 0 | block 1 | …
//   block:  scales f32[1024]                     int8 and binary
//           distances u16[1024]                  binary: of one search
//           sign bits [1024][bit_stride]         binary
//           residuals [1024][residual_stride]    int8 and binary
//           rows [1024][stride]
//
// Strides of rows and sign bits are multiples of 16 bytes, zeros behind a row; that of residuals is an eighth of a row's.

/** `'fp32'`; `'int8'`: 8 bits a number and a residual bit, with a scale a row; `'binary'`: int8 found by its sign bits. */
export type IndexDtype = 'fp32' | 'int8' | 'binary';

export const INDEX_DTYPES: readonly IndexDtype[] = ['fp32', 'int8', 'binary'];

/** Sums of this many products of 8 and of 15 bits are sure to fit 32 bits (narrow.ts). */
export const MAX_DIMENSIONS = 65_536;

/** Rows of a block: a multiple of 16. */
export const BLOCK_ROWS = 1024;

/** Queries that are answered together: the columns of a panel. */
export const QUERIES = 16;

/** Rows that the panel kernel for int8 widens at a time. */
const WIDE_ROWS = 64;

/** Bytes of the piece of which a checksum is computed at a time. */
export const PIECE_BYTES = 65_536;

const CRC_TABLES_BYTES = 8192;

export const up = (bytes: number, to = 16): number => Math.ceil(bytes / to) * to;

/** How a row lies in memory and in a file. */
export class RowSizes {
  readonly dtype: IndexDtype;
  readonly dimensions: number;
  /** Bytes of a row in a file. */
  readonly row_bytes: number;
  /** Bytes of a row's residuals in a file. */
  readonly residual_bytes: number;
  /** Bytes of a row's sign bits in a file. */
  readonly bit_bytes: number;
  /** Bytes from row to row. */
  readonly stride: number;
  readonly residual_stride: number;
  readonly bit_stride: number;
  readonly query_bytes: number;
  /** Bytes from the start of a block on. */
  readonly distances: number;
  readonly bits: number;
  readonly residuals: number;
  readonly rows: number;
  readonly block_bytes: number;

  constructor(dtype: IndexDtype, dimensions: number) {
    const fp32 = dtype === 'fp32';
    this.dtype = dtype;
    this.dimensions = dimensions;
    this.row_bytes = fp32 ? dimensions * 4 : dimensions;
    this.residual_bytes = fp32 ? 0 : Math.ceil(dimensions / 8);
    this.bit_bytes = dtype === 'binary' ? Math.ceil(dimensions / 8) : 0;
    this.stride = up(this.row_bytes);
    this.residual_stride = fp32 ? 0 : this.stride / 8;
    this.bit_stride = up(this.bit_bytes);
    this.query_bytes = up(dimensions) * 4;
    this.distances = fp32 ? 0 : BLOCK_ROWS * 4;
    this.bits = this.distances + (dtype === 'binary' ? BLOCK_ROWS * 2 : 0);
    this.residuals = this.bits + BLOCK_ROWS * this.bit_stride;
    this.rows = this.residuals + BLOCK_ROWS * this.residual_stride;
    this.block_bytes = this.rows + BLOCK_ROWS * this.stride;
  }
}

/** Addresses of what calls need for their time. */
export interface Scratch {
  /** f32 queries, {@link QUERIES} of them, `query_bytes` each. */
  readonly queries: number;
  /** A row of f32. */
  readonly vector: number;
  /** One query as i16. */
  readonly narrow: number;
  /** One query as a row: 8 bits, residuals, sign bits. */
  readonly row: number;
  readonly residuals: number;
  readonly bits: number;
  /** u32[dimensions + 1]: how many rows differ from the query in so many bits. */
  readonly how_many: number;
  /** Queries as a panel, with its head. */
  readonly panel: number;
  readonly wide: number;
  /** f32[BLOCK_ROWS][QUERIES] */
  readonly scores: number;
  /** f32[16]: what scores have to reach. */
  readonly least: number;
  /** { index u32, score f32 }[BLOCK_ROWS · QUERIES] */
  readonly hits: number;
  readonly piece: number;
  readonly crc_tables: number;
  readonly end: number;
}

export function place_scratch(base: number, sizes: RowSizes): Scratch {
  const { dtype, dimensions, stride, residual_stride, bit_stride, query_bytes } = sizes;
  const fp32 = dtype === 'fp32';
  let end = base;
  const take = (bytes: number): number => {
    const start = end;
    end += up(bytes, 256);
    return start;
  };
  return {
    queries: take(QUERIES * query_bytes),
    vector: take(query_bytes),
    narrow: take(fp32 ? 0 : 2 * stride),
    row: take(fp32 ? 0 : stride),
    residuals: take(residual_stride),
    bits: take(Math.max(bit_stride, residual_stride)),
    how_many: take(dtype === 'binary' ? 4 * (dimensions + 1) : 0),
    panel: take(fp32 ? 64 * (dimensions + 1) : 128 + 32 * stride),
    wide: take(fp32 ? 0 : WIDE_ROWS * (16 + 2 * stride)),
    scores: take(BLOCK_ROWS * QUERIES * 4),
    least: take(64),
    hits: take(BLOCK_ROWS * QUERIES * 8),
    piece: take(PIECE_BYTES),
    crc_tables: take(CRC_TABLES_BYTES),
    end,
  };
}
