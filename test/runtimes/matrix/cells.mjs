// One row of the matrix, computed in every runtime with JavaScript: web APIs only. The host hands over the package and one
// blob with the inputs (inputs.ts); the 8-bit model the package finds by itself, but where `embedded` imports it.

import { unpack } from '../blob.mjs';
import { sha256 } from '../sha256.mjs';

/**
 * Eight cells {dtype, threads, how, digest, items}: the SHA-256 of all embeddings, pictures first, and the beginning of each
 * one's own; without both where the runtime has no threads. `options` are more of those of loading.
 */
export async function cells(align, blob, embedded, options) {
  const files = unpack(blob);
  const texts = JSON.parse(new TextDecoder().decode(files.get('texts')));
  const named = (folder) =>
    [...files]
      .filter(([name]) => name.startsWith(folder))
      .map(([name, bytes]) => [name.slice(folder.length), bytes]);
  const pictures = named('pictures/').map(([, bytes]) => bytes);
  const models = { fp32: Object.fromEntries(named('checkpoint/')), q8: embedded };
  const row = [];
  for (const [dtype, source] of Object.entries(models))
    for (const threads of [1, 2]) {
      const model = await align.Align.load(source, { device: 'wasm', threads, ...options });
      for (const how of ['alone', 'batch'])
        row.push({
          ...{ dtype, threads, how },
          ...(model.model.threads === threads && (await digests(await EMBED[how](model, pictures, texts)))),
        });
      model.dispose();
    }
  return row;
}

/** Embeddings of all pictures, then of all texts. */
const EMBED = {
  async alone(model, pictures, texts) {
    const embeddings = [];
    for (const picture of pictures) embeddings.push(await model.embed_image(picture));
    for (const text of texts) embeddings.push(await model.embed_text(text));
    return embeddings;
  },
  async batch(model, pictures, texts) {
    const images = await model.embed_image(pictures.map((bytes) => new Blob([bytes])));
    return [...images, ...(await model.embed_text(texts))];
  },
};

/** Also for what other programs print (wasi.ts). */
export async function digests(embeddings) {
  const items = [];
  for (const embedding of embeddings) items.push((await sha256([embedding])).slice(0, 8));
  return { digest: await sha256(embeddings), items };
}
