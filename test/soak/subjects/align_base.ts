// A model of align-base's size, 690 MB in one packed file, is loaded, answers and is disposed of.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Align } from '../../../src/host/align.ts';
import type { LoadOptions } from '../../../src/host/options.ts';
import { write_align_base } from '../../support/align_base.ts';
import { outcome_of, type Soak } from '../harness.ts';
import type { Surroundings } from '../subjects.ts';

const here = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** A picture takes half a second and more: every tenth model is given one. */
const PICTURE_EVERY = 10;

export async function align_base_soak(options: LoadOptions, { workers }: Surroundings): Promise<Soak> {
  const folder = mkdtempSync(here('.cache/align-base-'));
  const path = join(folder, 'model.safetensors');
  await write_align_base(path, 'fp32');
  const dog = new Uint8Array(readFileSync(here('examples/pictures/dog.png')));
  const right: Record<string, string> = {};

  async function check(what: string, call: () => unknown): Promise<void> {
    const outcome = await outcome_of(call);
    right[what] ??= outcome;
    if (outcome !== right[what]) throw new Error(`The embedding of ${what} is another one than before`);
  }

  return {
    warm_up: 1,
    async cycle(i) {
      using align = await Align.load(path, { device: 'wasm', ...options });
      await check('a text', () => align.embed_text('a dog'));
      if (i % PICTURE_EVERY === 0) await check('a picture', () => align.embed_image(dog));
    },
    left: async () => ({ threads: await workers.alive(0) }),
    end: () => rmSync(folder, { recursive: true }),
  };
}
