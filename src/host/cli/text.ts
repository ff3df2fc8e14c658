// Aligned columns, bars, colours and a progress bar, in plain text.

import type { Io } from './io.ts';

const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], cyan: [36, 39] } as const;

/** `text` in a style where the terminal shows colours, else as it is. */
export function styled(io: Io, style: keyof typeof STYLES, text: string): string {
  const [on, off] = STYLES[style];
  return io.colour ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

/** The letters of a text as people see them: an accent or a flag is not taken apart. */
export function letters(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

// East Asian wide letters and emoji.
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Emoji_Presentation}|\ufe0f/u;

/** A text that moves no cursor and turns no direction around: what a file's name has of that is shown as U+FFFD. */
export function safe_text(text: string): string {
  return text.replace(/[\p{Cc}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/gu, '\ufffd');
}

/** Columns a text takes on a terminal. */
export function width_of(text: string): number {
  return letters(text).reduce((width, letter) => width + (WIDE.test(letter) ? 2 : 1), 0);
}

/** `text` with spaces up to `width` columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - width_of(text)));
}

/** `text` after spaces, `width` columns in all. */
export function right(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - width_of(text))) + text;
}

/** Rows with aligned columns, two spaces between; `columns` says how each is aligned. No spaces at the end of a line. */
export function table(
  rows: readonly (readonly string[])[],
  columns: readonly ('left' | 'right')[],
): string[] {
  const widths = columns.map((_, c) => Math.max(0, ...rows.map((row) => width_of(row[c] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, c) => (columns[c] === 'right' ? right(cell, widths[c]!) : padded(cell, widths[c]!)))
      .join('  ')
      .trimEnd(),
  );
}

const EIGHTHS = ' ▏▎▍▌▋▊▉█';

/** A bar for `share` of 1, `width` columns long when full, drawn in eighths of a column. */
export function bar(share: number, width: number): string {
  if (!(share > 0)) return '';
  const eighths = Math.round(Math.min(1, share) * width * 8);
  return ('█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!).trimEnd();
}

/** A count and its noun: "1 picture", "3 pictures". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A number of bytes for people. */
export function bytes_text(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]!}`;
}

/** A duration for people. */
export function time_text(ms: number): string {
  return ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 10_000
      ? `${ms.toFixed(0)} ms`
      : `${(ms / 1000).toFixed(1)} s`;
}

/** A long duration for people: no more than they want to know. */
export function span_text(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return ms < 1000 ? time_text(ms) : `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Work shorter than this shows no bar.
const QUIET_MS = 400;

/** A bar on standard error, where that is a terminal, for work that lasts; it is wiped before anything else is printed. */
export class Progress {
  readonly #io: Io;
  readonly #started: number;
  #drawn = false;

  constructor(io: Io) {
    this.#io = io;
    this.#started = io.now();
  }

  /** Says how far the work is: `done` of `total`, whatever their unit, and a note behind the bar. */
  update(what: string, done: number, total: number, note = ''): void {
    if (!this.#io.progress || this.#io.now() - this.#started < QUIET_MS) return;
    const share = total > 0 ? done / total : 0;
    const percent = right(`${Math.floor(share * 100)} %`, 5);
    this.#io.err(`\r\u001b[K${what} ${padded(bar(share, 24), 24)} ${percent}${note && `  ${note}`}`);
    this.#drawn = true;
  }

  /** Takes the bar off the screen. */
  clear(): void {
    if (this.#drawn) this.#io.err('\r\u001b[K');
    this.#drawn = false;
  }
}
