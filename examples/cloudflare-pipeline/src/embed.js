// Pictures in: PUT /pictures/<key> keeps one in R2 and tells the queue; the queue's messages become rows of D1.

import { Align, AlignError } from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { check_size, failed, MODEL, once, read_body } from './common.js';

/** Half of the model is enough to look at pictures. */
const model = once(() => Align.load(icons, { towers: 'vision' }));

/** Errors that trying again does not mend: the picture itself is at fault. */
const HOPELESS = new Set(['corrupt_image', 'unsupported_image', 'too_large', 'invalid_argument']);

export default {
  async fetch(request, env) {
    try {
      if (!env.UPLOAD_TOKEN || request.headers.get('authorization') !== `Bearer ${env.UPLOAD_TOKEN}`)
        return Response.json(
          { error: { code: 'unauthorized', message: 'A token is needed' } },
          { status: 401 },
        );
      const path = new URL(request.url).pathname;
      if (path === '/broken' && request.method === 'GET') {
        const { results } = await env.DB.prepare('SELECT * FROM broken ORDER BY key LIMIT 1000').all();
        return Response.json({ broken: results });
      }
      const key = /^\/pictures\/(.{1,500})$/.exec(decodeURIComponent(path))?.[1];
      if (key && request.method === 'PUT') return await upload(key, await read_body(request), env);
      if (key && request.method === 'DELETE') return await remove(key, env);
      throw new AlignError('not_found', 'PUT or DELETE /pictures/<key>, or GET /broken');
    } catch (error) {
      return failed(error);
    }
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      if (batch.queue === 'align-broken') await bury(message, env);
      else await handle(message, env);
    }
  },
};

async function upload(key, bytes, env) {
  await env.PICTURES.put(key, bytes);
  await env.UPLOADS.send({ action: 'PutObject', object: { key } });
  return Response.json({ key, status: 'queued' }, { status: 202 });
}

async function remove(key, env) {
  await env.PICTURES.delete(key);
  await env.UPLOADS.send({ action: 'DeleteObject', object: { key } });
  return Response.json({ key, status: 'queued' }, { status: 202 });
}

/** Each message is acknowledged or retried by itself: a broken picture holds up no other one of its batch. */
async function handle(message, env) {
  const { key } = message.body.object;
  try {
    await store(key, message.timestamp.getTime(), env);
    message.ack();
  } catch (error) {
    const { code, message: text } = error;
    console.warn(JSON.stringify({ key, attempt: message.attempts, code, error: text }));
    if (error instanceof AlignError && HOPELESS.has(code)) {
      await env.BROKEN.send({ key, code, message: text });
      message.ack();
    } else {
      message.retry(); // after retry_delay; at last the queue itself passes it on to align-broken
    }
  }
}

/**
 * Makes the row of `key` what the bucket has now, whatever the message said: so messages may come twice, late or in
 * another order.
 */
async function store(key, now, env) {
  const object = await env.PICTURES.get(key);
  if (object === null) return write(env, key, null, now, null);
  const row = await env.DB.prepare('SELECT etag, model FROM pictures WHERE key = ?').bind(key).first();
  if (row?.etag === object.etag && row.model === MODEL) return object.body.cancel();
  check_size(object.size);
  const bytes = new Uint8Array(await object.arrayBuffer());
  const embedding = await (await model()).embed_image(bytes);
  await write(env, key, object.etag, object.uploaded.getTime(), embedding);
}

async function write(env, key, etag, changed, embedding) {
  const upsert = env.DB.prepare(
    `INSERT INTO pictures (key, etag, changed, model, embedding, version)
     VALUES (?1, ?2, ?3, ?4, ?5, (SELECT COALESCE(MAX(version), 0) + 1 FROM pictures))
     ON CONFLICT (key) DO UPDATE SET etag = excluded.etag, changed = excluded.changed, model = excluded.model,
       embedding = excluded.embedding, version = excluded.version
     WHERE excluded.changed >= pictures.changed`,
  ).bind(key, etag, changed, MODEL, embedding?.buffer ?? null);
  await env.DB.batch([upsert, env.DB.prepare('DELETE FROM broken WHERE key = ?').bind(key)]);
}

/** A dead letter, from handle() with the reason, or from the queue after the last retry. */
async function bury(message, env) {
  const { key, code, message: text } = message.body;
  await env.DB.prepare('INSERT OR REPLACE INTO broken (key, code, message) VALUES (?, ?, ?)')
    .bind(
      key ?? message.body.object.key,
      code ?? 'gave_up',
      text ?? 'Failed at every retry; the log says why',
    )
    .run();
  message.ack();
}
