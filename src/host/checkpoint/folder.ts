// The one thing that every way to give a model becomes: a folder of files that are opened by name.

import { AlignError, show } from '../errors.ts';
import type { Progress, Report } from '../progress.ts';
import { parse_object, read_text } from './json.ts';
import { is_packed, LEAST_BYTES, WEIGHTS, with_packed_files } from './packed_folder.ts';
import type { RemoteOptions } from './remote/remote_model.ts';
import { checked, type Sums } from './remote/verify.ts';
import type { ByteSource } from './source.ts';

/** What of the options of loading is for its files. */
export interface OpenOptions extends RemoteOptions {
  signal?: AbortSignal | undefined;
  sha256?: Sums | undefined;
  progress_callback?: Report | null | undefined;
}

/** The files of one model. `null` stands for a file that is not there; every source that `open` gives is the caller's to close. */
export interface ModelFolder {
  /** For error messages: the path, or "the model". */
  readonly name: string;
  open(file: string): Promise<ByteSource | null>;
  /** @throws AlignError `corrupt_checkpoint` (not UTF-8), `too_large`. */
  text(file: string): Promise<string | null>;
  /** @throws AlignError `corrupt_checkpoint`, naming file and position (not JSON, not an object), `too_large`. */
  json(file: string): Promise<Record<string, unknown> | null>;
  /** What its files are checked by. */
  readonly sha256?: Sums | undefined;
  /** Of a remote model: who hears how far its files are. */
  readonly progress?: Progress;
  /** Loading is over: what is read later does not hear its signal, and what was kept in memory for it is freed. */
  release?(): void;
}

/** A separator, a drive or stream, a control character; "." and "..", which Windows also sees behind dots and spaces. */
const NOT_PLAIN = /[/\\:\u0000-\u001f\u007f-\u009f]|[. ]$|\p{Surrogate}/u;
/** Devices of Windows, in every folder and with any ending: reading CON never ends. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

/** Whether `name` names a file in a folder and cannot lead out of it, on any system. */
export function is_plain_name(name: string): boolean {
  return name !== '' && name.length <= 255 && !NOT_PLAIN.test(name) && !DEVICE.test(name);
}

/** A folder with one file, which lies at `own`. It must be a packed one: any other lacks its config.json. */
export async function packed_model(
  name: string,
  own: unknown,
  options: OpenOptions,
  open: () => ByteSource | Promise<ByteSource>,
): Promise<ModelFolder> {
  const open_own: Open = async (file) => (file === WEIGHTS ? open() : null);
  const folder = await make_folder(name, options, open_own, own);
  const source = (await folder.open(WEIGHTS))!;
  try {
    if (!(await is_packed(source, options.signal))) {
      const problem = source.size < LEAST_BYTES ? `cut off after ${source.size} bytes` : 'no packed model';
      throw new AlignError('not_found', `${name} is ${problem}, and config.json is not with it`, {
        detail: { file: 'config.json' },
        hint: 'give the folder that has both',
      });
    }
  } finally {
    await source.close?.();
  }
  return folder;
}

type Open = (file: string) => Promise<ByteSource | null>;

/**
 * The folder of what `open_own` opens, with `sha256` checked and what a packed file holds. `own` is where its model.safetensors
 * lies, which may have another name there. @throws AlignError `invalid_argument`, `not_found` of `sha256`
 */
export async function make_folder(
  name: string,
  { signal: loading, sha256 }: OpenOptions,
  open_own: Open,
  own?: unknown,
  progress?: Progress,
): Promise<ModelFolder> {
  let signal = loading;
  const open_checked = sha256 === undefined ? open_own : await checked(open_own, sha256, name, own, signal);
  const open = with_packed_files(progress ? progress.heard(open_checked) : open_checked, signal);
  const open_plain: Open = async (file) => {
    if (!is_plain_name(file))
      throw new AlignError('invalid_argument', `${show(file)} is not the name of a file in ${name}`);
    return open(file);
  };
  const read = async <T>(file: string, parse: (name: string, text: string) => T): Promise<T | null> => {
    const source = await open_plain(file);
    if (source === null) return null;
    try {
      return parse(source.name, await read_text(source, signal));
    } finally {
      await source.close?.();
    }
  };
  return {
    name,
    sha256,
    open: open_plain,
    text: (file) => read(file, (_, text) => text),
    json: (file) => read(file, parse_object),
    release: () => {
      signal = undefined;
    },
  };
}
