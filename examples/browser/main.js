// The page: the picture and the labels go to the worker; the scores that come back are shown as bars.

import { BROWSER_MAY, drawn, sentence } from './picture.js';
import { show_scores } from './bars.js';

const SAMPLES =
  'sailboat airplane bicycle bus camera dog fish guitar lock mushroom pizza scissors trophy umbrella';
const MOST_LABELS = 100;

const $ = (id) => document.getElementById(id);
const worker = new Worker('worker.js', { type: 'module' });
const answers = new Map();
let calls = 0;
/** The picture that is shown, { name, url, blob }, and the one that is to be. */
let shown = null;
let next = null;
let device = 'wasm';

function call(kind, value) {
  const number = ++calls;
  worker.postMessage({ call: number, kind, value });
  return new Promise((resolve, reject) => answers.set(number, { resolve, reject }));
}

worker.onmessage = ({ data: { call: number, progress, value, error } }) => {
  if (progress) return show_progress(progress);
  const { resolve, reject } = answers.get(number);
  answers.delete(number);
  if (error) reject(error);
  else resolve(value);
};
worker.onerror = () => say('The worker does not start. Is the package built (npm run build)?', true);

function say(text, bad = false) {
  $('status').textContent = text;
  $('status').classList.toggle('bad', bad);
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

function show_progress({ loaded, total }) {
  Object.assign($('progress'), { value: loaded, max: total, hidden: false });
  // Not through say(): a screen reader would read every step; it has the progress element.
  if (loaded === total) say('Model loaded.');
  else $('progress').title = `${megabytes(loaded)} of ${megabytes(total)} MB`;
}

function labels() {
  const all = $('labels')
    .value.split(/[,\n]/)
    .map((label) => label.trim());
  return [...new Set(all)].filter(Boolean).slice(0, MOST_LABELS);
}

let latest = 0;

/** Scores the next picture, and shows it when that went well. Of several calls at once the latest counts. */
async function look() {
  if (!next) return;
  const candidate = next;
  const number = ++latest;
  const wanted = labels();
  try {
    const { scores, ms } = await classify(candidate, wanted);
    if (number !== latest) return;
    show_picture(candidate);
    show_scores($('scores'), scores);
    say(summary(scores, ms));
  } catch (error) {
    if (number !== latest) return;
    next = shown;
    say(sentence(error, `“${candidate.name}”`), true);
  }
}

async function classify(candidate, wanted) {
  const ask = (picture) => call('classify', { device, picture, labels: wanted });
  try {
    return await ask(candidate.bitmap ?? candidate.blob);
  } catch (error) {
    if (device === 'webgpu' && !error.code?.endsWith('_image')) {
      await leave_gpu(error);
      return classify(candidate, wanted);
    }
    if (candidate.bitmap || !BROWSER_MAY.includes(error.code)) throw error;
    candidate.bitmap = await drawn(candidate.url).catch(() => Promise.reject(error));
    return ask(candidate.bitmap);
  }
}

function summary([best], ms) {
  const where = `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms on the ${device === 'webgpu' ? 'GPU' : 'CPU'}.`;
  return best
    ? `“${best.label}” fits best, ${(100 * best.score).toFixed(1)} %. ${where}`
    : `Type a label. ${where}`;
}

function show_picture(candidate) {
  if (candidate === shown) return;
  if (shown) URL.revokeObjectURL(shown.url);
  shown = candidate;
  Object.assign($('picture'), { src: candidate.url, alt: candidate.name });
  $('name').textContent = $('name').title = candidate.name;
  for (const input of document.querySelectorAll('[name=sample]'))
    input.checked = `${input.value}.png` === candidate.name && candidate.sample;
}

function open_file(file, sample = false) {
  next = { name: file.name, blob: file, url: URL.createObjectURL(file), sample };
  return look();
}

async function open_sample(name) {
  const response = await fetch(`../pictures/${name}.png`);
  await open_file(new File([await response.blob()], `${name}.png`), true);
}

async function leave_gpu(error) {
  device = 'wasm';
  $('gpu').checked = false;
  $('gpu_note').textContent = `The GPU failed, so the CPU computes again. ${error.message}`;
}

/** Enables the switch where there is a GPU, or says why there is none. */
async function find_gpu() {
  const { why, name, software } = await call('gpu');
  $('gpu').disabled = why !== undefined;
  const note = software ? `${name}, a GPU in software: slower than the CPU.` : name;
  $('gpu_note').textContent = why ?? note;
}

$('gpu').onchange = async () => {
  device = $('gpu').checked ? 'webgpu' : 'wasm';
  say(device === 'webgpu' ? 'Preparing the GPU …' : 'Back to the CPU …');
  await look();
};

let timer = null;
$('labels').oninput = () => {
  clearTimeout(timer);
  timer = setTimeout(() => void look(), 150);
};

$('pick').onclick = () => $('file').click();
$('file').onchange = () => {
  const [file] = $('file').files;
  if (file) void open_file(file);
  $('file').value = '';
};

let over = 0;
const dropping = (change) =>
  document.body.classList.toggle('dropping', (over = Math.max(0, over + change)) > 0);
addEventListener('dragenter', () => dropping(1));
addEventListener('dragleave', () => dropping(-1));
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  dropping(-over);
  const [file] = event.dataTransfer.files;
  if (file) void open_file(file);
});
addEventListener('paste', ({ clipboardData: { files } }) => {
  if (files.length > 0) void open_file(files[0]); // text goes where it is pasted
});

for (const name of SAMPLES.split(' ')) {
  const label = $('sample').content.firstElementChild.cloneNode(true);
  const [input, image] = label.children;
  Object.assign(image, { src: `../pictures/${name}.png`, alt: name });
  Object.assign(input, { value: name, onchange: () => void open_sample(name) });
  $('samples').lastElementChild.append(label);
}

async function start() {
  const scores = labels().map((label) => ({ label, score: null }));
  show_scores($('scores'), scores);
  say('Loading the model …');
  try {
    await call('load', device);
    await Promise.all([next ? look() : open_sample('sailboat'), find_gpu()]);
  } catch (error) {
    say(sentence(error), true);
  }
  $('progress').hidden = true;
}

void start();
