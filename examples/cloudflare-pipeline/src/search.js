// Queries: GET /search?q=words&k=10, or POST /search?k=10 with a picture as the body.

import { Align, AlignError, AlignIndex } from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { failed, MODEL, once, read_body } from './common.js';

/** Rows of the database that are in memory at once. */
const ROWS = 1000;

const model = once(() => Align.load(icons));

/** Every picture, kept while this isolate lives; dtype 'int8' holds four times as many. */
const index = once(() =>
  AlignIndex.create({ dimensions: 256, dtype: 'fp32', model: MODEL }).then((rows) => ({ rows, version: 0 })),
);

export default {
  async fetch(request, env, context) {
    try {
      const url = new URL(request.url);
      const k = Number(url.searchParams.get('k') ?? 10);
      if (url.pathname !== '/search')
        throw new AlignError('not_found', 'GET /search?q=words, or POST /search with a picture');
      if (!(Number.isInteger(k) && k >= 1 && k <= 100))
        throw new AlignError('invalid_argument', 'k must be a whole number from 1 to 100');
      const query = embed(request, url);
      // Other requests may be waiting for the model behind this one: it must finish even if the client goes away.
      context.waitUntil(query.catch(() => undefined));
      const { rows, version } = await refresh(env);
      const results = rows.search(await query, k).map(({ id, score }) => ({ key: id, score }));
      return Response.json({ results, size: rows.size, version });
    } catch (error) {
      return failed(error);
    }
  },
};

async function embed(request, url) {
  if (request.method === 'POST') return (await model()).embed_image(await read_body(request));
  const text = url.searchParams.get('q')?.trim() ?? '';
  if (request.method !== 'GET' || text === '' || text.length > 500)
    throw new AlignError('invalid_argument', 'q must be a text of 1 to 500 characters, or POST a picture');
  return (await model()).embed_text(text);
}

/** The index with every change since the last request. Two requests at once may read the same rows: no harm. */
async function refresh(env) {
  const own = await index();
  for (;;) {
    const { results } = await env.DB.prepare(
      'SELECT key, model, embedding, version FROM pictures WHERE version > ? ORDER BY version LIMIT ?',
    )
      .bind(own.version, ROWS)
      .all();
    for (const { key, model, embedding, version } of results) {
      if (version <= own.version) continue;
      if (model === MODEL && embedding !== null)
        own.rows.upsert(key, new Float32Array(Uint8Array.from(embedding).buffer));
      else own.rows.remove(key);
      own.version = version;
    }
    if (results.length < ROWS) return own;
  }
}
