// Streams a checkpoint into weight blocks. Nothing is read before every tensor is known to be there in the right shape;
// then each block takes its small sources first and its large one in ranges of rows, so that beside the packed weights
// one range waits in memory, twice where a source cannot read into it. The blocks of a packed file go to their places as
// they are.

import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.ts';
import { FORMAT_NAMES } from '../checkpoint/formats.ts';
import { BELONG_TOGETHER } from '../checkpoint/packed.ts';
import type { Dtype as DiskDtype } from '../checkpoint/safetensors.ts';
import { AlignError, show, throw_if_aborted } from '../errors.ts';
import { pause_every, YIELD_MS } from '../pause.ts';
import { Dtype, Format, Part, Request, Source } from '../plan/layout.ts';
import type { WeightRequest, WeightSource } from '../plan/plan.ts';
import { write_struct } from '../plan/struct.ts';
import type { WasmExecutor } from './executor.ts';
import type { Instance } from './module.ts';

/** Bytes of a tensor that are in memory at once. */
export const RANGE_BYTES: number = 4 * 2 ** 20;

/**
 * A packed file is read in more and smaller ranges at a time: 690 MB from the file cache on two cores took 460 ms with one
 * of 4 MiB, 350 with two, 270 with four.
 */
const READS = 4;
export const READ_BYTES: number = 2 * 2 ** 20;

/** Element types that widen to float32, as transformers casts them. */
const DTYPES: Partial<Record<DiskDtype, number>> = { ...Dtype, BOOL: Dtype.U8 };

/** Which names of a checkpoint a model does not use, as transformers' loading info calls them. */
export interface LoadingInfo {
  readonly unexpected_keys: readonly string[];
}

/** Buffers that transformers registers or once did; they carry nothing that the model reads. */
const IGNORED = /(^|\.)(num_batches_tracked|position_ids|token_type_ids)$/;

/**
 * Checks every requested tensor against the checkpoint.
 * @throws AlignError `missing_tensor` naming all that are missing, `shape_mismatch` naming all misshapen ones,
 *   `corrupt_checkpoint` for an element type that does not widen to float32
 */
export function check_tensors(requests: readonly WeightRequest[], checkpoint: Checkpoint): LoadingInfo {
  // A packed file's blocks were checked when their places were found.
  if (checkpoint.packing) return unexpected(checkpoint, new Set(requests.map(({ name }) => name)));
  const missing: string[] = [];
  const misshapen: string[] = [];
  const used = new Set<string>();
  for (const { name, shape } of requests.flatMap((request) => request.sources)) {
    const tensor = checkpoint.get(name);
    used.add(name);
    if (tensor === undefined) missing.push(name);
    else if (tensor.shape.join() !== shape.join()) {
      misshapen.push(`${name} is ${shape_text(tensor.shape)}, the config asks for ${shape_text(shape)}`);
    } else dtype_of(tensor);
  }
  if (missing.length > 0) {
    throw new AlignError(
      'missing_tensor',
      `${checkpoint.name} lacks ${missing.length} tensors: ${some(missing)}`,
      {
        detail: { tensors: missing },
        hint: BELONG_TOGETHER,
      },
    );
  }
  if (misshapen.length > 0) {
    throw new AlignError('shape_mismatch', `${checkpoint.name}: ${some(misshapen)}`, {
      detail: { tensors: misshapen },
      hint: BELONG_TOGETHER,
    });
  }
  return unexpected(checkpoint, used);
}

function shape_text(shape: readonly number[]): string {
  return shape.length === 0 ? 'a scalar' : `[${shape.join(', ')}]`;
}

function unexpected(checkpoint: Checkpoint, used: ReadonlySet<string>): LoadingInfo {
  const names = Array.from(checkpoint.names());
  return { unexpected_keys: names.filter((name) => !used.has(name) && !IGNORED.test(name)) };
}

/** The tensors that blocks lie in or are packed from. */
export function stored_names(requests: readonly WeightRequest[], { packing }: Checkpoint): string[] {
  return requests.flatMap(({ name, sources }) => (packing ? [name] : sources.map((source) => source.name)));
}

/** Bytes that blocks, or what they are packed from, take in the checkpoint. */
export function stored_bytes(requests: readonly WeightRequest[], checkpoint: Checkpoint): number {
  return stored_names(requests, checkpoint).reduce(
    (bytes, name) => bytes + checkpoint.get(name)!.end - checkpoint.get(name)!.start,
    0,
  );
}

/** The blocks in the order in which they lie in the checkpoint's files: what is read in turn can be streamed. */
export function in_file_order(
  requests: readonly WeightRequest[],
  checkpoint: Checkpoint,
): readonly WeightRequest[] {
  const place = (request: WeightRequest): [file: number, start: number] => {
    const first = checkpoint.get(stored_names([request], checkpoint)[0]!)!;
    return [checkpoint.files.indexOf(first.file), first.start];
  };
  return requests
    .map((request) => [...place(request), request] as const)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .map(([, , request]) => request);
}

export interface LoadingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears how many bytes of the checkpoint have gone in. */
  readonly on_bytes?: ((bytes: number) => void) | undefined;
}

