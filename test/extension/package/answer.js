// What each part of the extension computes: a digest of a text's and of pictures' embeddings by the embedded model.

import { Align } from './align-wasm/bundle/index.js';

/** What the content security policy refused here. */
export const violations = [];
addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  violations.push(`${effectiveDirective} ${blockedURI}`);
});

/** The digest, and how many threads computed it. */
export async function answer(options) {
  const align = await Align.load(undefined, options);
  const embeddings = [await align.embed_text('a pair of scissors')];
  for (const name of ['scissors.png', 'photo.jpg'])
    embeddings.push(await align.embed_image(new URL(name, import.meta.url)));
  const { threads } = align.model;
  align.dispose();
  const hash = new Uint8Array(
    await crypto.subtle.digest('SHA-256', await new Blob(embeddings).arrayBuffer()),
  );
  return { threads, digest: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
