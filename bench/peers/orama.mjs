// Orama keeps documents in memory; its vector search compares all of them, in plain JavaScript.

import { create, insert, searchVector } from '@orama/orama';

/** An empty database: add(row, vector), search(query) -> [{ id }], the k best. */
export function open(dimensions, k) {
  const db = create({ schema: { embedding: `vector[${dimensions}]` } });
  return {
    add: (row, vector) => insert(db, { id: String(row), embedding: Array.from(vector) }),
    async search(query) {
      const vector = { value: Array.from(query), property: 'embedding' };
      const { hits } = await searchVector(db, { mode: 'vector', vector, similarity: 0, limit: k });
      return hits.map(({ id }) => ({ id: Number(id) }));
    },
  };
}
