// align-wasm index: the pictures of folders as one file to search in.

import { resolve } from 'node:path';
import { AlignError } from '../errors.ts';
import { choice, device_of, parse_words, RUNNING, type Words } from './args.ts';
import { find_pictures, share_of } from './folders.ts';
import { update_file, update_store, type Order } from './index_run.ts';
import { UsageError, type Io } from './io.ts';
import { locked } from './lock.ts';
import { merge_indexes } from './merge.ts';

export const HELP = `align-wasm index FOLDER… -o FILE [options]
align-wasm index FOLDER… --to DATABASE [options]
align-wasm index --merge FILE… -o FILE

Embeds every picture in the folders and below, and writes one file that align-wasm search, and Python, read.

Run it again and it goes on: what was embedded before a kill, or before today, is not embedded again; what is new or has
changed is; what is gone is taken out. The file always equals the one that a single undisturbed run writes.

  FOLDER                pictures are its .png, .jpg, .jpeg and .webp files, at any depth; names that begin with a dot are
                        left out, links to folders are not followed. A picture's id is its path below FOLDER; with several
                        FOLDERs the folder's name comes before it
  -o, --output FILE     the index to write, or to bring up to date; until it is done FILE.journal holds what is done
  --to DATABASE         postgres://USER:PASSWORD@HOST/NAME (a server with pgvector) or pglite:FOLDER. Without -o the database
                        is brought up to date by itself, and nothing is taken out of it: other machines may fill it too.
                        With -o it gets what FILE gets
  --keep                leave entries in whose picture is not found
  --dtype KIND          fp32, int8 (a quarter of the memory) or binary (int8 with a first pass over bits);
                        default: as FILE has it, else fp32
  --shard I/N           only the I-th of N shares, split by the hash of the id; N runs on any machines make the whole.
                        I counts from 1, or from 0 as some schedulers do (0/N is N/N)
  --merge FILE…         put the entries of such files together: the same bytes as one run over everything
  --model MODEL         a model's folder or packed file (default: the embedded icon model)
  --device KIND         where the model runs: wasm (default: the same bytes on every machine), webgpu or auto
  --threads N           threads that compute, 1 (default) to 16; they change no bit of the result
  --json                one JSON object a failed picture, {"picture", "error"}, then one for the whole: {"output", "pictures",
                        "embedded", "kept", "removed", "failed"}

Pictures that cannot be read are listed, and the others indexed: exit status 3.
`;

const DTYPES = ['fp32', 'int8', 'binary'] as const;

/** Runs the command; gives its exit status. */
export async function index(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...RUNNING,
    output: { type: 'string', short: 'o' },
    keep: { type: 'boolean' },
    dtype: { type: 'string' },
    shard: { type: 'string' },
    merge: { type: 'string', multiple: true },
    to: { type: 'string' },
    threads: { type: 'string' },
  });
  const output = words.text('output');
  const to = words.text('to');
  if (output === '' || (output ?? to) === undefined) throw new UsageError('index needs -o FILE');
  const merged = words.all('merge');
  if (merged.length > 0) {
    if (output === undefined) throw new UsageError('--merge needs -o FILE');
    if (words.positionals.length > 0) throw new UsageError('--merge takes files, and no FOLDER');
    return merge_indexes(merged, output, words.flag('json'), io);
  }
  if (words.positionals.length === 0) throw new UsageError('index needs a FOLDER');
  const order: Order = {
    folders: words.positionals,
    output,
    to,
    model: words.text('model'),
    dtype: choice(words, 'dtype', DTYPES),
    device: device_of(words) ?? 'wasm',
    threads: words.count('threads'),
    keep: words.flag('keep'),
    json: words.flag('json'),
    sharded: words.text('shard') !== undefined,
    mine: share(words),
  };
  const found = await find_pictures(order.folders, io.signal);
  if (found.pictures.length === 0)
    throw new AlignError('not_found', `no pictures in ${order.folders.join(', ')}`, {
      hint: 'pictures end in .png, .jpg, .jpeg or .webp',
    });
  if (output === undefined) return update_store({ ...order, to: to! }, found, io);
  return locked(`${resolve(output)}.lock`, () => update_file({ ...order, output }, found, io));
}

/** @throws UsageError */
function share(words: Words): (id: string) => boolean {
  const given = words.text('shard');
  if (given === undefined) return () => true;
  const [, i, n] = /^(\d{1,6})\/(\d{1,6})$/.exec(given) ?? [];
  const [number, of] = [Number(i), Number(n)];
  if (!(of >= 1 && number <= of))
    throw new UsageError(`--shard must be I/N, I from 1 to N, not ${JSON.stringify(given)}`);
  return (id) => share_of(id, of) === (number || of);
}
