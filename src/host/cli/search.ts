// align-wasm search: the pictures of an index that fit words and pictures best.

import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { platform } from '#platform';
import type { Align } from '../align.ts';
import { throw_if_aborted } from '../errors.ts';
import type { Match } from '../search/align_index.ts';
import { open_store } from '../stores/index.ts';
import { device_of, parse_words, RUNNING } from './args.ts';
import { check_same, described, read_index, shown_url } from './index_files.ts';
import { check_stdin, read_picture } from './inputs.ts';
import { OK, UsageError, type Io } from './io.ts';
import { load } from './load.ts';
import { embedding_of, query_of, query_text, type QueryPart } from './query.ts';
import { sheet_html, type SheetMatch, type SheetPart } from './sheet.ts';
import { bar, counted, Progress, right, safe_text, styled, time_text } from './text.ts';
import { Thumbnails } from './thumbnails.ts';

export const HELP = `align-wasm search INDEX [TEXT…] [options]

Prints the pictures of an index that fit best, the best first, with the cosine between picture and query.

  INDEX                 what align-wasm index wrote: a file or its URL, postgres://… or pglite:FOLDER
  TEXT                  what the picture shows, in words; several are added up
  --image PICTURE       a picture like it: a file, a URL, or - for standard input; may be given several times
  --minus TEXT          what it should not show; may be given several times
  --image-weight W      how much each --image counts beside a text's 1 (default 1)
  --minus-weight W      how much each --minus counts (default 0.5: what is wanted stays in front)
  -k, --top-k N         print the best N (default 10; with --html 48)
  --html FILE           write a contact sheet as well: one file with thumbnails, for any browser, without a network
  --folder FOLDER       where the indexed pictures are, if they were moved; only --html looks at them
  --model MODEL         the model the index was made with (default: the embedded icon model)
  --device KIND         where the model runs: wasm, webgpu or auto (default: a real GPU where there is one)
  --json                one JSON object a picture: {"id", "score", "meta"}
`;

const SHOWN = 10;
const SHOWN_HTML = 48;
const BAR_WIDTH = 24;
const STORE = /^(postgres(ql)?|pglite):/;

/** Runs the command; gives its exit status. */
export async function search(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(
    argv,
    {
      ...RUNNING,
      image: { type: 'string', multiple: true },
      minus: { type: 'string', multiple: true },
      'image-weight': { type: 'string' },
      'minus-weight': { type: 'string' },
      'top-k': { type: 'string', short: 'k' },
      html: { type: 'string' },
      folder: { type: 'string' },
    },
    'one',
  );
  const [name, ...texts] = words.positionals;
  if (name === undefined) throw new UsageError('search needs an INDEX');
  check_stdin(words.all('image'));
  const html = words.text('html');
  if (html !== undefined && !/\.html?$/i.test(html))
    throw new UsageError(`--html writes a file that ends in .html, not ${JSON.stringify(html)}`);
  const k = words.count('top-k') ?? (html === undefined ? SHOWN : SHOWN_HTML);
  const parts = await query_of(texts, words, io);

  // One tower alone where only its kind is asked for: half the memory and half the time to load.
  const images = parts.filter((part) => 'image' in part).length;
  const towers = images === 0 ? 'text' : images === parts.length ? 'vision' : 'both';
  const { align, ms: load_ms } = await load(words.text('model'), io, { towers, device: device_of(words) });
  let matches: readonly Match[];
  let size: number;
  const started = io.now();
  try {
    const index = await open(name, align);
    try {
      matches = await index.search(await embedding_of(parts, align, io), k);
      size = await index.size();
    } finally {
      await index.close();
    }
  } finally {
    align.dispose();
  }
  const ms = io.now() - started + load_ms;
  if (html !== undefined) {
    const page = await sheet(
      parts,
      matches,
      { index: shown_url(name), size },
      words.text('folder'),
      name,
      io,
    );
    await platform.write(html, [new TextEncoder().encode(page)]);
  }
  if (words.flag('json')) {
    for (const match of matches) io.out(`${JSON.stringify(match)}\n`);
    return OK;
  }
  for (const line of lines(matches, io)) io.out(`${line}\n`);
  const summary = `${safe_text(query_text(parts))}: ${matches.length} of ${counted(size, 'picture')}, ${time_text(ms)} (loading ${time_text(load_ms)})`;
  io.out(`${styled(io, 'dim', summary)}\n`);
  if (html !== undefined) io.out(`${html}\n`);
  return OK;
}

