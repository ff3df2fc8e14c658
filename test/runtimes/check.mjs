// What every runtime computes: digests of tokens, pixels, scores and whole forward passes; of embeddings see matrix/. Web
// APIs only; the host hands over the package and one blob with every file, so nothing here reads files or asks where it
// runs.

import { goldens } from './goldens.mjs';
import { sha256 } from './sha256.mjs';

/** Files of a folder by their plain names, as the `model` argument takes them. */
function folder(files, path) {
  const inside = [...files].filter(([name]) => name.startsWith(`${path}/`));
  return Object.fromEntries(inside.map(([name, bytes]) => [name.slice(path.length + 1), bytes]));
}

const TEXTS = [
  'a sailboat',
  'A Photo of   a DOG!',
  'the icon of a pair of scissors, drawn in black lines on white',
  'Ünïcödé ﬁgure — “naïve” café, İstanbul ǅ ß',
  '滑雪 and 鱼, 𠀀𪛖, ひらがな, 한국어, ไทย, हिन्दी',
  'e\u0301 \u200b \ufeff \u00ad \ud83d\ude00 \ud800 [MASK] [SEP]',
  `${'x'.repeat(101)} ${'word '.repeat(50)}`,
];
const LABELS = ['a sailboat', 'a bicycle', 'a pizza', 'a dog', 'scissors'];
const PICTURES = /^(examples|test)\/.*\.png$/;

/**
 * The digest of each thing, by its name. `align` is the package, `files` what the blob holds; `own` lists what the
 * package is to find by itself: 'wasm' its module, 'model' the embedded model.
 */
export async function digests(align, files, own = []) {
  const wasm = own.includes('wasm') ? undefined : await compile(files);
  return {
    ...(await goldens(align, files, wasm)),
    ...(await models(align, files, { wasm }, own.includes('model'))),
  };
}

/** Those of the models alone, computed by `threads` threads; and how many there were. */
export async function thread_digests(align, files, threads) {
  const options = { wasm: await compile(files), threads };
  const model = await align.Align.load(folder(files, 'weights/align-icons'), options);
  const started = model.model.threads;
  model.dispose();
  return { threads: started, digests: await models(align, files, options) };
}

function compile(files) {
  return WebAssembly.compile(files.get('align.wasm'));
}

async function models(align, files, options, own_model = false) {
  const model = own_model ? undefined : folder(files, 'weights/align-icons');
  const out = await embedded_model(files, await align.Align.load(model, options));
  for (const dtype of ['fp32', 'int8', 'binary'])
    out[`index, ${dtype}`] = await index(align, options.wasm, dtype);
  for (const name of [...files.keys()].filter((name) => name.startsWith('packed/')))
    out[name] = await packed_model(files, await align.Align.load(files.get(name), options));
  for (const name of [...files.keys()].filter((name) => name.endsWith('/reference.safetensors')))
    Object.assign(out, await forward(align, files, options, name.slice(0, name.lastIndexOf('/'))));
  return out;
}

async function embedded_model(files, model) {
  const out = {};
  const pictures = [...files].filter(([name]) => PICTURES.test(name));
  const pixels = [];
  for (const [name, bytes] of pictures) {
    const { pixel_values } = await model.processor.call({ images: new Blob([bytes]) });
    pixels.push(pixel_values.data);
    if (name.startsWith('examples/')) out[`pixels of ${name}`] = await sha256([pixel_values.data]);
  }
  out[`pixels of ${pictures.length} pictures`] = await sha256(pixels);
  const images = pictures.map(([, bytes]) => bytes);
  const labels = await model.label_set(LABELS);
  const scores = await model.classify(images, labels);
  out['label set'] = await sha256([labels.to_bytes()]);
  out['scores'] = await sha256(scores.map((row) => Float64Array.from(row, ({ score }) => score)));
  out['labels in order'] = await sha256([JSON.stringify(scores.map((row) => row.map(({ label }) => label)))]);
  model.dispose();
  return out;
}

/** Embeddings by a model in one file. */
async function packed_model(files, model) {
  const images = [...files].filter(([name]) => /^examples\/.*\.png$/.test(name)).map(([, bytes]) => bytes);
  const digest = await sha256([...(await model.embed_text(TEXTS)), ...(await model.embed_image(images))]);
  model.dispose();
  return digest;
}

/** The file of an index, and what it finds for one query and for many. */
async function index({ AlignIndex }, wasm, dtype) {
  let state = 1;
  const vector = () =>
    Float32Array.from({ length: 100 }, () => (state = Math.imul(state, 48271) | 1) / 2 ** 31);
  const one = await AlignIndex.create({ dimensions: 100, dtype, ...(wasm && { wasm }) });
  for (let i = 0; i < 3000; i++) one.add(i % 2 ? i : `no. ${i}`, vector(), { i });
  for (let i = 1; i < 3000; i += 14) one.remove(i);
  const bytes = one.to_bytes();
  const back = await AlignIndex.from_bytes(bytes, wasm && { wasm });
  const queries = Array.from({ length: 20 }, vector);
  const found = [back.search(queries, 10), queries.map((query) => back.search(query, 10))];
  const scores = found.flat(2).map(({ score }) => score);
  return sha256([bytes, Float64Array.from(scores), JSON.stringify(found)]);
}

/** Every output of a golden model's own inputs, taps included. */
async function forward({ AlignModel, Tensor }, files, options, path) {
  const model = await AlignModel.from_pretrained(folder(files, path), options);
  const out = {};
  for (const [name, inputs] of reference_inputs(files.get(`${path}/reference.safetensors`), Tensor)) {
    const taps = { output_hidden_states: true, output_attentions: true };
    const { pixel_values, ...text } = inputs;
    const tensors = [];
    if (pixel_values && text.input_ids) collect(await model.forward({ ...inputs, ...taps }), tensors);
    if (pixel_values) collect(await model.get_image_features({ pixel_values }), tensors);
    if (text.input_ids) collect(await model.get_text_features(text), tensors);
    out[`${path}: ${name}`] = await sha256(tensors.map(({ data }) => data));
  }
  model.dispose();
  return out;
}

/** All tensors at any depth, in order. */
function collect(value, into) {
  if (value === null || typeof value !== 'object') return;
  if ('dims' in value && 'data' in value) into.push(value);
  else for (const part of Object.values(value)) collect(part, into);
}

/** Inputs that a reference file holds, by the name of their case. */
function reference_inputs(bytes, Tensor) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const types = { F32: ['float32', Float32Array], I64: ['int64', BigInt64Array], I32: ['int32', Int32Array] };
  const cases = new Map();
  for (const [key, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [, name, input] = /^(.+?)\.input\.(.+)$/.exec(key) ?? [];
    if (name === undefined) continue;
    const [type, View] = types[dtype];
    const data = new View(bytes.slice(8 + length + data_offsets[0], 8 + length + data_offsets[1]).buffer);
    cases.set(name, { ...cases.get(name), [input]: new Tensor(type, data, shape) });
  }
  return cases;
}
