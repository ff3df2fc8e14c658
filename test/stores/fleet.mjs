// What every kind of machine does in fleet.test.ts: embeds pictures with the embedded model, and upserts them.

import { Align } from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { open_store } from 'align-wasm/stores';

/**
 * @param {string} url the database
 * @param {Record<string, Uint8Array>} pictures PNG files by name
 * @param {object} [pg] the module pg, where it cannot be imported at run time
 */
export async function embed_into(url, pictures, pg) {
  const model = await Align.load(icons);
  const names = Object.keys(pictures);
  const embeddings = await model.embed_image(Object.values(pictures));
  const store = await open_store(url, {
    dimensions: embeddings[0].length,
    table: 'fleet',
    model: 'icons',
    pg,
  });
  await store.upsert(
    names.map((id, i) => ({ id, embedding: embeddings[i], meta: { bytes: pictures[id].length } })),
  );
  await store.close();
  model.dispose();
}
