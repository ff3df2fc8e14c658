// What the `model` argument of every `from_pretrained` and `load` may be, and the one thing all of it becomes: a folder
// of files that are opened by name.

import { platform } from '#platform';
import { AlignError, show, throw_if_aborted } from '../errors.ts';
import { checked_sums, open_location, verified } from '../extras.ts';
import type { Progress, ProgressInfo } from '../progress.ts';
import { parse_object, read_text } from './json.ts';
import { is_packed, WEIGHTS, with_packed_files } from './packed_folder.ts';
import type { RemoteOptions } from './remote/remote_model.ts';
import type { Sums } from './remote/verify.ts';
import { blob_source, bytes_source, check_range, type ByteSource } from './source.ts';

/**
 * One file of a model: bytes, a Blob or File, a byte source, a URL object (read when the file is asked for), the text of a
 * JSON or txt file, or parsed JSON.
 */
export type FileInput = Uint8Array | ArrayBuffer | Blob | ByteSource | URL | string | object;

/** A model given as its files: by name, or as a file list (`<input type="file" multiple>`, `webkitdirectory`, a drop). */
export type ModelFiles = Readonly<Record<string, FileInput>> | Iterable<File>;

/** One packed file (weights/FORMAT.md): a whole model. */
export type PackedFile = Uint8Array | ArrayBuffer | Blob | ByteSource;

/**
 * What a `model` argument may be. A string is the path of a folder or of a packed file, the file:, http: or https: URL of
 * either (a packed file's ends in .safetensors or .bin), or the id of a model on a hub, `owner/name` or `name`, where there is
 * nothing local of this name. An open folder stays what it is.
 */
export type ModelSource = string | URL | ModelFiles | PackedFile | ModelFolder;

/** What of the options of loading is for its files. */
export interface OpenOptions extends RemoteOptions {
  signal?: AbortSignal | undefined;
  sha256?: Sums | undefined;
  progress_callback?: ((info: ProgressInfo) => void) | null | undefined;
}

/** The files of one model. `null` stands for a file that is not there; every source that `open` gives is the caller's to close. */
export interface ModelFolder {
  /** For error messages: the path, or "the model files". */
  readonly name: string;
  open(file: string): Promise<ByteSource | null>;
  /** @throws AlignError `corrupt_checkpoint` (not UTF-8), `too_large`. */
  text(file: string): Promise<string | null>;
  /** @throws AlignError `corrupt_checkpoint`, naming file and position (not JSON, not an object), `too_large`. */
  json(file: string): Promise<Record<string, unknown> | null>;
  /** Of a remote model: who hears how far its files are. */
  readonly progress?: Progress;
  /** Of a remote model: frees what it keeps in memory while it loads. It can still be read. */
  release?(): void;
}

/**
 * The folder behind a `model` argument; none means the embedded model.
 * @throws AlignError `not_found`, `model_required`, `invalid_argument`.
 */
export async function open_model(
  model: ModelSource | undefined,
  options: OpenOptions = {},
): Promise<ModelFolder> {
  throw_if_aborted(options.signal);
  if (model === undefined) {
    const embedded = platform.embedded_model();
    if (embedded !== null) return open_model(embedded, options);
    throw new AlignError('model_required', 'This runtime cannot find the embedded model by itself', {
      hint: "import icons from 'align-wasm/align-icons', and pass it as the first argument",
    });
  }
  if (typeof model === 'string' || model instanceof URL) return open_location(model, options);
  if (typeof model !== 'object' || (model as unknown) === null)
    throw new AlignError('invalid_argument', `model is ${show(model)}`, {
      hint: 'give a folder, a URL, a hub id or the files of the model',
    });
  if (is_folder(model)) return model;
  const bytes = byte_source(WEIGHTS, model);
  if (bytes !== null)
    return packed_model('the model file', 'A model given as one file', options, () => Promise.resolve(bytes));
  return files_folder(model as ModelFiles, options);
}

function is_folder(model: object): model is ModelFolder {
  return (['open', 'text', 'json'] as const).every(
    (name) => typeof (model as ModelFolder)[name] === 'function',
  );
}

/** Whether `name` names a file in a folder and cannot lead out of it, on any system. */
export function is_plain_name(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\:\u0000-\u001f\u007f]/.test(name);
}

/** The path of a file: URL; "/C:/models" is "C:/models", and a host is a Windows share. */
export function file_path({ pathname, host }: URL): string {
  const path = decodeURIComponent(pathname);
  return host === '' ? path.replace(/^\/(?=[A-Za-z]:)/, '') : `//${host}${path}`;
}

/** A folder with one file, which must be a packed one: any other lacks its config.json. */
export async function packed_model(
  name: string,
  what: string,
  options: OpenOptions,
  open: () => Promise<ByteSource>,
): Promise<ModelFolder> {
  const source = await open();
  try {
    if (!(await is_packed(source, options.signal)))
      throw new AlignError('not_found', `${what} is no packed model, and config.json is not with it`, {
        detail: { file: 'config.json' },
        hint: 'give the folder that has config.json and model.safetensors, or { "config.json": …, "model.safetensors": … }',
      });
  } finally {
    await source.close?.();
  }
  return make_folder(name, options, (file) => (file === WEIGHTS ? open() : Promise.resolve(null)));
}

