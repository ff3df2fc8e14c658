// A checkpoint: the tensors of model.safetensors, or of the shards that model.safetensors.index.json names. Opening
// reads headers only; tensors are read in ranges of rows, in any order.

import { AlignError, show, throw_if_aborted } from '../errors.ts';
import { corrupt } from './header.ts';
import { is_plain_name, type ModelFolder } from './folder.ts';
import { FILES, read_packing, type Packing } from './packed.ts';
import { WEIGHTS } from './packed_folder.ts';
import { SafetensorsFile, type TensorInfo } from './safetensors.ts';
import { read_into, type ByteSource } from './source.ts';

const INDEX = 'model.safetensors.index.json';

/** Every shard is an open file; the largest published models have some hundreds. */
const MAX_SHARDS = 1_000;

/** A tensor and the file that has it. */
export type CheckpointTensor = TensorInfo & { readonly file: SafetensorsFile };

export class Checkpoint {
  /** For error messages. */
  readonly name: string;
  /** What a packed file says of itself: its tensors are blocks. Null for a checkpoint as transformers writes it. */
  readonly packing: Packing | null;
  readonly #tensors: ReadonlyMap<string, CheckpointTensor>;
  /** The open files: one, or the shards. */
  readonly files: readonly SafetensorsFile[];

  private constructor(
    name: string,
    packing: Packing | null,
    tensors: ReadonlyMap<string, CheckpointTensor>,
    files: readonly SafetensorsFile[],
  ) {
    this.name = name;
    this.packing = packing;
    this.#tensors = tensors;
    this.files = files;
  }

  /**
   * Opens a folder's weights. Where both are there, model.safetensors wins over the index, as in transformers.
   * @throws AlignError `not_found` (no weights, a shard is absent), `corrupt_checkpoint`, `missing_tensor` (a shard
   *   lacks a tensor that the index promises).
   */
  static async open(folder: ModelFolder, signal?: AbortSignal): Promise<Checkpoint> {
    const files: SafetensorsFile[] = [];
    const tensors = new Map<string, CheckpointTensor>();
    try {
      const whole = await open_file(folder, WEIGHTS, signal);
      if (whole !== null) {
        files.push(whole);
        const packing = read_packing(whole);
        for (const [name, info] of whole.tensors)
          if (packing === null || !name.startsWith(FILES)) tensors.set(name, { ...info, file: whole });
        return new Checkpoint(folder.name, packing, tensors, files);
      }
      for (const [shard, names] of await read_index(folder)) {
        const file = await open_file(folder, shard, signal);
        if (file === null)
          throw new AlignError('not_found', `${folder.name} has no ${shard}, which ${INDEX} names`, {
            detail: { file: shard },
          });
        files.push(file);
        for (const name of names) {
          const info = file.tensors.get(name);
          if (info === undefined)
            throw new AlignError(
              'missing_tensor',
              `${shard} has no tensor ${show(name)}, which ${INDEX} puts there`,
              {
                detail: { file: shard, tensor: name },
              },
            );
          tensors.set(name, { ...info, file });
        }
      }
      return new Checkpoint(folder.name, null, tensors, files);
    } catch (error) {
      await close_all(files);
      throw error;
    }
  }

  names(): Iterable<string> {
    return this.#tensors.keys();
  }

  get(name: string): CheckpointTensor | undefined {
    return this.#tensors.get(name);
  }

  /**
   * The bytes of `rows` rows along the first dimension from `first_row` on, row-major and little endian; they may lie
   * anywhere in their buffer, unaligned. A scalar is one row.
   * @throws AlignError `missing_tensor`, `invalid_argument` (rows that the tensor does not have), `corrupt_checkpoint`.
   */
  async read_rows(name: string, first_row: number, rows: number, signal?: AbortSignal): Promise<Uint8Array> {
    throw_if_aborted(signal);
    const { source, start, end } = this.#range(name, first_row, rows);
    return source.read(start, end, signal);
  }

  /** The same into the first bytes of `target`; gives their number. */
  async read_rows_into(
    name: string,
    first_row: number,
    rows: number,
    target: Uint8Array,
    signal?: AbortSignal,
  ): Promise<number> {
    throw_if_aborted(signal);
    const { source, start, end } = this.#range(name, first_row, rows);
    await read_into(source, start, target.subarray(0, end - start), signal);
    return end - start;
  }