/** Fills every block of an executor. */
export async function load_weights(
  executor: WasmExecutor,
  requests: readonly WeightRequest[],
  checkpoint: Checkpoint,
  options: LoadingOptions = {},
): Promise<void> {
  const { instance, weights, behind_weights } = executor;
  if (checkpoint.packing) {
    // Each range straight to its place; memory must not grow meanwhile.
    const place = ({ request, at, count }: Range): Uint8Array =>
      instance.bytes(weights + request.offset + at, count);
    return read_packed(requests, checkpoint, place, () => undefined, options);
  }
  for (const request of requests)
    await pack_block(instance, weights + request.offset, behind_weights, request, checkpoint, options);
}

/** Bytes `at` … `at + count` − 1 of a block. */
export interface Range {
  readonly request: WeightRequest;
  readonly at: number;
  readonly count: number;
}

/**
 * Reads a packed file's blocks, a few ranges at a time: each into the place that `place` gives for it, and `put` has it when
 * it is there. `reader` counts the readers: each asks for a place when its last range was put.
 */
export async function read_packed(
  requests: readonly WeightRequest[],
  checkpoint: Checkpoint,
  place: (range: Range, reader: number) => Uint8Array,
  put: (range: Range, bytes: Uint8Array) => Promise<void> | void,
  { signal, on_bytes }: LoadingOptions,
): Promise<void> {
  const all = ranges(requests);
  const pause = pause_every(YIELD_MS, signal); // what lies in memory is read without a turn of the event loop
  // Whoever fails ends the ranges for the others too.
  const read = async (_: unknown, reader: number): Promise<void> => {
    for (const range of all) {
      const target = place(range, reader);
      await checkpoint.read_rows_into(range.request.name, range.at, range.count, target, signal);
      await put(range, target);
      on_bytes?.(range.count);
      await pause();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: READS }, read));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Every byte of every block, a few at a time, none of them across the end of a block's piece. */
function* ranges(requests: readonly WeightRequest[]): Generator<Range, void, undefined> {
  for (const request of requests)
    for (let at = 0, count; at < request.bytes; at += count) {
      count = Math.min(READ_BYTES, request.bytes - at, request.piece - (at % request.piece));
      yield { request, at, count };
    }
}

/** Packs one block at `block`, where there are zeros, from its tensors; memory from `free` on is used meanwhile. */
export async function pack_block(
  instance: Instance,
  block: number,
  free: number,
  request: WeightRequest,
  checkpoint: Checkpoint,
  options: LoadingOptions = {},
): Promise<void> {
  const sources = [...request.sources].sort(
    (a, b) => Number(a.part === Part.Weight) - Number(b.part === Part.Weight),
  );
  for (const source of sources)
    await pack_source(instance, block, free, request, source, checkpoint, options);
}

async function pack_source(
  instance: Instance,
  block: number,
  free: number,
  request: WeightRequest,
  source: WeightSource,
  checkpoint: Checkpoint,
  { signal, on_bytes }: LoadingOptions,
): Promise<void> {
  const tensor = checkpoint.get(source.name)!;
  // A layer norm's vectors are one row each; every other weight has its rows along the first dimension.
  const whole = source.part === Part.Weight && source.shape.length < 2;
  const rows = source.shape[0] ?? 1;
  const row_bytes = (tensor.end - tensor.start) / Math.max(1, rows);
  const step = whole ? rows : Math.max(1, Math.floor(RANGE_BYTES / Math.max(1, row_bytes)));
  const range_bytes = row_bytes * Math.min(step, rows);

  const request_at = free;
  const source_at = request_at + Request.size;
  const scratch_at = source_at + Source.size;
  const range_at = Math.ceil((scratch_at + request.scratch_bytes) / 8) * 8;
  instance.ensure(range_at + range_bytes);
  instance.bytes(request_at, Request.size).set(request.record);
  instance.bytes(source_at, Source.size).set(source.record);
  write_struct(instance.memory.buffer, request_at, Request, { scratch_at });
  write_struct(instance.memory.buffer, source_at, Source, { dtype: dtype_of(tensor) });

  const pause = pause_every(YIELD_MS, signal);
  for (let row = 0; row < rows; row += step) {
    throw_if_aborted(signal);
    const count = Math.min(step, rows - row);
    const target = instance.bytes(range_at, range_bytes);
    const bytes = await checkpoint.read_rows_into(source.name, row, count, target, signal);
    const lost = instance.exports.pack(request_at, source_at, row, whole ? 1 : count, range_at, block);
    if (lost > 0) throw overflow(request, source, lost);
    on_bytes?.(bytes);
    await pause();
  }
}

export function overflow({ name, format }: WeightRequest, source: WeightSource, lost: number): AlignError {
  const kind = FORMAT_NAMES[format]!;
  return new AlignError(
    'invalid_argument',
    `${source.name} has ${lost} ${format === Format.Q4 ? 'groups' : 'numbers'} too large for ${kind}, in which ${show(name)} was to be stored`,
    { detail: { tensor: source.name, format: kind, lost }, hint: "use dtype 'fp32', 'bf16' or 'q8'" },
  );
}

export function dtype_of(tensor: CheckpointTensor): number {
  const dtype = DTYPES[tensor.dtype];
  if (dtype !== undefined) return dtype;
  throw new AlignError(
    'corrupt_checkpoint',
    `${tensor.name} holds ${show(tensor.dtype)}, which is no weight type this package reads`,
    {
      detail: { tensor: tensor.name, dtype: tensor.dtype },
      hint: 'save the checkpoint as float32, float16 or bfloat16',
    },
  );
}

/** The first few of a list, for a message. */
function some(list: readonly string[]): string {
  return list.slice(0, 5).join('; ') + (list.length > 5 ? `; and ${list.length - 5} more` : '');
}