/** Something to search in. */
interface Searchable {
  search(query: Float32Array, k: number): Promise<readonly Match[]>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** The index, once it is known to belong to the model. @throws AlignError */
async function open(name: string, align: Align): Promise<Searchable> {
  const { model, dimensions } = await described(align);
  if (STORE.test(name))
    return open_store(name, { dimensions, ...(model !== null && { model }), create: false });
  const index = await read_index(name);
  try {
    const hint = 'name the model that the index was made with: --model';
    check_same(name, index, 'the model', { model, dimensions }, hint);
  } catch (error) {
    index.dispose();
    throw error;
  }
  return {
    search: (query, k) => Promise.resolve(index.search(query, k)),
    size: () => Promise.resolve(index.size),
    close() {
      index.dispose();
      return Promise.resolve();
    },
  };
}

/** A line a picture: rank, score, bar, id. */
function lines(matches: readonly Match[], io: Io): string[] {
  const best = matches[0]?.score ?? 1;
  const width = String(matches.length).length;
  return matches.map(({ id, score }, i) => {
    const drawn = bar(best > 0 ? score / best : 0, BAR_WIDTH);
    const line = `${right(String(i + 1), width)}  ${right(score.toFixed(3), 6)}  `;
    const name = safe_text(String(id));
    return `${line}${styled(io, 'cyan', drawn)}${' '.repeat(BAR_WIDTH - drawn.length)}  ${i === 0 ? styled(io, 'green', name) : name}`;
  });
}

/** The contact sheet of what was found. */
async function sheet(
  parts: readonly QueryPart[],
  matches: readonly Match[],
  index: { readonly index: string; readonly size: number },
  folder: string | undefined,
  name: string,
  io: Io,
): Promise<string> {
  const thumbnails = new Thumbnails();
  const progress = new Progress(io);
  const query: SheetPart[] = [];
  for (const part of parts)
    query.push({ ...part, thumbnail: 'image' in part ? await thumbnails.make(part.image) : null });
  const shown: SheetMatch[] = [];
  try {
    for (const [i, match] of matches.entries()) {
      throw_if_aborted(io.signal);
      progress.update('contact sheet', i, matches.length);
      shown.push(await sheet_match(match, places(match, folder, name), thumbnails));
    }
  } finally {
    progress.clear();
  }
  return sheet_html({ ...index, query, matches: shown });
}

/** What the entries of `align-wasm index` say of their pictures. */
interface PictureMeta {
  readonly path?: unknown;
  readonly sha256?: unknown;
}

/** Where a picture may be: in the folder that was named; as its path says, from here or from beside the index. */
function places({ id, meta }: Match, folder: string | undefined, index: string): string[] {
  if (folder !== undefined) return [join(folder, String(id))];
  const { path } = (meta ?? {}) as PictureMeta;
  if (typeof path !== 'string') return [];
  return STORE.test(index) ? [path] : [path, resolve(dirname(index), path)];
}

async function sheet_match(
  { id, score, meta }: Match,
  candidates: readonly string[],
  thumbnails: Thumbnails,
): Promise<SheetMatch> {
  const { path, sha256 } = (meta ?? {}) as PictureMeta;
  const shown = { score, path: typeof path === 'string' ? path : String(id) };
  for (const place of candidates) {
    const bytes = await read_picture(place).catch(() => null);
    if (bytes === null) continue;
    const changed = sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256;
    const thumbnail = await thumbnails.make(bytes).catch(() => null);
    const note = thumbnail === null ? 'cannot be read' : changed ? 'changed since it was indexed' : null;
    return { ...shown, thumbnail, note };
  }
  return { ...shown, thumbnail: null, note: 'not found' };
}
