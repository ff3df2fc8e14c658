// The model, away from the page, which therefore never freezes. The page calls by messages { call, kind, value } and gets
// { call, value } or { call, error } back; { progress } comes by itself.

import { Align } from '../../dist/bundle/index.js';
import webgpu from '../../dist/bundle/webgpu.js';

/** One model a device, loaded when it is first wanted. */
const models = new Map();
/** The labels embedded last: most calls bring another picture and the same labels. */
let known = { key: '', set: null };

function model_on(device) {
  if (!models.has(device)) models.set(device, Align.load(undefined, { device, webgpu, progress_callback }));
  return models.get(device).catch((error) => {
    models.delete(device); // the next call tries again
    throw error;
  });
}

function progress_callback(info) {
  // The embedded model is one file; a remote one of several has `progress_total`.
  if (info.status === 'progress') postMessage({ progress: { loaded: info.loaded, total: info.total } });
}

async function label_set(model, device, labels) {
  const key = JSON.stringify([device, labels]);
  if (known.key !== key) known = { key, set: await model.label_set(labels) };
  return known.set;
}

const calls = {
  load: async (device) => void (await model_on(device)),

  /** What there is to compute on besides the CPU. */
  async gpu() {
    if (!navigator.gpu) return { why: 'This browser offers no WebGPU here (it takes https: or localhost).' };
    const adapter = await navigator.gpu.requestAdapter().catch(() => null);
    if (!adapter) return { why: 'WebGPU is there, but it finds no GPU that it can use.' };
    const { description, vendor, architecture } = adapter.info;
    return {
      name: description || [vendor, architecture].filter(Boolean).join(' ') || 'a GPU',
      software: adapter.info.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false,
    };
  },

  /** Scores of the labels, the best first, and how long the picture took in ms. */
  async classify({ device, picture, labels }) {
    const model = await model_on(device);
    const set = labels.length > 0 ? await label_set(model, device, labels) : null;
    const began = performance.now();
    const scores = set ? await model.classify(picture, set) : (await model.embed_image(picture), []);
    return { scores, ms: performance.now() - began };
  },
};

onmessage = async ({ data: { call, kind, value } }) => {
  try {
    postMessage({ call, value: await calls[kind](value) });
  } catch ({ code, message, detail }) {
    // As text: not everything in an error can be sent.
    postMessage({ call, error: { code, message, detail: JSON.parse(JSON.stringify(detail ?? {})) } });
  }
};
