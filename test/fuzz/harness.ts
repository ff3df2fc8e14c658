// What a fuzz target is, and how one file of it is judged: it ends in a result or in an AlignError of a code that the target
// names, soon, and in little memory. Everything else is a finding.

import { getHeapStatistics } from 'node:v8';
import { AlignError, type AlignErrorCode } from '../../src/host/errors.ts';
import { AllocationCounter } from '../support/allocations.ts';
import { columns } from '../support/columns.ts';
import { Dice } from './dice.ts';

/** One input: the files that a reader is given, by name. */
export type Case = Readonly<Record<string, Uint8Array>>;

/** Makes inputs, and reads them. */
export interface Fuzzer {
  make(dice: Dice): Case;
  /** Throws what the reader throws; and an Error of its own where a result is wrong. */
  read(files: Case): Promise<void> | void;
  /** Throws where other readers make something else of an input that was read. Their time and memory do not count. */
  compare?(files: Case): Promise<void> | void;
}

export interface Target {
  readonly name: string;
  /** How many inputs `npm run test:long` tries. */
  readonly files: number;
  /** What a reader may refuse an input with. */
  readonly codes: readonly AlignErrorCode[];
  /** Milliseconds that an input may take: 100 where a target does not say. */
  readonly most_ms?: number;
  /** Bytes of buffers and of WebAssembly memory that reading may ask for besides twice the input: what a result or an instance takes. */
  readonly constant: number;
  start(): Promise<Fuzzer>;
}

/** What reading one input came to. */
export interface Verdict {
  readonly outcome: string;
  readonly ms: number;
  /** Bytes of buffers and of WebAssembly memory that it asked for, garbage too. */
  readonly memory: number;
  /** Bytes of heap that it left behind, garbage too; below 0 where the collector ran. */
  readonly heap: number;
  /** What must not have happened. */
  readonly finding: string | null;
}

export const MOST_MS = 100;

/** Bytes of garbage that a byte of input may leave in the heap: a tensor of 60 bytes is an entry, its name and its shape. */
const GARBAGE_PER_BYTE = 16;
/** V8 collects garbage before there is more of it. */
const MOST_GARBAGE = 2 ** 24;
/** What any input may leave there: errors with their traces, what V8 compiles. */
const HEAP_CONSTANT = 2 ** 23;

/** Times that an input is tried which took too long or left too much: another process, or V8's compiler, may have had its turn. */
const TRIES = 3;

export function size_of(files: Case): number {
  return Object.values(files).reduce((sum, { length }) => sum + length, 0);
}

/** From the first input to the last of the process: to begin and to end takes longer than to read one. */
let asked: AllocationCounter | undefined;

async function read_once(target: Target, fuzzer: Fuzzer, files: Case): Promise<Verdict> {
  asked ??= new AllocationCounter();
  const cpu = process.cpuUsage();
  const before = getHeapStatistics().used_heap_size;
  const started = performance.now();
  asked.reset();
  let outcome = 'accepted';
  let finding: string | null = null;
  try {
    await fuzzer.read(files);
  } catch (error) {
    outcome = error instanceof AlignError ? error.code : 'another error';
    if (!(error instanceof AlignError)) finding = reason(error);
    else if (!target.codes.includes(error.code)) finding = `${error.code}: ${error.message}`;
  }
  const memory = asked.bytes;
  const passed = performance.now() - started;
  const heap = getHeapStatistics().used_heap_size - before;
  // Where other processes had their turn meanwhile, this one's own time counts.
  const { user, system } = process.cpuUsage(cpu);
  return { outcome, ms: Math.min(passed, (user + system) / 1000), memory, heap, finding };
}

