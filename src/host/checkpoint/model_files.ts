// What the `model` argument of every `from_pretrained` and `load` may be, and the one thing all of it becomes: a folder
// of files that are opened by name.

import { platform } from '#platform';
import { unless_aborted } from '../abort.ts';
import { AlignError, show, throw_if_aborted } from '../errors.ts';
import type { Progress } from '../progress.ts';
import { fetch_progress, url_opener } from './fetching.ts';
import { make_folder, packed_model, type ModelFolder, type OpenOptions } from './folder.ts';
import { open_location } from './locations.ts';
import { WEIGHTS } from './packed_folder.ts';
import { blob_source, bytes_source, check_range, free, type ByteSource } from './source.ts';

export type { ModelFolder, OpenOptions };

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
  if (typeof model === 'object' && (model as unknown) !== null) {
    if (is_folder(model)) {
      if (options.sha256 === model.sha256) return model;
      return make_folder(model.name, options, (file) => model.open(file));
    }
    const bytes = byte_source(WEIGHTS, model);
    if (bytes !== null)
      return packed_model('the model file', (model as { name?: unknown }).name, options, () => bytes);
    if (Symbol.iterator in model || is_plain(model)) return files_folder(model as ModelFiles, options);
  }
  throw new AlignError('invalid_argument', `model is ${show(model)}`, {
    hint: 'give a folder, a URL, a hub id or the files of the model; of a Response its arrayBuffer()',
  });
}

/** Whether `input` is an object of no class, in whatever frame it was made: parsed JSON, or files by name. */
function is_plain(input: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function is_folder(model: object): model is ModelFolder {
  return (['open', 'text', 'json'] as const).every(
    (name) => typeof (model as ModelFolder)[name] === 'function',
  );
}

async function files_folder(model: ModelFiles, options: OpenOptions): Promise<ModelFolder> {
  const name = 'the model';
  if (Symbol.iterator in model) return folder_of(name, options, ...listed_files(model as Iterable<File>));
  const progress = fetch_progress(name, Object.values(model), options.progress_callback);
  const folder = await folder_of(name, options, named_files(model, options.signal, progress));
  return progress ? Object.assign(folder, { progress }) : folder;
}

function folder_of(name: string, options: OpenOptions, files: Files, own?: string): Promise<ModelFolder> {
  return make_folder(name, options, async (file) => (await files.get(file)?.()) ?? null, own);
}

/** Sources are made when a file is asked for: a model may come with files that nobody reads. */
type Files = Map<string, () => ByteSource | Promise<ByteSource>>;

function named_files(
  model: Readonly<Record<string, FileInput>>,
  signal: AbortSignal | undefined,
  progress: Progress | undefined,
): Files {
  const files: Files = new Map();
  for (const [name, input] of Object.entries(model)) {
    if (typeof input !== 'string' && (typeof input !== 'object' || (input as unknown) === null))
      throw no_file(name, input);
    if (input instanceof URL) files.set(name, url_opener(name, input, signal, progress));
    else files.set(name, () => byte_source(name, input) ?? text_source(name, input));
  }
  return files;
}

/**
 * Files by base name. Of two with the same name the one higher in its folder counts; side by side they are refused. One file
 * that somebody `picked` is the weights, whatever it is called.
 */
function listed_files(model: Iterable<File>): [Files, picked: string | undefined] {
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
  const [first] = places.keys();
  const picked = places.size === 1 && first!.endsWith('.safetensors') ? first : undefined;
  for (const [name, { file, path, rival }] of places)
    files.set(name === picked ? WEIGHTS : name, () => {
      if (rival !== undefined)
        throw new AlignError(
          'invalid_argument',
          `Two model files are named ${show(name)}: ${path} and ${rival}`,
        );
      return blob_source(name, file);
    });
  return [files, picked];
}

function no_file(name: string, input: unknown): AlignError {
  return new AlignError('invalid_argument', `The model file ${show(name)} is ${show(input)}`, {
    hint: 'a file is bytes, a Blob, a byte source, text or parsed JSON; of a Response its arrayBuffer()',
  });
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
export function borrowed_source(name: string, source: ByteSource): ByteSource {
  return {
    name,
    size: source.size,
    async read(start, end, signal) {
      check_range(this, start, end);
      const bytes: unknown = await theirs(async () => source.read(start, end, signal), signal);
      if (!(bytes instanceof Uint8Array))
        throw new AlignError('invalid_argument', `${name}: read gave ${show(bytes)}, not a Uint8Array`);
      if (bytes.length !== end - start)
        throw new AlignError('corrupt_checkpoint', `${name}: ${bytes.length} bytes for ${start} to ${end}`);
      return bytes;
    },
    async read_into(start, target, signal) {
      const end = start + target.length;
      check_range(this, start, end);
      if (source.read_into) return theirs(async () => source.read_into!(start, target, signal), signal);
      const bytes = await this.read(start, end, signal);
      target.set(bytes);
      if (platform.memory_limit !== undefined && bytes.length === bytes.buffer.byteLength) free(bytes);
    },
  };
}

/** What a caller's `task` gives; it need never end. What it throws is the caller's own. @throws AlignError `aborted` */
async function theirs<T>(task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await unless_aborted(task(), signal);
  } catch (error) {
    throw_if_aborted(signal);
    throw error;
  }
}

function text_source(name: string, input: string | object): ByteSource {
  if (typeof input === 'object' && !Array.isArray(input) && !is_plain(input)) throw no_file(name, input);
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
