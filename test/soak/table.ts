// The rows of a soak as a table.

import { columns } from '../support/columns.ts';
import type { Row } from './harness.ts';
import { total, type Bytes } from './memory.ts';
import type { Fit } from './slope.ts';

const KINDS: Readonly<Record<keyof Bytes, string>> = {
  heap: 'heap KB',
  external: 'external KB',
  buffers: 'buffers KB',
  wasm: 'WASM KB',
  gpu: 'GPU KB',
};

const HEAD = [
  ...['subject', 'cycles', 'seconds', ...Object.values(KINDS), 'growth KB', 'KB per 1,000'],
  ...['resident MB', 'at most', 'KB per 1,000', 'verdict', 'and'],
];

const figure = (value: number): string => Math.round(value).toLocaleString('en');

/** Bytes a cycle, in KB a thousand cycles, and their standard error. */
const slope = ({ slope, error }: Fit): string => `${figure(slope)} ± ${figure(error)}`;

function cells({ subject, cycles, seconds, held, rss, notes, findings }: Row): string[] {
  const kinds = Object.keys(KINDS) as (keyof Bytes)[];
  const change = (kind: keyof Bytes): string =>
    `${figure(held.before[kind] / 1000)} → ${figure(held.after[kind] / 1000)}`;
  const growth = total(held.after) - total(held.before);
  return [
    ...[subject, figure(cycles), figure(seconds)],
    ...kinds.map(change),
    figure(growth / 1000),
    held.fit ? slope(held.fit) : '',
    `${figure(rss.before / 1e6)} → ${figure(rss.after / 1e6)}`,
    figure(rss.most / 1e6),
    slope(rss.fit),
    findings.join('; ') || 'flat',
    notes,
  ];
}

export function table(rows: readonly Row[]): string {
  return columns([HEAD, ...rows.map(cells)]);
}
