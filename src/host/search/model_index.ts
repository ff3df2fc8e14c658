// The index of a model's embeddings.

import type { AlignConfig } from '../config.ts';
import { crc32 } from '../crc32.ts';
import { check_options } from '../options.ts';
import { AlignIndex } from './align_index.ts';
import { INDEX_RULES, type IndexOptions } from './index_options.ts';

/** What a config says of how its model was stored, not of what it computes. */
const STORAGE = new Set(['dtype', 'torch_dtype', 'transformers_version', '_name_or_path', 'architectures']);

/** An empty index whose `model`, if not given, is made of the config. @throws AlignError as {@link AlignIndex.create} */
export async function index_of_model(
  config: AlignConfig,
  o: Omit<IndexOptions, 'dimensions'>,
): Promise<AlignIndex> {
  check_options('create_index', o, INDEX_RULES);
  const text = JSON.stringify(config.to_dict(), (key, value: unknown) =>
    STORAGE.has(key) ? undefined : value,
  );
  const checksum = crc32(new TextEncoder().encode(text)).toString(16).padStart(8, '0');
  const model = `align-${config.projection_dim}-${checksum}`;
  return AlignIndex.create({ model, ...o, dimensions: config.projection_dim });
}
