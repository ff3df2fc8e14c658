// Streams a checkpoint to the GPU. A block is packed in a small instance of align.wasm, one after another, and goes up in
// pieces; the blocks of a packed file go up as they are read. The weights are never in memory as a whole.

import { unless_aborted } from '../abort.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { throw_if_aborted } from '../errors.ts';
import { aligned } from '../executor.ts';
import type { WeightRequest } from '../plan/plan.ts';
import { pack_block, RANGE_BYTES, READ_BYTES, read_packed, type LoadingOptions } from '../wasm/loader.ts';
import type { Instance } from '../wasm/module.ts';
import type { GpuExecutor } from './executor.ts';

/** Bytes that may be on their way at once: the driver keeps copies of them. */
const ON_THE_WAY = 32 * 2 ** 20;

/** Bytes of each shard that the blocks take. */
export function shard_bytes(requests: readonly WeightRequest[]): number[] {
  const sizes: number[] = [];
  for (const request of requests) {
    for (let at = 0; at < request.bytes; at += request.piece) {
      const { shard, offset } = place(request, at);
      const end = offset + Math.min(request.piece, request.bytes - at);
      while (sizes.length <= shard) sizes.push(0);
      sizes[shard] = Math.max(sizes[shard]!, end);
    }
  }
  return sizes;
}

/** Where byte `at` of a block goes. */
function place({ shard, offset, piece }: WeightRequest, at: number): { shard: number; offset: number } {
  const nth = Math.floor(at / piece);
  return { shard: shard + nth, offset: nth === 0 ? offset + at : at - nth * piece };
}

/** Fills every block. `instance` is the loader's alone. @throws AlignError as reading, packing and uploading do */
export async function stream_weights(
  executor: GpuExecutor,
  instance: Instance,
  requests: readonly WeightRequest[],
  checkpoint: Checkpoint,
  options: LoadingOptions = {},
): Promise<void> {
  const { signal } = options;
  let waiting: Promise<void>[] = [];
  let bytes_waiting = 0;
  /** Waits for what is on its way. */
  const arrived = async (): Promise<void> => {
    const { gpu } = executor;
    const all = [
      ...waiting,
      gpu.surviving(() => gpu.device.queue.onSubmittedWorkDone(), 'uploading weights'),
    ];
    waiting = [];
    bytes_waiting = 0;
    await unless_aborted(Promise.all(all), signal);
  };
  const send = (request: WeightRequest, at: number, bytes: Uint8Array): Promise<void> | undefined => {
    const { shard, offset } = place(request, at);
    const sent = executor.write(shard, offset, bytes);
    sent.catch(() => undefined); // heard when it is waited for
    waiting.push(sent);
    bytes_waiting += bytes.length;
    return bytes_waiting >= ON_THE_WAY ? arrived() : undefined;
  };

  if (checkpoint.packing) {
    const buffers: Uint8Array[] = [];
    const target = (reader: number): Uint8Array => (buffers[reader] ??= new Uint8Array(READ_BYTES));
    await read_packed(
      requests,
      checkpoint,
      ({ count }, reader) => target(reader).subarray(0, count),
      ({ request, at }, bytes) => send(request, at, bytes),
      options,
    );
    return arrived();
  }
  for (const request of requests) {
    throw_if_aborted(signal);
    const block = instance.base;
    const end = aligned(block + request.bytes);
    instance.ensure(end);
    instance.bytes(block, request.bytes).fill(0);
    await pack_block(instance, block, end, request, checkpoint, options);
    for (let at = 0, count; at < request.bytes; at += count) {
      count = Math.min(RANGE_BYTES, request.bytes - at, request.piece - (at % request.piece));
      await send(request, at, instance.bytes(block + at, count));
    }
  }
  await arrived();
}