  /** {@link read_rows} of a table of `table` rows, also where it is a block of bytes, read alone: nothing is read ahead. */
  async read_few_rows(
    name: string,
    first_row: number,
    rows: number,
    table: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    throw_if_aborted(signal);
    const unit = this.#tensors.get(name)!.shape[0]! / table;
    const { source, start, end } = this.#range(name, first_row * unit, rows * unit);
    return source.read_few ? source.read_few(start, end, signal) : source.read(start, end, signal);
  }

  /** Says which tensors will be read, each once from its beginning to its end. */
  expect(names: Iterable<string>): void {
    const ranges = new Map<ByteSource, [number, number][]>();
    for (const name of names) {
      const { file, start, end } = this.#tensors.get(name)!;
      const own = ranges.get(file.source) ?? [];
      own.push([start, end]);
      ranges.set(file.source, own);
    }
    for (const [source, own] of ranges) source.expect?.(own);
  }

  #range(name: string, first_row: number, rows: number): { source: ByteSource; start: number; end: number } {
    const info = this.#tensors.get(name);
    if (info === undefined)
      throw new AlignError('missing_tensor', `${this.name} has no tensor ${show(name)}`, {
        detail: { tensor: name },
      });
    const count = info.shape[0] ?? 1;
    if (!(Number.isSafeInteger(first_row) && Number.isSafeInteger(rows) && first_row >= 0 && rows >= 0))
      throw new AlignError('invalid_argument', `Rows ${show(first_row)} + ${show(rows)} of ${show(name)}`);
    if (first_row + rows > count)
      throw new AlignError(
        'invalid_argument',
        `${show(name)} has ${count} rows, ${first_row} + ${rows} asked for`,
      );
    const row_bytes = count === 0 ? 0 : (info.end - info.start) / count;
    const start = info.start + first_row * row_bytes;
    return { source: info.file.source, start, end: start + rows * row_bytes };
  }

  /** Closes the files; idempotent. */
  async close(): Promise<void> {
    await close_all(this.files);
  }
}

async function close_all(files: readonly SafetensorsFile[]): Promise<void> {
  for (const { source } of files) await source.close?.();
}

async function open_file(
  folder: ModelFolder,
  file: string,
  signal: AbortSignal | undefined,
): Promise<SafetensorsFile | null> {
  throw_if_aborted(signal);
  const source = await folder.open(file);
  if (source === null) return null;
  try {
    return await SafetensorsFile.open(source, signal);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** Shard file -> names of its tensors, from the index's `weight_map`. Shards are plain file names: an index from a stranger must not read other files. */
async function read_index(folder: ModelFolder): Promise<Map<string, string[]>> {
  const index = await folder.json(INDEX);
  if (index === null) throw await no_weights(folder);
  const weight_map = Object.hasOwn(index, 'weight_map') ? index.weight_map : undefined;
  if (typeof weight_map !== 'object' || weight_map === null || Array.isArray(weight_map))
    throw corrupt(INDEX, `weight_map is ${show(weight_map)}, not an object`, { value: weight_map });
  const shards = new Map<string, string[]>();
  for (const [tensor, shard] of Object.entries(weight_map as Record<string, unknown>)) {
    if (typeof shard !== 'string' || !is_plain_name(shard))
      throw corrupt(INDEX, `tensor ${show(tensor)} is in ${show(shard)}, not a plain file name`, {
        tensor,
        value: shard,
      });
    const names = shards.get(shard);
    if (names === undefined) shards.set(shard, [tensor]);
    else names.push(tensor);
  }
  if (shards.size > MAX_SHARDS) throw corrupt(INDEX, `${shards.size} shards, the limit is ${MAX_SHARDS}`);
  return shards;
}

/** The error for a folder without safetensors; weights in PyTorch's own format are code to run, so they are not read. */
async function no_weights(folder: ModelFolder): Promise<AlignError> {
  for (const file of ['pytorch_model.bin', 'pytorch_model.bin.index.json']) {
    const source = await folder.open(file);
    if (source === null) continue;
    await source.close?.();
    return new AlignError('not_found', `${folder.name} has ${file} but no ${WEIGHTS}`, {
      detail: { file: WEIGHTS },
      hint: 'save it as safetensors with transformers: AlignModel.from_pretrained(folder).save_pretrained(folder)',
    });
  }
  return new AlignError('not_found', `${folder.name} has no ${WEIGHTS} and no ${INDEX}`, {
    detail: { file: WEIGHTS },
  });
}
