// results.md: the figures of results.jsonl by file, what was found missing and is tested since, and what survives and why
// (reasons.json, by mutant).

import { readFileSync, writeFileSync } from 'node:fs';
import { Results, type Result } from './results.ts';

const at = (name: string): URL => new URL(name, import.meta.url);

/** Why no test tells a mutant from the original. */
export type Reasons = Readonly<Record<string, string>>;

export const RESULTS = at('results.jsonl');
export const REPORT = at('results.md');

export function read_reasons(): Reasons {
  return JSON.parse(readFileSync(at('reasons.json'), 'utf8')) as Reasons;
}

const is = (state: Result['state']) => (result: Result): boolean => result.state === state; // prettier-ignore
const count = (results: readonly Result[], state: Result['state']): number =>
  results.filter(is(state)).length;

/** Killed of all that count, in per cent with one place, rounded down. */
export function score(results: readonly Result[]): number {
  const [killed, survived] = [count(results, 'killed'), count(results, 'survived')];
  return Math.floor((1000 * killed) / (killed + survived)) / 10;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

function figures(name: string, results: readonly Result[]): string {
  const [killed, survived] = [count(results, 'killed'), count(results, 'survived')];
  return row([
    name,
    killed + survived,
    killed,
    survived,
    count(results, 'equivalent'),
    count(results, 'invalid'),
  ]);
}

export function report(results: readonly Result[], reasons: Reasons): string {
  const files = [...new Set(results.map(({ file }) => file))].sort();
  const operators = [...new Set(results.map(({ operator }) => operator))].sort();
  const header = (first: string): string[] => [
    row([first, 'mutants', 'killed', 'survived', 'equivalent', 'invalid']),
    '|---|---|---|---|---|---|',
  ];
  const mended = results.filter(({ survived_before }) => survived_before);
  return [
    '# Results of the mutation test',
    '',
    'Written by `node test/mutation/run.mjs --report` from results.jsonl and reasons.json; README.md says how to read it.',
    '',
    `${score(results)} % of ${count(results, 'killed') + count(results, 'survived')} mutants are killed.`,
    '',
    ...header('file'),
    ...files.map((file) => figures(file, results.filter((result) => result.file === file))), // prettier-ignore
    figures('all', results),
    '',
    ...header('change'),
    ...operators.map((name) => figures(name, results.filter(({ operator }) => operator === name))), // prettier-ignore
    '',
    '## Survived at first, killed since',
    '',
    row(['mutant', 'test']),
    '|---|---|',
    ...mended.map(({ mutant, by }) => row([cell(mutant), cell(by ?? '')])),
    '',
    '## Survivors',
    '',
    row(['mutant', 'why no test tells it from the original']),
    '|---|---|',
    ...results.filter(is('survived')).map(({ mutant }) => row([cell(mutant), cell(reasons[mutant] ?? 'no answer yet')])), // prettier-ignore
    '',
  ].join('\n');
}

/** Writes results.md. */
export function write_report(): void {
  writeFileSync(REPORT, report(new Results(RESULTS).all, read_reasons()));
}
