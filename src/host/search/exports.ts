// What align.wasm exports for AlignIndex (assembly/search), as the host calls it. Addresses and strides are bytes.

export interface SearchExports {
  /** Writes the tables, 8192 bytes. */
  crc32_init(tables: number): void;
  /** Goes on from `crc`, 0 at the start; a signed integer. */
  crc32(tables: number, crc: number, bytes: number, length: number): number;

  /** i8[stride] and residuals, stride / 8 bytes, of a vector of f32[stride]. */
  index_quantize(x: number, stride: number, q: number, residuals: number): void;
  /** Infinity for what `index_quantize` gives of no vector. */
  index_scale(q: number, residuals: number, stride: number): number;
  /** Sign bits, stride / 8 bytes. */
  index_bits(q: number, stride: number, out: number): void;
  /** f32[stride] of what `index_quantize` gave and its scale. */
  index_row(q: number, residuals: number, stride: number, scale: number, out: number): void;
  /** Dot product of vectors of f32, in f64. */
  index_dot(a: number, b: number, width: number): number;

  /** Rough scores f32[count] of rows. */
  index_scan_f32(query: number, rows: number, stride: number, count: number, out: number): void;
  index_scan_i8(
    query: number,
    rows: number,
    stride: number,
    count: number,
    scales: number,
    step: number,
    more: number,
    out: number,
  ): void;
  /** In how many bits rows differ from the query, u16[count]; counts them, u32[]. */
  index_scan_bits(
    query: number,
    rows: number,
    stride: number,
    count: number,
    distances: number,
    how_many: number,
  ): void;
  /** Rough scores of the rows that differ in at most `most` bits: { index u32, score f32 } each; their number. */
  index_score_near(
    query: number,
    rows: number,
    stride: number,
    count: number,
    distances: number,
    most: number,
    scales: number,
    step: number,
    more: number,
    hits: number,
  ): number;
  /** Rough scores f32[count][16] of rows and 16 queries. */
  index_scan_panel_f32(
    panel: number,
    rows: number,
    stride: number,
    width: number,
    count: number,
    out: number,
  ): void;
  index_scan_panel_i8(
    head: number,
    panel: number,
    rows: number,
    stride: number,
    count: number,
    scales: number,
    wide: number,
    out: number,
  ): void;
  /** Which scores reach least[index mod 16]: { index u32, score f32 } each; their number. */
  index_select(scores: number, count: number, least: number, hits: number): number;
}
