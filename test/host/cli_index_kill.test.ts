// SIGKILL at random points of `align-wasm index`, over and over on one output: in the end it is the file of a run that
// nobody disturbed, byte for byte, and what was embedded before a kill was not embedded again.

import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { random_bytes } from '../support/png.ts';
import { picture_names, start, write_pictures } from './picture_folder.ts';

const PICTURES = 40;
const KILLS = 60;

let folder: string;
let pictures: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
  pictures = join(folder, 'pictures');
  await write_pictures(pictures, picture_names(PICTURES));
});
afterAll(() => rm(folder, { recursive: true }));

/** A journal's text; the run may take it away between any two looks. */
function text_of(journal: string): string {
  try {
    return readFileSync(journal, 'latin1');
  } catch {
    return '';
  }
}

/** Whole records in a journal: its lines but the first. */
function records(journal: string): number {
  return Math.max(0, text_of(journal).split('\n').length - 2);
}

/** Resolves at a point of the run that `next` chooses: after a time, at a size of the journal, when the output is written. */
async function some_point(
  output: string,
  full_ms: number,
  next: () => number,
  stopped: () => boolean,
): Promise<void> {
  const share = (next() * 256 + next()) / 65536;
  const kind = next() % 4;
  if (kind < 2) {
    await sleep(share * full_ms);
    return;
  }
  const bytes = share * PICTURES * 600;
  const reached =
    kind === 2
      ? (): boolean => text_of(`${output}.journal`).length >= bytes
      : (): boolean => records(`${output}.journal`) === PICTURES || existsSync(output);
  while (!reached() && !stopped()) await sleep(1);
}

describe('index', () => {
  it(
    `gives the same bytes after ${KILLS} kills, and embeds nothing twice`,
    { timeout: 600_000 },
    async () => {
      const whole = join(folder, 'whole.safetensors');
      const began = performance.now();
      const undisturbed = await start(['index', pictures, '-o', whole, '--json']).ended;
      const full_ms = performance.now() - began;
      expect([undisturbed.status, undisturbed.err]).toEqual([0, '']);
      expect(JSON.parse(undisturbed.out)).toMatchObject({ pictures: PICTURES, embedded: PICTURES });
      const expected = await readFile(whole);

      const next = random_bytes(2026);
      const kept_counts = new Set<number>();
      let kills = 0;
      for (let round = 0; kills < KILLS; round++) {
        const output = join(folder, `killed-${round}.safetensors`);
        for (let done = false; !done;) {
          const before = existsSync(output) ? PICTURES : records(`${output}.journal`);
          const { child, ended } = start(['index', pictures, '-o', output, '--json']);
          let over = false;
          void ended.then(() => (over = true));
          // Once in a while a run is left alone.
          if (next() % 8 !== 0) await some_point(output, full_ms, next, () => over);
          else await ended;
          child.kill('SIGKILL');
          const { status, out, err } = await ended;
          if (existsSync(output)) expect(Buffer.compare(await readFile(output), expected)).toBe(0);
          if (status === null) {
            kills += 1;
            // What was there before is still there.
            if (!existsSync(output)) expect(records(`${output}.journal`)).toBeGreaterThanOrEqual(before);
            continue;
          }
          expect([status, err]).toEqual([0, '']);
          expect(JSON.parse(out)).toMatchObject({
            embedded: PICTURES - before,
            kept: before,
            removed: 0,
            failed: 0,
          });
          kept_counts.add(before);
          done = true;
        }
        const left = (await readdir(folder)).filter((name) => name.startsWith(`killed-${round}.`));
        expect(left).toEqual([`killed-${round}.safetensors`]);
      }
      // The kills did hit runs in the middle.
      expect([...kept_counts].filter((count) => count > 0 && count < PICTURES)).not.toEqual([]);
    },
  );
});
