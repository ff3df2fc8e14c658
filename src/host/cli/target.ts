// Where embeddings go: into an index with its journal, or straight into a database.

import type { AlignIndex } from '../search/align_index.ts';
import type { VectorStore } from '../stores/index.ts';
import type { Journal } from './journal.ts';

/** What is said of a picture: path, sha256, bytes, width, height. */
export type Meta = Readonly<{ [key: string]: string | number }>;

/** An embedded picture. */
export interface EmbeddedPicture {
  readonly id: string;
  readonly meta: Meta;
  readonly embedding: Float32Array;
}

/** Where embeddings go. */
export interface Target {
  meta(id: string): Promise<Meta | null>;
  set_meta(id: string, meta: Meta): Promise<void>;
  /** The embedding of an entry that is there. */
  embedding(id: string): Promise<Float32Array>;
  /** Puts records in, over those with the same ids; a kill after it resolves does not undo it. */
  put(records: readonly EmbeddedPicture[]): Promise<void>;
}

/** An index in memory, whose new records are in the journal first. */
export function index_target(index: AlignIndex, journal: Journal): Target {
  return {
    meta: (id) => Promise.resolve((index.get(id)?.meta ?? null) as Meta | null),
    set_meta(id, meta) {
      index.update(id, null, meta);
      return Promise.resolve();
    },
    embedding: (id) => Promise.resolve(index.get(id)!.embedding),
    async put(records) {
      await journal.append(records);
      for (const { id, embedding, meta } of records) index.upsert(id, embedding, meta);
    },
  };
}

/** A database, which is its own journal. */
export function store_target(store: VectorStore): Target {
  return {
    meta: async (id) => ((await store.get(id))?.meta ?? null) as Meta | null,
    async set_meta(id, meta) {
      const { embedding } = (await store.get(id))!;
      await store.upsert([{ id, embedding, meta }]);
    },
    embedding: async (id) => (await store.get(id))!.embedding,
    put: (records) => store.upsert(records),
  };
}
