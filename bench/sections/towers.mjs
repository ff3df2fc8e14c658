// The two towers end to end: ours in every form, onnxruntime-web, onnxruntime native; in Node, the newest Node, Chromium.

import { compete } from '../compete.mjs';
import { difference, least_cosine } from '../measure.mjs';
import { WORK } from '../work.mjs';

const EXACT = { who: 'align-wasm', module: './align.mjs', options: {} };
const FAST = { who: "precision: 'fast'", module: './align.mjs', options: { precision: 'fast' } };
const THREADS = { who: 'threads: 2', module: './align.mjs', options: { threads: 2 } };
const Q8 = { who: "dtype: 'q8'", module: './align.mjs', options: { dtype: 'q8' } };
const peer = (who, options) => ({ who, module: './peers/onnxruntime.mjs', options });
const WEB = peer('onnxruntime-web', { kind: 'web', threads: 1 });
const WEB_2 = peer('onnxruntime-web, 2 threads', { kind: 'web', threads: 2 });
const NATIVE = peer('onnxruntime native', { kind: 'native', threads: 1 });
const NATIVE_2 = peer('onnxruntime native, 2 threads', { kind: 'native', threads: 2 });
const WEB_INT8 = peer('onnxruntime-web, int8', { kind: 'web', threads: 1, model: 'text_int8' });

/** Who runs where. The newest Node has relaxed SIMD, which Node 20 has not. */
const FIELDS = {
  node: [EXACT, THREADS, Q8, WEB, WEB_2, NATIVE, NATIVE_2],
  newest: [EXACT, FAST, WEB],
  chromium: [EXACT, FAST, THREADS, Q8, WEB, WEB_2],
};
const INT8 = { text: [WEB_INT8], vision: [] };

/** Width of the features. */
const WIDTH = 640;

export async function towers(bench) {
  for (const work of ['vision', 'text']) {
    for (const [where, field] of Object.entries(FIELDS)) {
      const contestants = where === 'node' ? [...field, ...INT8[work]] : field;
      await compete(bench, { section: 'towers', work, where, contestants, rounds: bench.rounds }, compare);
      await record_limit(bench, work, where);
    }
  }
}

/** The arithmetic at the speed of this engine's own chains of multiply and add. */
async function record_limit(bench, work, where) {
  const place = await bench.place(where);
  const limits = await bench.limits(where);
  if (!place || !limits) return;
  const who = '128-bit limit, one core';
  const best = WORK[work].flop / limits.exact.chain / 1e6;
  bench.record({
    section: 'towers',
    work,
    where: place.name,
    who,
    id: `${work} | ${where} | limit`,
    best,
    unit: 'ms',
  });
}

/** How far the others' features are from those of the exact build on one thread. */
async function compare(open) {
  const exact = open.find(({ contestant }) => contestant === EXACT);
  if (!exact) return;
  const reference = await exact.features();
  for (const { contestant, row, features } of open) {
    if (contestant === EXACT) continue;
    const values = await features();
    row.difference = difference(reference, values);
    if (contestant === Q8 || contestant === WEB_INT8) row.cosine = least_cosine(reference, values, WIDTH);
  }
}
