// Loading and starting, each in a process of its own.

import { readFile } from 'node:fs/promises';

/** Ms of from_pretrained, model and options as it takes them; the model is thrown away. */
export async function load_ours(path, options) {
  const { AlignModel } = await import('../dist/index.js');
  const start = performance.now();
  const model = await AlignModel.from_pretrained(path, { device: 'wasm', ...options });
  const time = performance.now() - start;
  model.dispose();
  return time;
}

/** Ms of opening both towers' models as onnxruntime-web's sessions, reading the files included. */
export async function load_web() {
  const { open } = await import('./peers/onnxruntime.mjs');
  const start = performance.now();
  for (const work of ['vision', 'text']) await open(work, { kind: 'web', threads: 1 });
  return performance.now() - start;
}

/**
 * What happens before the first weight is read, in ms: `load`, importing the package; `start`, compiling align.wasm,
 * an instance of it, and the plans of both towers of align-base.
 */
export async function start_cold(config_path) {
  const files = { 'config.json': await readFile(config_path, 'utf8') };
  const begin = performance.now();
  const { AlignConfig } = await import('../dist/index.js');
  const load = performance.now() - begin;
  const { Recorder } = await import('../dist/plan/recorder.js');
  const { compile, Instance } = await import('../dist/wasm/module.js');
  const { text_config, vision_config, projection_dim } = await AlignConfig.from_pretrained(files);

  const compiling = performance.now();
  const recorder = new Recorder(new Instance(await compile()));
  const text = { sequences: 1, length: 64, tokens: 64, inputs_embeds: false };
  const wanted = { features: true, last_hidden_state: false, hidden_states: false, attentions: false };
  const parts = { pooler: true, projection_dim };
  const place = { shard: 0, offset: 0, prefixed: true };
  const { next } = recorder.text(text_config, parts, place, { ...text, ...wanted });
  const picture = { batch: 1, height: 289, width: 289, last_hidden_state: false, hidden_states: false };
  recorder.vision(vision_config, { ...next, prefixed: true }, picture);
  return { load, start: performance.now() - compiling };
}
