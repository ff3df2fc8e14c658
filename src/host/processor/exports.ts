// What align.wasm exports for the processor (assembly/processor/index.ts). Pointers and sizes are bytes.

export interface ProcessorExports {
  /** Bytes of the expanded Unicode tables. */
  unicode_bytes(): number;
  /** Expands the tables at `at` (4-byte aligned); once an instance, before the calls below. */
  unicode_init(at: number): void;
  /** BertNormalizer: `length` bytes of UTF-8 to at most 3 * length at `out`; returns their count. */
  normalize(text: number, length: number, out: number, work: number, options: number): number;
  /** Takes the vocabulary and builds its hash table of `slots` in zeroed memory at `table`; 0 where too many tokens collide. */
  wordpiece_init(
    tokens: number,
    offsets: number,
    ids: number,
    count: number,
    table: number,
    slots: number,
    prefix: number,
    prefix_length: number,
    unk: number,
    max_chars: number,
    normalizer: number,
  ): number;
  /**
   * Added tokens as records (text, bytes, id, flags: 1 single_word, 2 lstrip, 4 rstrip), none of them empty. `nodes` is
   * zeroed memory of 16 bytes for each of their bytes and 32 more.
   */
  added_tokens_init(
    raw: number,
    raw_count: number,
    normalized: number,
    normalized_count: number,
    nodes: number,
  ): void;
  /** Ids of a UTF-8 text, 4 * length bytes at `ids`; `work` has 6 * length. Returns their count. */
  encode(text: number, length: number, work: number, ids: number): number;
  /** Bytes that `resize` needs at `work`. */
  resize_bytes(
    width: number,
    height: number,
    channels: number,
    out_width: number,
    out_height: number,
    filter: number,
  ): number;
  /** Pillow's Image.resize; in memory lie src, dst, 32 free bytes and work, in this order. */
  resize(
    src: number,
    width: number,
    height: number,
    channels: number,
    dst: number,
    out_width: number,
    out_height: number,
    filter: number,
    work: number,
  ): void;
}
