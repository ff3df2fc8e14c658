// The contact sheet of a search: one HTML file that needs nothing else, no script and no network.

import { STYLE } from './sheet_style.ts';
import { safe_text } from './text.ts';
import type { Thumbnail } from './thumbnails.ts';

/** One part of the query, as it is shown. */
export interface SheetPart {
  readonly weight: number;
  /** The words, or the name of the picture. */
  readonly name: string;
  readonly thumbnail: Thumbnail | null;
}

/** A found picture. */
export interface SheetMatch {
  readonly score: number;
  /** Its path; the last piece is its name. */
  readonly path: string;
  readonly thumbnail: Thumbnail | null;
  /** What there is to say of the picture itself: that it is gone, or another one by now. */
  readonly note: string | null;
}

/** What a sheet shows. */
export interface Sheet {
  readonly query: readonly SheetPart[];
  readonly matches: readonly SheetMatch[];
  /** The index, and how many pictures it has. */
  readonly index: string;
  readonly size: number;
}

// Nothing may be loaded or run, whatever a file's name says.
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The page. The same search gives the same bytes. */
export function sheet_html({ query, matches, index, size }: Sheet): string {
  const title = query.map(({ weight, name }) => (weight < 0 ? `not ${name}` : name)).join(', ');
  const best = Math.max(...matches.map(({ score }) => score), 0);
  const count = size.toLocaleString('en');
  const found =
    matches.length === size
      ? `All ${plural(count, size)} of`
      : `The best ${matches.length.toLocaleString('en')} of ${plural(count, size)} in`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title)} · align-wasm search</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${query.map(part_html).join(' ')}</h1>
<p>${found} <bdi>${escaped(index)}</bdi></p>
</header>
<main>
${matches.map((match, i) => match_html(match, i + 1, best)).join('\n')}
<i class="rest"></i>
</main>
<footer>
<p>The number is the cosine of the angle between the picture and the query: 1 is the same, 0 unrelated. Bars are drawn against the best match.</p>
<p>Made with align-wasm search.</p>
</footer>
</body>
</html>
`;
}

function part_html({ weight, name, thumbnail }: SheetPart, i: number): string {
  const size = Math.abs(weight);
  const sign = weight < 0 ? '−' : i > 0 ? '+' : '';
  const factor = `${sign}${size === 1 ? '' : ` ${size} ×`}`.trim();
  const before = factor === '' ? '' : `<span class="sign">${factor}</span>`;
  const kind = weight < 0 ? 'part minus' : 'part';
  const what =
    thumbnail === null
      ? `<bdi>${escaped(name)}</bdi>`
      : `<img src="${thumbnail.src}" alt="${escaped(name)}" title="${escaped(name)}">`;
  return `${before}<span class="${kind}">${what}</span>`;
}

function match_html({ score, path, thumbnail, note }: SheetMatch, rank: number, best: number): string {
  const cut = path.lastIndexOf('/') + 1;
  const [folder, name] = [path.slice(0, cut), path.slice(cut)];
  const share = best > 0 ? Math.max(0, score / best) * 100 : 0;
  // A strip of film stays a strip: beyond these shapes the picture is fitted, not the place.
  const ratio = Math.min(2.4, Math.max(0.56, thumbnail?.ratio ?? 1)).toFixed(3);
  const picture =
    thumbnail === null
      ? '<div class="missing">no picture</div>'
      : `<img src="${thumbnail.src}" alt="${escaped(name)}">`;
  return (
    `<figure style="--ratio:${ratio}" title="${escaped(path)}"><div class="picture">${picture}<b>${rank}</b></div><figcaption>` +
    `<div class="score"><span>${number(score)}</span><div class="bar"><div style="width:${share.toFixed(1)}%"></div></div></div>` +
    `<div class="name"><bdi>${escaped(name)}</bdi></div>` +
    (folder === '' ? '' : `<div class="folder"><bdi>${escaped(folder)}</bdi></div>`) +
    (note === null ? '' : `<div class="note">${escaped(note)}</div>`) +
    '</figcaption></figure>'
  );
}

/** A score with a true minus sign. */
function number(score: number): string {
  return score.toFixed(3).replace('-', '−');
}

function plural(count: string, size: number): string {
  return `${count} picture${size === 1 ? '' : 's'}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Any text as the content of an element or of a quoted attribute. */
function escaped(text: string): string {
  return safe_text(text).replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);
}
