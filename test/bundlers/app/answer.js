// What the page, its worker, Node and Workers compute: a digest of a text's and of pictures' embeddings.

import { Align } from 'align-wasm';
import icons from 'align-wasm/align-icons';

/** Pictures as bytes or Blobs in; the digest, and how many threads computed it. */
export async function answer(pictures, options) {
  const align = await Align.load(icons, options);
  const embeddings = [await align.embed_text('a pair of scissors')];
  for (const picture of pictures) embeddings.push(await align.embed_image(picture));
  const { threads } = align.model;
  align.dispose();
  const bytes = await new Blob(embeddings).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return { threads, digest: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
