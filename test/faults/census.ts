// What is alive, counted: memories of WebAssembly and buffers after a garbage collection, workers, open files, GPU buffers.

import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { platform } from '../../src/host/platform/node.ts';
import { watching } from '../support/watched_workers.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How far buffers may grow unseen: caches of compiled code and of pages read, which are not one call's. */
const SLACK = 2 ** 20;

/** How often the living are counted until they are as few as before: the end of a worker or a socket takes its time. */
const TRIES = 40;

let memories = 0;
const collected = new FinalizationRegistry(() => memories--);

/** Counts a memory until it is collected. */
export function watch_memory(memory: WebAssembly.Memory): void {
  memories++;
  collected.register(memory, null);
}

const threads = watching(platform.spawn!);
const workers = watching(platform.offload!);
Object.assign(platform, { spawn: threads.start, offload: workers.start });

/** Files that nobody closed: Node closes them with the object that is collected, and says so. */
let unclosed = 0;
process.on('warning', ({ message }) => {
  if (/^Closing file descriptor \d+ on garbage collection/.test(message)) unclosed++;
});

/** The threads and the models' workers of this process, in the order they were started. */
export const started = { threads: threads.watched, workers: workers.watched };

/** Where else something can be left over: what it is called, and how much of it there is. */
const others = new Map<string, () => number>();

export function also_count(what: string, count: () => number): void {
  others.set(what, count);
}

export type Census = ReadonlyMap<string, number>;

/** Counts what is alive after a garbage collection. */
export async function census(): Promise<Census> {
  for (let i = 0; i < 2; i++) {
    collect();
    await new Promise((resume) => setImmediate(resume)); // finalizers have their turn
  }
  const { arrayBuffers, external } = process.memoryUsage();
  return new Map([
    ['memories', memories],
    ['threads', threads.watched.started.length - threads.watched.gone],
    ['workers', workers.watched.started.length - workers.watched.gone],
    ['files', readdirSync('/proc/self/fd').length],
    ['files that were not closed', unclosed],
    ['bytes', Math.max(arrayBuffers, external)],
    ...Array.from(others, ([what, count]) => [what, count()] as const),
  ]);
}

/** What there is more of than before, in words, one for each thing. */
export async function leaks_since(before: Census): Promise<string[]> {
  let left: string[] = [];
  for (let i = 0; i < TRIES; i++) {
    left = Array.from(await census()).flatMap(([what, count]) => {
      const more = count - (before.get(what) ?? 0);
      if (what === 'bytes') return more > SLACK ? [`${more} bytes`] : [];
      return Array<string>(Math.max(0, more)).fill(what);
    });
    if (left.length === 0) break;
    await new Promise((resume) => setTimeout(resume, 50));
  }
  return left;
}
