// What became of each mutant: one line of JSON a mutant, appended as it is known, so that a run that is ended loses nothing.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Operator } from './mutations.ts';

/**
 * `equivalent`: the same module as the original's; `invalid`: no program; `killed`: a test failed; `survived`: none did.
 * Only killed and survived mutants count.
 */
export type State = 'killed' | 'survived' | 'equivalent' | 'invalid';

export interface Result {
  /** Where and what: {@link describe} of the mutation. */
  readonly mutant: string;
  readonly file: string;
  readonly operator: Operator;
  readonly state: State;
  /** The first test that failed. */
  readonly by?: string;
  readonly message?: string;
  /** It survived at first: a test was written for it. */
  readonly survived_before?: true;
}

export class Results {
  readonly #path: string | URL;
  readonly #results = new Map<string, Result>();

  constructor(path: string | URL) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n'))
      if (line !== '') this.#take(JSON.parse(line) as Result);
  }

  get all(): Result[] {
    return [...this.#results.values()];
  }

  get(mutant: string): Result | undefined {
    return this.#results.get(mutant);
  }

  /** Mutants that are programs of their own. */
  get valid(): number {
    return this.all.filter(({ state }) => state === 'killed' || state === 'survived').length;
  }

  add(result: Result): void {
    appendFileSync(this.#path, `${JSON.stringify(this.#take(result))}\n`);
  }

  /** Writes the file anew, as it is by now: a line a mutant in the order of the sources, those in `keep` alone. */
  static tidy(path: string | URL, keep: (result: Result) => boolean): void {
    const place = ({ mutant }: Result): [string, number, number] => {
      const [file, line, column] = mutant.split(/[: ]/, 3);
      return [file!, Number(line), Number(column)];
    };
    const compare = (a: Result, b: Result): number => {
      const [p, q] = [place(a), place(b)];
      return p[0].localeCompare(q[0]) || p[1] - q[1] || p[2] - q[2] || a.mutant.localeCompare(b.mutant);
    };
    const lines = new Results(path).all.filter(keep).sort(compare).map((result) => `${JSON.stringify(result)}\n`); // prettier-ignore
    writeFileSync(path, lines.join(''));
  }

  #take(result: Result): Result {
    const before = this.#results.get(result.mutant);
    const survived = before?.state === 'survived' || before?.survived_before === true;
    const kept: Result =
      result.state === 'killed' && survived ? { ...result, survived_before: true } : result;
    this.#results.set(kept.mutant, kept);
    return kept;
  }
}
