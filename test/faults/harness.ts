// What a kind of fault is, and how one point of it is judged: the call with the fault ends in an AlignError of a code that is
// due or in the right answer, soon; and the same objects then give the right answer to the next call.

import { AlignError, type AlignErrorCode } from '../../src/host/errors.ts';
import { columns } from '../support/columns.ts';
import { leaks_since, type Census } from './census.ts';

/** Milliseconds after which a call counts as hung. */
export const HANG_MS = 20_000;

/** Hung calls after which a kind of fault is given up. */
const MOST_HUNG = 3;

/** One row of the table. */
export interface Row {
  readonly fault: string;
  points: number;
  /** Calls that ended in an error that is due, by its code. */
  readonly typed: Map<AlignErrorCode, number>;
  right: number;
  wrong: number;
  hung: number;
  /** Memories, workers, files, buffers … that are left over. */
  leaks: number;
  seconds: number;
  /** What was wrong where, one line each. */
  readonly findings: string[];
}

/** Hears the name of each point before it is tried. */
export type At = (point: string) => void;

/** Random points beside those that are always tried, for kinds that have them. */
export interface Order {
  /** Null for as many as a short run has. */
  readonly points: number | null;
  readonly seed: number;
}

/** A kind of fault. */
export interface FaultKind {
  readonly name: string;
  readonly run: (at: At, order: Order) => Promise<Row[]>;
}

/** What a call came to: a digest of its answer, or what it threw. */
type Ended = { readonly answer: string } | { readonly thrown: unknown } | 'hung';

/** `task`, given up after {@link HANG_MS}. */
async function ended(task: () => Promise<string>): Promise<Ended> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Ended>((resolve) => {
    timer = setTimeout(() => resolve('hung'), HANG_MS);
  });
  const done = Promise.resolve()
    .then(task)
    .then(
      (answer): Ended => ({ answer }),
      (thrown: unknown): Ended => ({ thrown }),
    );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

function described(thrown: unknown): string {
  if (thrown instanceof AlignError) return `${thrown.code}: ${thrown.message}`;
  return thrown instanceof Error ? (thrown.stack ?? String(thrown)) : `threw ${String(thrown)}`;
}

interface PointOptions {
  /** What the call without a fault must give, if not what the one with it may. */
  readonly afterwards?: string;
  /** What this fault may end in, if not what the row's may. */
  readonly codes?: readonly AlignErrorCode[];
}

/** Fills a row, point by point. */
export class Tally {
  readonly row: Row;
  readonly #codes: readonly AlignErrorCode[];
  readonly #at: At;
  readonly #started = performance.now();

  /** @param codes what a fault may end in */
  constructor(fault: string, codes: readonly AlignErrorCode[], at: At) {
    this.row = { fault, points: 0, typed: new Map(), right: 0, wrong: 0, hung: 0, leaks: 0, seconds: 0, findings: [] }; // prettier-ignore
    this.#codes = codes;
    this.#at = at;
  }

  /**
   * Tries one point.
   * @param faulty the call with the fault, whose answer, if it has one, must be `right`
   * @param next what is asked afterwards, without a fault
   * @returns the code of the error that the faulty call ended in, null for a right answer or a finding
   */
  async point(
    name: string,
    faulty: () => Promise<string>,
    right: string,
    next: () => Promise<string>,
    { afterwards = right, codes = this.#codes }: PointOptions = {},
  ): Promise<AlignErrorCode | null> {
    const { row } = this;
    this.#at(`${row.fault}: ${name}`);
    row.points++;
    const code = this.#judge(name, await ended(faulty), right, codes);
    const after = await ended(next);
    if (after === 'hung') this.#hung(`${name}, the call after it`);
    else if ('thrown' in after) this.wrong(`${name}, the call after it: ${described(after.thrown)}`);
    else if (after.answer !== afterwards) this.wrong(`${name}, the call after it: another answer`);
    return code;
  }

  /** Something that must not be, at a point that was counted. */
  wrong(finding: string): void {
    this.row.wrong++;
    this.found(finding);
  }

  /** A line about what was wrong. It is printed at once: what comes after it may not end. */
  found(finding: string): void {
    const line = `${this.row.fault}, ${finding}`;
    this.row.findings.push(line);
    console.log(line);
  }

  /** The row, when all points are tried: what is held must be what `before` counted. */
  async finish(before: Census): Promise<Row> {
    const left = await leaks_since(before);
    this.row.leaks = left.length;
    for (const what of left) this.found(`left over: ${what}`);
    this.row.seconds = (performance.now() - this.#started) / 1000;
    return this.row;
  }

  #judge(
    name: string,
    outcome: Ended,
    right: string,
    codes: readonly AlignErrorCode[],
  ): AlignErrorCode | null {
    const { row } = this;
    if (outcome === 'hung') {
      this.#hung(name);
      return null;
    }
    if ('answer' in outcome) {
      if (outcome.answer === right) row.right++;
      else this.wrong(`${name}: another answer`);
      return null;
    }
    const { thrown } = outcome;
    if (!(thrown instanceof AlignError) || !codes.includes(thrown.code)) {
      this.wrong(`${name}: ${described(thrown)}`);
      return null;
    }
    row.typed.set(thrown.code, (row.typed.get(thrown.code) ?? 0) + 1);
    return thrown.code;
  }

  #hung(name: string): void {
    this.row.hung++;
    this.found(`${name}: no end after ${HANG_MS / 1000} s`);
    if (this.row.hung >= MOST_HUNG)
      throw new Error(`${this.row.fault}: ${MOST_HUNG} calls hung, the rest is not tried`);
  }
}

/** One line a row. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ['fault', 'points', 'typed errors', 'right answers', 'wrong', 'hung', 'leaks', 'seconds', 'codes'],
    ...rows.map(({ fault, points, typed, right, wrong, hung, leaks, seconds }) => [
      fault,
      ...[points, typed_errors(typed), right, wrong, hung, leaks].map(String),
      seconds.toFixed(1),
      Array.from(typed, ([code, count]) => `${code} ${count}`).join(', '),
    ]),
  ];
  return columns(cells);
}

function typed_errors(typed: Row['typed']): number {
  return Array.from(typed.values()).reduce((sum, count) => sum + count, 0);
}