/** Reads one input; where it takes too long or leaves too much garbage, again, and the best counts. */
export async function judge(target: Target, fuzzer: Fuzzer, files: Case): Promise<Verdict> {
  const size = size_of(files);
  const most_ms = target.most_ms ?? MOST_MS;
  const most_memory = 2 * size + target.constant;
  const most_heap = 2 * size + Math.min(GARBAGE_PER_BYTE * size, MOST_GARBAGE) + HEAP_CONSTANT;
  let best = await read_once(target, fuzzer, files);
  for (let i = 1; i < TRIES && (best.ms > most_ms || best.heap > most_heap) && !best.finding; i++) {
    const next = await read_once(target, fuzzer, files);
    best = { ...next, ms: Math.min(best.ms, next.ms), heap: Math.min(best.heap, next.heap) };
  }
  if (best.finding !== null) return best;
  if (best.memory > most_memory) return { ...best, finding: `it asked for ${best.memory} bytes of memory` };
  if (best.ms > most_ms) return { ...best, finding: `it took ${best.ms.toFixed(1)} ms` };
  if (best.heap > most_heap) return { ...best, finding: `it left ${best.heap} bytes of heap` };
  if (best.outcome !== 'accepted') return best;
  return { ...best, finding: await failure_of(() => fuzzer.compare?.(files)) };
}

/** What a comparison throws; null where it throws nothing. */
async function failure_of(compare: () => Promise<void> | void): Promise<string | null> {
  try {
    await compare();
    return null;
  } catch (error) {
    return reason(error);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.stack! : String(error));

/** The sums of a run over one target. */
export class Tally {
  readonly target: Target;
  readonly outcomes: Map<string, number> = new Map();
  readonly findings: { index: number; files: Case; finding: string }[] = [];
  files = 0;
  slowest = 0;
  memory = 0;
  heap = 0;
  seconds = 0;

  constructor(target: Target) {
    this.target = target;
  }

  add(index: number, files: Case, { outcome, ms, memory, heap, finding }: Verdict): void {
    this.files++;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.slowest = Math.max(this.slowest, ms);
    this.memory = Math.max(this.memory, memory);
    this.heap = Math.max(this.heap, heap);
    // One of a kind is enough to mend it.
    const kind = (text: string): string => text.split('\n')[0]!.replace(/".*"|[\d.]+/g, '…');
    if (finding !== null && !this.findings.some((known) => kind(known.finding) === kind(finding)))
      this.findings.push({ index, files, finding });
  }
}

/** How far to go: so many inputs, or so many seconds. `at` hears the index of each input before it is read. */
export interface Bounds {
  readonly seed: number;
  readonly first?: number;
  readonly files: number;
  readonly seconds?: number;
  readonly at?: (index: number) => void;
}

/** Tries inputs `first` … of a seed. */
export async function fuzz(
  target: Target,
  { seed, first = 0, files, seconds = Infinity, at }: Bounds,
): Promise<Tally> {
  const fuzzer = await target.start();
  const tally = new Tally(target);
  const started = performance.now();
  for (let index = first; index < first + files; index++) {
    at?.(index);
    const input = fuzzer.make(Dice.of(seed, index));
    tally.add(index, input, await judge(target, fuzzer, input));
    tally.seconds = (performance.now() - started) / 1000;
    if (tally.seconds > seconds || tally.findings.length >= 20) break;
  }
  return tally;
}

/** One row a target, one line a finding. */
export function table(tallies: readonly Tally[]): string {
  const rows = [
    ['target', 'files', 'accepted', 'slowest ms', 'buffers KB', 'heap KB', 'seconds', 'findings', 'refused'],
    ...tallies.map(({ target, files, outcomes, slowest, memory, heap, seconds, findings }) => [
      target.name,
      String(files),
      String(outcomes.get('accepted') ?? 0),
      slowest.toFixed(1),
      (memory / 1024).toFixed(0),
      (heap / 1024).toFixed(0),
      seconds.toFixed(1),
      String(findings.length),
      Array.from(outcomes)
        .filter(([outcome]) => outcome !== 'accepted')
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([outcome, count]) => `${outcome} ${count}`)
        .join(', '),
    ]),
  ];
  return columns(rows);
}
