// The model and the index, away from the page. The page calls by messages { call, kind, value } and gets { call, value } or
// { call, error } back; { event, … } comes by itself.

import { Align, AlignIndex } from '../../dist/bundle/index.js';
import { open_store } from './store.js';

const NAME = 'align-picture-search';
const THUMBNAIL = 240;

let model, index, store;
/** Changes that are not yet in the browser's storage. */
let added = new Map();
let removed = new Set();
let dirty = false;
let saving = Promise.resolve();
/** When the next save is due while pictures come in, ms: the larger the index, the longer a save takes, the rarer it is. */
let due = 0;
/** Ids, the latest first. */
let order = [];
let waiting = [];
let progress = null;
/** Counts how often everything was removed: what was being looked at meanwhile does not come back. */
let era = 0;

const tell = (event, value) => postMessage({ event, value });

async function start() {
  await alone();
  [store, model] = await Promise.all([open_store(NAME), Align.load()]);
  const bytes = await store.index();
  try {
    index = bytes ? await AlignIndex.from_bytes(bytes) : await model.create_index();
  } catch (error) {
    tell('trouble', `The stored pictures cannot be read and are dropped: ${error.message}`);
    await store.clear();
    index = await model.create_index();
  }
  const when = (id) => index.get(id).meta.added;
  order = [...index.ids()].sort((a, b) => when(b) - when(a));
}

/** Two tabs would write over each other. The lock is held as long as this worker lives. */
function alone() {
  return new Promise((resolve) => {
    const hold = () => (resolve(), new Promise(() => undefined));
    void navigator.locks.request(NAME, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      tell('trouble', 'This page is open in another tab; it begins here when that one is closed.');
      void navigator.locks.request(NAME, hold);
    });
  });
}

/** Looks at files one by one, so that a search never waits for more than one of them. */
async function add(files) {
  waiting.push(...files);
  if (progress) {
    progress.total += files.length;
    return;
  }
  progress = { done: 0, total: files.length, added: 0, known: 0, failed: [] };
  while (waiting.length > 0) {
    const file = waiting.shift();
    try {
      if (await add_one(file)) progress.added++;
      else progress.known++;
    } catch (error) {
      progress.failed.push({ name: file.name, why: error.message });
    }
    progress.done++;
    if (waiting.length > 0) tell('progress', progress);
    if (Date.now() >= due) void save();
  }
  tell('progress', { ...progress, total: progress.done });
  progress = null;
  await save();
}

/** Whether it is new. */
async function add_one(file) {
  const began = era;
  const bytes = await file.arrayBuffer();
  const id = hex(await crypto.subtle.digest('SHA-256', bytes));
  if (index.has(id)) return false;
  const [embedding, small] = [await embed_picture(file, bytes), await thumbnail(file)];
  if (began !== era) return false;
  const before = order.length > 0 ? index.get(order[0]).meta.added : 0;
  index.add(id, embedding, { name: file.name, added: Math.max(Date.now(), before + 1) });
  added.set(id, small);
  removed.delete(id);
  order.unshift(id);
  dirty = true;
  return true;
}

/** From the bytes of a file, in which every runtime sees the same pixels; else from whatever the browser can decode. */
async function embed_picture(file, bytes) {
  try {
    return await model.embed_image(bytes);
  } catch (error) {
    if (error.code !== 'unsupported_image') throw error;
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error('the browser cannot read this kind of file');
    });
    return model.embed_image(bitmap).finally(() => bitmap.close());
  }
}

async function thumbnail(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, THUMBNAIL / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/webp', quality: 0.85 });
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Writes what has changed, after the write before it. */
function save() {
  due = Infinity;
  saving = saving.then(async () => {
    const began = Date.now();
    due = began + 1000;
    if (!dirty) return;
    const [new_ones, gone] = [added, removed];
    [added, removed, dirty] = [new Map(), new Set(), false];
    try {
      await store.save(index.to_bytes(), new_ones, gone);
    } catch (error) {
      for (const [id, blob] of new_ones) if (index.has(id)) added.set(id, blob);
      for (const id of gone) if (!index.has(id)) removed.add(id);
      dirty = true;
      tell('trouble', `The pictures could not be stored: ${error.message}`);
    }
    due = Date.now() + Math.max(1000, 20 * (Date.now() - began));
  });
  return saving;
}

const calls = {
  add: (files) => void add(files),

  /** The best `limit` pictures for words and an embedding, or the latest ones for neither. */
  async show({ text, like, limit }) {
    const parts = [...(text ? [{ text }] : []), ...(like ? [{ embedding: like }] : [])];
    const query = parts.length > 0 ? await model.mix(parts) : null;
    const found = query
      ? index.search(query, Math.max(1, Math.min(limit, index.size)))
      : order.slice(0, limit).map((id) => ({ id, score: null, meta: index.get(id).meta }));
    return { size: index.size, found: found.map(({ id, score, meta }) => ({ id, score, name: meta.name })) };
  },

  thumbnail: (id) => added.get(id) ?? store.thumbnail(id),
  embedding: (id) => index.get(id).embedding,
  embed: async (file) => embed_picture(file, await file.arrayBuffer()),

  remove(id) {
    if (!index.remove(id)) return;
    order = order.filter((other) => other !== id);
    if (!added.delete(id)) removed.add(id);
    dirty = true;
    return save();
  },

  async clear() {
    era++;
    waiting = [];
    for (const id of order) index.remove(id);
    [order, added, removed, dirty] = [[], new Map(), new Set(), false];
    saving = saving.then(() => store.clear());
    await saving;
  },
};

const ready = start();

onmessage = async ({ data: { call, kind, value } }) => {
  try {
    await ready;
    postMessage({ call, value: await calls[kind](value) });
  } catch (error) {
    postMessage({ call, error: error.message });
  }
};
