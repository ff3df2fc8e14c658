// One run of `index` on its locked output.
//
//   finished file ─┐                  ┌─ same content: kept
//                  ├─▶ AlignIndex ◀───┼─ new or changed: embedded ─▶ journal
//   journal ───────┘       │          └─ gone: removed
//                          ▼
//                    finished file, then the journal is taken away

import type { Align } from '../align.ts';
import { AlignError, show } from '../errors.ts';
import type { LoadOptions } from '../options.ts';
import type { AlignIndex } from '../search/align_index.ts';
import type { IndexDtype } from '../search/places.ts';
import { index_to_store, open_store, type VectorStore } from '../stores/index.ts';
import type { Found } from './folders.ts';
import { fingerprint, Indexer, type Events } from './indexer.ts';
import {
  check_same,
  described,
  finished_index,
  remove_partial,
  save_index,
  shown_url,
} from './index_files.ts';
import { error_json, FAILED, message_of, OK, SOME_FAILED, type Io } from './io.ts';
import { Journal } from './journal.ts';
import { load } from './load.ts';
import { index_target, store_target, type Meta } from './target.ts';
import { counted, Progress, safe_text, span_text, styled } from './text.ts';

/** What one run is to do. */
export interface Order {
  readonly folders: readonly string[];
  readonly output: string | undefined;
  /** URL of a database. */
  readonly to: string | undefined;
  readonly model: string | undefined;
  readonly dtype: IndexDtype | undefined;
  readonly device: LoadOptions['device'];
  readonly threads: number | undefined;
  readonly keep: boolean;
  readonly json: boolean;
  readonly sharded: boolean;
  /** Whether a picture belongs to the share that was asked for. */
  readonly mine: (id: string) => boolean;
}

/** What one run did. */
interface Tally {
  /** Entries in the end. */
  pictures: number;
  embedded: number;
  kept: number;
  removed: number;
  failed: number;
}

function load_model({ model, device, threads }: Order, io: Io): Promise<{ align: Align }> {
  return load(model, io, { towers: 'vision', device, threads });
}

/** Brings the order's file up to date, and a database with it where there is one; gives the exit status. */
export async function update_file(order: Order & { output: string }, found: Found, io: Io): Promise<number> {
  const { output, to } = order;
  const started = io.now();
  await remove_partial(output);
  const { align } = await load_model(order, io);
  let index: AlignIndex | undefined;
  let journal: Journal | undefined;
  let store: VectorStore | undefined;
  try {
    index = await open_index(order, align);
    const { dimensions, model } = index;
    if (to !== undefined) check_unrounded(index, output);
    if (to !== undefined) store = await open_store(to, { dimensions, ...(model !== null && { model }) });
    const header = { format: 'align-wasm journal 1', model: await fingerprint(align, io.signal), dimensions };
    const replayed = index;
    journal = await Journal.open(`${output}.journal`, header, ({ id, embedding, meta }) =>
      replayed.upsert(id, embedding, meta),
    );
    const gone = new Set([...index.ids()].map(String).filter(order.mine));
    const tally = await embed(
      order,
      found,
      new Indexer(align, index_target(index, journal), io.signal),
      gone,
      io,
    );
    tally.pictures = index.size;
    // Nothing but failures: more likely a mistake than a reason to write an empty file. A share may well be empty.
    const nothing = tally.failed > 0 && tally.embedded + tally.kept === 0 && !order.sharded;
    if (!nothing) {
      if (!order.keep) for (const id of gone) tally.removed += Number(index.remove(id));
      tally.pictures = index.size;
      if (store !== undefined) {
        await index_to_store(index, store);
        if (!order.keep) await store.remove([...gone]);
      }
      await save_index(index, output);
    }
    await journal.remove();
    report(order, output, tally, found, io.now() - started, io);
    return nothing ? FAILED : tally.failed > 0 ? SOME_FAILED : OK;
  } finally {
    await journal?.close();
    await store?.close();
    index?.dispose();
    align.dispose();
  }
}

/**
 * Puts the order's pictures into a database that other machines fill too: nothing is taken out, and what a kill leaves
 * undone the next run does. Gives the exit status.
 */
export async function update_store(order: Order & { to: string }, found: Found, io: Io): Promise<number> {
  const started = io.now();
  const { align } = await load_model(order, io);
  let store: VectorStore | undefined;
  try {
    const { dimensions, model } = await described(align);
    store = await open_store(order.to, { dimensions, ...(model !== null && { model }) });
    const tally = await embed(
      order,
      found,
      new Indexer(align, store_target(store), io.signal),
      new Set(),
      io,
    );
    tally.pictures = await store.size();
    report(order, shown_url(order.to), tally, found, io.now() - started, io);
    if (tally.failed === 0) return OK;
    return tally.embedded + tally.kept === 0 ? FAILED : SOME_FAILED;
  } finally {
    await store?.close();
    align.dispose();
  }
}

