// What AlignIndex is asked for and what it gives.

import { one_of, type Rules } from '../options.ts';
import type { WasmInput } from '../wasm/module.ts';
import type { IndexId, JsonValue } from './entries.ts';
import { is_dimensions } from './index_file.ts';
import { INDEX_DTYPES, MAX_DIMENSIONS, type IndexDtype } from './places.ts';

/** Options of {@link AlignIndex.create}. */
export interface IndexOptions {
  /** Numbers of an embedding: the model's `projection_dim`. */
  dimensions: number;
  /**
   * Default `'fp32'`. `'int8'` takes 28 % of the memory; `'binary'` 31 %, and answers a single query among hundreds of
   * thousands in about half the time, but may miss a few of the best.
   */
  dtype?: IndexDtype | undefined;
  /** align.wasm, as in {@link LoadOptions}. */
  wasm?: WasmInput | undefined;
  /** Which model makes the embeddings: kept in the file. */
  model?: string | undefined;
}

/** One of the things that a search finds. */
export interface Match {
  id: IndexId;
  /**
   * Cosine of the query and the embedding, as {@link AlignIndex.get} gives it. Both have length 1 as far as f32 can say so:
   * an embedding that is its own query may score 1.0000001.
   */
  score: number;
  meta: JsonValue | null;
}

export interface SearchOptions {
  /** Asked about candidates, the best first, each once, until enough are accepted. */
  filter?: ((id: IndexId, meta: JsonValue | null) => boolean) | undefined;
}

/** Rules of what is chosen for an index. */
export const INDEX_RULES: Rules<Omit<IndexOptions, 'dimensions'>> = {
  dtype: one_of(...INDEX_DTYPES),
  wasm: { expects: 'a Module, bytes, a Response or a URL', accepts: () => true },
  model: {
    expects: 'a text',
    accepts: (value) => typeof value === 'string' && !/\p{Surrogate}/u.test(value),
  },
};
export const CREATE_RULES: Rules<IndexOptions> = {
  ...INDEX_RULES,
  dimensions: { expects: `a whole number from 1 to ${MAX_DIMENSIONS}`, accepts: is_dimensions },
};
export const LOAD_RULES: Rules<{ wasm?: WasmInput | undefined }> = { wasm: INDEX_RULES.wasm };
export const SEARCH_RULES: Rules<SearchOptions> = {
  filter: { expects: 'a function', accepts: (value) => typeof value === 'function' },
};
