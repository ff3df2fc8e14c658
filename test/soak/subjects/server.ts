// An example's server under a crowd of clients on the loopback. What its isolate holds is counted by its inspector, before
// and after, when nobody waits for an answer; the resident memory of its processes is watched meanwhile.

import { readdirSync, readFileSync } from 'node:fs';
import { dog, expected_answers, PICTURES, post } from '../../examples/endpoint_requests.ts';
import type { Endpoint } from '../../examples/endpoint_servers.ts';
import type { Inspector } from '../../support/inspector.ts';
import { late_fit, leaks, type Row } from '../harness.ts';
import { NO_BYTES, resident, type Bytes } from '../memory.ts';
import { Answers, CLIENTS, crowd } from './clients.ts';

const SAMPLE_MS = 250;
const MOST_FINDINGS = 5;
/** For the second in which the examples discard what is left of a body. */
const SETTLES_MS = 3000;

/**
 * A server collects its garbage when it likes to, and grows for half a minute; a slope is a leak that is certain and comes
 * to more than this in the rest of the minute. What its isolate holds in the end is the sharper measure.
 */
const ALLOWED_RESIDENT = 10e6;
/** Ten seconds are too few for such a slope: in a short run, what a picture kept of each request would come to. */
const QUICK_RESIDENT = 100e6;

/** The processes that a process has started, and those that these have. */
function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const];
      } catch {
        return []; // it has ended
      }
    });
  const children = (of: number): number[] =>
    parents.flatMap(([child, parent]) => (parent === of ? [child, ...children(child)] : []));
  return children(pid);
}

function percentiles(ms: readonly number[]): string {
  const sorted = Float64Array.from(ms).sort();
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(0);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, at most ${at(1)} ms`;
}

/** Collects garbage. workerd does that when it is asked for something the next time. */
async function collect(url: string, inspector: Inspector): Promise<void> {
  const pending = { collect: true };
  const collected = inspector.collect().then(() => (pending.collect = false));
  while (pending.collect) await (await fetch(url)).text();
  await collected;
}

/** What a server's isolate holds once nobody waits for an answer. */
async function held(url: string, inspector: Inspector): Promise<Bytes> {
  await new Promise((resume) => setTimeout(resume, SETTLES_MS));
  for (let i = 0; i < 3; i++) await collect(url, inspector);
  return { ...NO_BYTES, heap: await inspector.heap() };
}

/** The load of `seconds` on a server that is started for it, after a quarter of that, or all where it is short, to warm up. */
export async function server_row(
  subject: string,
  serve: (inspected: boolean) => Promise<Endpoint>,
  { quick, seconds, seed }: { readonly quick: boolean; readonly seconds: number; readonly seed: number },
): Promise<Row> {
  const server = await serve(true);
  const { url, log } = server;
  const inspector = server.inspector!;
  try {
    const expected = await expected_answers(url);
    const warm_up = new Answers();
    await crowd(
      { url, expected, seed: seed + 1, until: performance.now() + (quick ? 1000 : 250) * seconds },
      warm_up,
    );

    const before = await held(url, inspector);
    const answers = new Answers();
    const [at, residents]: [number[], number[]] = [[], []];
    const look = (): void => {
      at.push(answers.requests);
      residents.push(descendants(process.pid).reduce((sum, pid) => sum + resident(pid), 0));
    };
    const started = performance.now();
    const until = started + 1000 * seconds;
    const watch = setInterval(() => {
      if (performance.now() < until) look();
    }, SAMPLE_MS);
    await crowd({ url, expected, seed, until }, answers);
    clearInterval(watch);
    const took = (performance.now() - started) / 1000;
    const dog_at = PICTURES.findIndex((picture) => Buffer.compare(picture, dog) === 0);
    await answers.good('a picture afterwards', () => post(url, dog), expected[dog_at]!);
    const after = await held(url, inspector);

    const rss = {
      before: residents[0]!,
      after: residents.at(-1)!,
      most: Math.max(...residents),
      fit: late_fit(at, residents),
    };
    const memory = { held: { before, after, fit: null }, rss };
    const { requests, ms, refused, left } = answers;
    const wrong = [...warm_up.wrong, ...answers.wrong];
    const findings = wrong.slice(0, MOST_FINDINGS);
    if (wrong.length > 0) findings.unshift(`${wrong.length} wrong answers`);
    findings.push(...leaks(requests, memory, quick ? QUICK_RESIDENT : ALLOWED_RESIDENT));
    const errors = log.filter((line) => /error|uncaught|hung/i.test(line));
    if (errors.length > 0) findings.push(`it printed ${errors[0]!}`);
    const refusals = Array.from(refused, ([refusal, count]) => `${refusal} ${count}`).sort();
    const notes = [
      `${CLIENTS} clients: ${ms.length} answered rightly, ${percentiles(ms)}`,
      `${left} went away`,
      `refused: ${refusals.join(', ')}`,
      `${wrong.length} wrong`,
    ];
    return { subject, cycles: requests, seconds: took, ...memory, notes: notes.join('; '), findings };
  } finally {
    await server.stop();
  }
}