/** What an earlier run finished, or an empty index. @throws AlignError `invalid_argument` when it is of another kind */
async function open_index(
  { output, dtype, keep }: Order & { output: string },
  align: Align,
): Promise<AlignIndex> {
  const finished = await finished_index(output);
  const fresh = await align.create_index({ dtype: dtype ?? finished?.dtype ?? 'fp32' });
  if (finished === null) return fresh;
  try {
    check_same(output, finished, 'this run', fresh);
    if (!keep) check_made_here(output, finished);
    return finished;
  } catch (error) {
    finished.dispose();
    throw error;
  } finally {
    fresh.dispose();
  }
}

/** A database keeps embeddings to the bit; a file of int8 or binary no longer has them. @throws AlignError `invalid_argument` */
function check_unrounded({ dtype }: AlignIndex, output: string): void {
  if (dtype === 'fp32') return;
  throw new AlignError(
    'invalid_argument',
    `${output} has dtype ${show(dtype)}: its embeddings are rounded, and would come so into the database`,
    { hint: 'fill the database in a run of its own, with --to and without -o; or use --dtype fp32' },
  );
}

/** Entries that somebody else put in would be taken out as gone. @throws AlignError `invalid_argument` */
function check_made_here(output: string, index: AlignIndex): void {
  for (const id of index.ids()) {
    const meta = index.get(id)!.meta as Partial<Meta> | null;
    if (typeof id === 'string' && typeof meta?.['sha256'] === 'string') continue;
    throw new AlignError('invalid_argument', `${output} has an entry that no picture made: ${show(id)}`, {
      hint: '--keep leaves such entries in; or name another output',
    });
  }
}

/** Embeds what is new; takes the ids that are still there out of `gone`. */
async function embed(
  order: Order,
  found: Found,
  indexer: Indexer,
  gone: Set<string>,
  io: Io,
): Promise<Tally> {
  const tally: Tally = { pictures: 0, embedded: 0, kept: 0, removed: 0, failed: 0 };
  const progress = new Progress(io);
  const pictures = found.pictures.filter(({ id }) => order.mine(id));
  const started = io.now();
  const draw = (): void => {
    const done = tally.embedded + tally.kept + tally.failed;
    const note = pace(tally.embedded, pictures.length - done, io.now() - started);
    progress.update(counted(pictures.length, 'picture'), done, pictures.length, note);
  };
  const fail = (name: string, error: unknown): void => {
    tally.failed += 1;
    progress.clear();
    if (order.json) io.out(`${JSON.stringify({ picture: name, error: error_json(error) })}\n`);
    else io.err(`failed ${safe_text(name)}: ${message_of(error)}\n`);
  };
  const events: Events = {
    embedded({ id }) {
      gone.delete(id);
      tally.embedded += 1;
    },
    kept({ id }) {
      gone.delete(id);
      tally.kept += 1;
    },
    failed: ({ path }, error) => fail(path, error),
  };
  try {
    for (const { name, error } of found.failed) fail(name, error);
    for (const picture of pictures) {
      draw();
      await indexer.add(picture, events);
    }
    await indexer.flush(events);
  } finally {
    progress.clear();
    if (io.signal.aborted)
      io.err(`stopped after ${counted(tally.embedded, 'picture')}; the same command goes on from there\n`);
  }
  return tally;
}

/** Pictures a second, and the time that the rest takes if all of it has to be embedded. */
function pace(embedded: number, left: number, ms: number): string {
  if (embedded === 0 || ms <= 0) return '';
  const rate = (embedded / ms) * 1000;
  return `${rate.toFixed(rate < 10 ? 1 : 0)}/s, ${span_text((left / rate) * 1000)} left`;
}

/** What was done, as a line or an object. */
function report(order: Order, output: string, tally: Tally, found: Found, ms: number, io: Io): void {
  if (order.json) {
    io.out(`${JSON.stringify({ output, ...tally })}\n`);
    return;
  }
  const { pictures, embedded, kept, removed, failed } = tally;
  const parts = [`${embedded} embedded`];
  if (kept > 0) parts.push(`${kept} kept`);
  if (removed > 0) parts.push(`${removed} removed`);
  if (failed > 0) parts.push(styled(io, 'red', `${failed} failed`));
  const title = styled(io, 'bold', safe_text(output));
  const time = styled(io, 'dim', span_text(ms));
  io.out(`${title}  ${counted(pictures, 'picture')}: ${parts.join(', ')}  ${time}\n`);
  const { links, others } = found;
  if (others > 0)
    io.out(`left out: ${counted(others, 'picture')} of kinds that are not read (GIF, HEIC, TIFF …)\n`);
  if (links.length > 0) io.out(`not followed: ${links.map(safe_text).join(', ')} (links to folders)\n`);
}
