// What is soaked, and how its memory is judged: cycles to warm up, then a baseline, cycles with samples, and what is left.

import { createHash } from 'node:crypto';
import { AlignError } from '../../src/host/errors.ts';
import { NO_BYTES, open_files, resident, settled, sum, total, type Bytes } from './memory.ts';
import { fit, least, type Fit } from './slope.ts';
import type { Volume } from './volumes.ts';

/** Something to be done again and again. */
export interface Soak {
  /** Least cycles before the baseline, so that everything has been there once. */
  readonly warm_up: number;
  /** The i-th cycle. @throws Error where a result is not the right one */
  cycle(i: number): Promise<void>;
  /** Brings what is kept from call to call to the same size, whatever came last: done before memory is looked at. */
  level?(): Promise<void>;
  /** Bytes on its GPU. */
  gpu?(): number;
  /** Bytes in the isolates of its workers. */
  elsewhere?(): Promise<Bytes>;
  /** What it counts besides, as text; and what must be the same before and after, such as threads. */
  notes?(): string;
  left?(): Promise<Readonly<Record<string, number>>>;
  end(): Promise<void> | void;
}

/** What a subject came to: a line of the table. */
export interface Row {
  readonly subject: string;
  readonly cycles: number;
  readonly seconds: number;
  /** What is held after collecting garbage. Of a server in the end alone: meanwhile it holds what is on its way. */
  readonly held: { readonly before: Bytes; readonly after: Bytes; readonly fit: Fit | null };
  /** Resident memory: at the baseline, in the end, the most, and bytes a cycle over the last half. */
  readonly rss: { readonly before: number; readonly after: number; readonly most: number; readonly fit: Fit };
  readonly notes: string;
  /** What must not have happened. */
  readonly findings: readonly string[];
}

/** Growth in all that is no leak, in bytes. */
export const ALLOWED = 1e6;

const SAMPLES = 200;
const QUICK_SAMPLES = 40;

/** Over the last half of the samples. */
export const late_fit = (at: readonly number[], values: readonly number[]): Fit =>
  fit(at.slice(at.length >> 1), values.slice(values.length >> 1));

/**
 * Judges memory. A slope is a leak where it is certain and comes to more than ALLOWED over `volume` cycles, of resident
 * memory to more than `allowed`.
 */
export function leaks(
  volume: number,
  { held, rss }: Pick<Row, 'held' | 'rss'>,
  allowed: number = ALLOWED,
): string[] {
  const findings: string[] = [];
  const growth = total(held.after) - total(held.before);
  if (growth >= ALLOWED) findings.push(`${growth} bytes more are held`);
  if (held.fit && least(held.fit) * volume >= ALLOWED)
    findings.push(`${held.fit.slope.toFixed(0)} bytes a cycle are held`);
  if (least(rss.fit) * volume >= allowed)
    findings.push(`resident memory grows by ${rss.fit.slope.toFixed(0)} bytes a cycle`);
  return findings;
}

/**
 * In a short soak V8 still compiles: the first hundred loads of the tiny model keep up to 2.1 KB each, later ones 0.02. So
 * there a slope may be this many times as large.
 */
const QUICK = 4;
/** And the heap grows to the size that V8 likes: resident memory by up to 10 MB. This much, certain, is a leak. */
const QUICK_RESIDENT = 16e6;

/** Soaks something, for a release or quickly. */
export async function measure(subject: string, soak: Soak, volume: Volume, quick: boolean): Promise<Row> {
  const cycles = quick ? volume.quick : volume.cycles;
  const at: number[] = [];
  const [helds, residents]: [number[], number[]] = [[], []];
  const look = async (): Promise<Bytes> => {
    await soak.level?.();
    return sum(await settled(soak.gpu?.() ?? 0), (await soak.elsewhere?.()) ?? NO_BYTES);
  };
  const left = async (): Promise<Record<string, number>> => ({
    ...(await soak.left?.()),
    'open files': open_files(),
  });
  try {
    const warm_up = Math.max(soak.warm_up, quick ? 0 : cycles / 4);
    const step = Math.max(1, Math.floor(cycles / (quick ? QUICK_SAMPLES : SAMPLES)));
    for (let i = 0; i < warm_up; i++) {
      await soak.cycle(i);
      if ((i + 1) % step === 0) await look(); // else shared memories pile up
    }
    const left_before = await left();
    const before = await look();
    const rss_before = resident();
    const started = performance.now();
    for (let i = 0; i < cycles; i++) {
      await soak.cycle(warm_up + i);
      if ((i + 1) % step > 0) continue;
      await soak.left?.();
      helds.push(total(await look()));
      residents.push(resident());
      at.push(i + 1);
    }
    const seconds = (performance.now() - started) / 1000;
    const left_after = await left();
    const held = { before, after: await look(), fit: late_fit(at, helds) };
    const most = process.resourceUsage().maxRSS * 1024;
    const rss = { before: rss_before, after: residents.at(-1)!, most, fit: late_fit(at, residents) };
    const counted = quick ? volume.cycles / QUICK : volume.cycles;
    const allowed = quick ? (QUICK_RESIDENT * counted) / cycles : ALLOWED;
    const findings = leaks(counted, { held, rss }, allowed);
    for (const [what, count] of Object.entries(left_after))
      if (count !== left_before[what]) findings.push(`${what}: ${left_before[what]} before, ${count} after`);
    const notes = [
      soak.notes?.() ?? [],
      ...Object.entries(left_after).map(([what, count]) => `${count} ${what}`),
    ];
    return { subject, cycles, seconds, held, rss, notes: notes.flat().join(', '), findings };
  } finally {
    await soak.end();
  }
}

/** Typed arrays as their bytes. (v8.serialize would tell 1 as a small integer from 1 as a double.) */
const as_text = (_: string, value: unknown): unknown =>
  ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
    : value;

/** What a call comes to: the code of its AlignError, or a digest of all that it gives. @throws any other error */
export async function outcome_of(call: () => unknown): Promise<string> {
  try {
    const text = JSON.stringify([await call()], as_text);
    return createHash('sha256').update(text).digest('base64');
  } catch (error) {
    if (error instanceof AlignError) return error.code;
    throw error;
  }
}
