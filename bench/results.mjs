// A run's results: collected, printed, and as the file that is committed for a machine.

import { digits, table } from './measure.mjs';
import { figures_of } from './figures.mjs';

/** Further numbers that a row may have, and how they are called. */
const NOTES = {
  gflops: (value) => `${digits(value)} GFLOP/s`,
  share: (value) => `${digits(value)} of the chains`,
  share_of_tile: (value) => `${digits(value)} of the tile`,
  difference: (value) => `differs by ${digits(value)}`,
  padding: (value) => `padding changes ${digits(value)}`,
  cosine: (value) => `cosine ${value.toFixed(5)}`,
  over_weights: (value) => `${digits(value)} of the weights, activations left out`,
  resident: (value) => `${digits(value)} MB resident`,
  arena: (value) => (value ? `${digits(value)} MB of activations` : ''),
  rounds: (value) => `${value} round${value === 1 ? '' : 's'}`,
  error: (value) => value,
};

/** Lines of a section's measurements; `ratio` is the time over that of the first of the same work and place. */
export function measurement_lines(rows) {
  const first = new Map();
  const cells = rows.map((row) => {
    const group = `${row.work} | ${row.where}`;
    const time = row.median ?? row.best;
    if (time !== undefined && !first.has(group)) first.set(group, time);
    const notes = Object.entries(NOTES).flatMap(([name, say]) =>
      row[name] === undefined ? [] : say(row[name]),
    );
    return [
      row.work,
      row.where,
      row.who,
      digits(row.best),
      digits(row.median),
      row.unit ?? '',
      row.unit === 'ms' ? digits(time / first.get(group)) : '',
      notes.filter(Boolean).join(', '),
    ];
  });
  return table(['work', 'where', 'who', 'best', 'median', 'unit', 'ratio', 'notes'], cells);
}

/** Lines of the figures: ours, the peer's, the ratio, the target. */
export function figure_lines(rows) {
  const cells = figures_of(rows).map(({ what, where, ours, theirs, peer, ratio, target, reached, note }) => [
    what,
    where,
    digits(ours),
    digits(theirs),
    peer ?? '',
    peer ? digits(ratio) : '',
    target,
    note ? 'no figure' : reached ? 'reached' : 'short',
    note ?? '',
  ]);
  return table(['figure', 'where', 'ours', "peer's", 'peer', 'ratio', 'target', '', ''], cells);
}

/** A name for a file from a name for a processor: "AMD EPYC (Zen 4)" is amd-epyc-zen-4. */
export const slug = (name) =>
  name
    .toLowerCase()
    .replaceAll(/\((r|tm)\)/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

/** The name of a run's file: the processor's, or the GPU's, of which a processor's imitation says so. */
export function file_name({ device, machine }) {
  if (!device) return slug(machine.cpu);
  return slug(`${device.software ? 'software ' : ''}${device.description}`);
}

/** Four digits are more than any of these timings has. */
const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);

/** The text of a results file. */
export const results_text = (results) => `${JSON.stringify(results, rounded, 1)}\n`;
