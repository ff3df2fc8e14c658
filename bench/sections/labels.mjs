// Labels: the processor pads them to 64 tokens, and what a peer computes for them is 64 tokens.

import { compete } from '../compete.mjs';
import { difference } from '../measure.mjs';

const OURS = { who: 'align-wasm', module: './align.mjs', options: {} };
const WEB = {
  who: 'onnxruntime-web, on the padded input',
  module: './peers/onnxruntime.mjs',
  options: { kind: 'web', threads: 1 },
};

/** The peer takes half a minute for 64 padded texts. */
const SLOW_ROUNDS = 2;

export async function labels(bench) {
  for (const where of ['node', 'chromium']) {
    const one = { section: 'labels', work: 'label', where, contestants: [OURS, WEB], rounds: bench.rounds };
    await compete(bench, one, async (open) => {
      const [ours, theirs] = open;
      const padded = await ours.features();
      ours.row.padding = difference(padded, await ours.features(true));
      if (theirs) theirs.row.difference = difference(padded, await theirs.features());
    });
    const many = { section: 'labels', work: 'labels', where };
    if (bench.quick) await compete(bench, { ...many, contestants: [OURS], rounds: bench.rounds });
    else await compete(bench, { ...many, contestants: [OURS, WEB], rounds: SLOW_ROUNDS }, agree);
  }
}

async function agree([ours, theirs]) {
  if (theirs) theirs.row.difference = difference(await ours.features(), await theirs.features());
}