function files_folder(model: ModelFiles, options: OpenOptions): ModelFolder {
  const files = Symbol.iterator in model ? listed_files(model as Iterable<File>) : named_files(model);
  return make_folder('the model files', options, async (file) => (await files.get(file)?.()) ?? null);
}

/** The folder of what `open_own` opens, with `sha256` checked and what a packed file holds. */
export function make_folder(
  name: string,
  { signal, sha256 }: OpenOptions,
  open_own: (file: string) => Promise<ByteSource | null>,
  progress?: Progress,
): ModelFolder {
  const checked = sha256 === undefined ? open_own : verified(open_own, checked_sums(sha256), signal);
  const open = with_packed_files(progress ? progress.heard(checked) : checked, signal);
  const open_plain = async (file: string): Promise<ByteSource | null> => {
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
    open: open_plain,
    text: (file) => read(file, (_, text) => text),
    json: (file) => read(file, parse_object),
  };
}

/** Sources are made when a file is asked for: a model may come with files that nobody reads. */
type Files = Map<string, () => ByteSource | Promise<ByteSource>>;

function named_files(model: Readonly<Record<string, FileInput>>): Files {
  const files: Files = new Map();
  for (const [name, input] of Object.entries(model)) {
    if (typeof input !== 'string' && (typeof input !== 'object' || (input as unknown) === null))
      throw new AlignError('invalid_argument', `The model file ${show(name)} is ${show(input)}`, {
        hint: 'a file is bytes, a Blob, a byte source, text or parsed JSON',
      });
    if (input instanceof URL) files.set(name, url_opener(name, input));
    else files.set(name, () => byte_source(name, input) ?? text_source(name, input));
  }
  return files;
}

/** Files by base name. Of two with the same name the one higher in its folder counts; side by side they are refused. */
function listed_files(model: Iterable<File>): Files {
  const places = new Map<string, { file: File; path: string; depth: number; rival?: string }>();
  for (const file of model) {
    if (!(file instanceof Blob) || typeof (file as { name?: unknown }).name !== 'string')
      throw new AlignError('invalid_argument', `A list of model files holds ${show(file)}, not a File`);
    const path = file.webkitRelativePath || file.name;
    const parts = path.split('/');
    const name = parts.at(-1)!;
    const known = places.get(name);
    if (known === undefined || parts.length < known.depth)
      places.set(name, { file, path, depth: parts.length });
    else if (parts.length === known.depth) known.rival ??= path;
  }
  const files: Files = new Map();
  // One file that somebody picked is the weights, whatever it is called.
  const picked = (name: string): boolean => places.size === 1 && name.endsWith('.safetensors');
  for (const [name, { file, path, rival }] of places)
    files.set(picked(name) ? WEIGHTS : name, () => {
      if (rival !== undefined)
        throw new AlignError(
          'invalid_argument',
          `Two model files are named ${show(name)}: ${path} and ${rival}`,
        );
      return blob_source(name, file);
    });
  return files;
}

/** What opens the file behind a URL. What has to be fetched is fetched once: a packed file is opened for each file in it. */
function url_opener(name: string, url: URL): () => Promise<ByteSource> {
  if (url.protocol === 'file:') return () => platform.open(file_path(url));
  let bytes: Promise<Uint8Array> | undefined;
  return async () => bytes_source(name, await (bytes ??= platform.fetch_bytes(url)));
}

/** `input` as a byte source, or null where it is text or parsed JSON. */
function byte_source(name: string, input: FileInput): ByteSource | null {
  if (typeof input === 'string') return null;
  if (ArrayBuffer.isView(input))
    return bytes_source(
      name,
      new Uint8Array(input.buffer as ArrayBuffer, input.byteOffset, input.byteLength),
    );
  if (input instanceof ArrayBuffer) return bytes_source(name, input);
  if (input instanceof Blob) return blob_source(name, input);
  return is_source(input) ? borrowed_source(name, input) : null;
}

export function is_source(input: object): input is ByteSource {
  return (
    'read' in input && typeof input.read === 'function' && 'size' in input && typeof input.size === 'number'
  );
}

/** A caller's own source: it stays theirs to close, and what it gives is checked, as the code is not ours. */
function borrowed_source(name: string, source: ByteSource): ByteSource {
  return {
    name,
    size: source.size,
    async read(start, end, signal) {
      check_range(this, start, end);
      const bytes = await source.read(start, end, signal);
      if (bytes.length !== end - start)
        throw new AlignError('corrupt_checkpoint', `${name}: ${bytes.length} bytes for ${start} to ${end}`);
      return bytes;
    },
  };
}

function text_source(name: string, input: string | object): ByteSource {
  try {
    return bytes_source(
      name,
      new TextEncoder().encode(typeof input === 'string' ? input : JSON.stringify(input)),
    );
  } catch (cause) {
    throw new AlignError('invalid_argument', `The model file ${show(name)} cannot be written as JSON`, {
      cause,
    });
  }
}
