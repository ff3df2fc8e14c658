// The matrix as a table, and what is wrong with a row.

import { columns } from '../../support/columns.ts';
import { ITEMS } from './inputs.ts';
import type { Cell, Row, Runtime } from './runtimes.ts';

/** A row, or why there is none. */
export type Outcome = Row | Error;

const COLUMNS = (['fp32', 'q8'] as const).flatMap((dtype) =>
  ([1, 2] as const).flatMap((threads) =>
    (['alone', 'batch'] as const).map((how) => ({ dtype, threads, how })),
  ),
);

function cell_of(row: Row, { dtype, threads, how }: (typeof COLUMNS)[number]): Cell | undefined {
  return row.cells.find((cell) => cell.dtype === dtype && cell.threads === threads && cell.how === how);
}

const name_of = ({ dtype, threads, how }: (typeof COLUMNS)[number]): string =>
  `${dtype}, ${threads === 1 ? '1 thread' : '2 threads'}, ${how}`;

/** What a cell must be: the same for all cells of a dtype. */
function wanted(reference: Row, dtype: Cell['dtype']): Cell {
  return cell_of(reference, { dtype, threads: 1, how: 'alone' })!;
}

/** What is wrong with a row, a line for each cell; nothing where all is well. */
export function faults({ threads }: Runtime, row: Row, reference: Row): string[] {
  return COLUMNS.flatMap((column) => {
    const cell = cell_of(row, column);
    if (cell?.digest === undefined)
      return column.threads === 1 || threads ? [`${name_of(column)}: there is nothing`] : [];
    if (column.threads === 2 && !threads) return [`${name_of(column)}: there are threads, unexpectedly`];
    const { digest, items } = wanted(reference, column.dtype);
    if (cell.digest === digest) return [];
    const other = ITEMS.filter((_, i) => cell.items![i] !== items![i]);
    const which = `${other.length} of ${ITEMS.length} embeddings differ: ${other.slice(0, 10).join('; ')}`;
    return [`${name_of(column)}: ${cell.digest} is not ${digest!}; ${which}`];
  });
}

/** A line for each runtime, a column for each way to compute; `!` marks a digest that is another. */
export function table(outcomes: ReadonlyMap<Runtime, Outcome>, reference: Row): string {
  const lines = [
    ['', 'fp32', '', '', '', 'q8', '', '', ''],
    ['', '1 thread', '', '2 threads', '', '1 thread', '', '2 threads', ''],
    ['', ...COLUMNS.map(({ how }) => how)],
  ];
  for (const [{ name }, outcome] of outcomes) {
    if (outcome instanceof Error) lines.push([`${name} FAILED`, ...COLUMNS.map(() => '!')]);
    else
      lines.push([
        `${name} ${outcome.version}`,
        ...COLUMNS.map((column) => {
          const digest = cell_of(outcome, column)?.digest;
          if (digest === undefined) return 'none';
          return (digest === wanted(reference, column.dtype).digest ? '' : '!') + digest.slice(0, 8);
        }),
      ]);
  }
  return columns(lines);
}
