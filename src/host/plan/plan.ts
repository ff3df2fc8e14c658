// A recorded plan as the host keeps it: the op records as bytes, and what lies around them.

import { AlignError } from '../errors.ts';
import { NONE, Recording, RECORD_BYTES, Request, Role, Source, TensorEntry } from './layout.ts';
import { read_struct } from './struct.ts';

/** An activation tensor [n, h, w, c] in the arena; a row of c floats is `stride` floats apart from the next. */
export interface PlanTensor {
  readonly name: string;
  /** Byte offset in the arena. */
  readonly offset: number;
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly stride: number;
  /** First and last op that touch it. */
  readonly first: number;
  readonly last: number;
}

/** A checkpoint tensor that a weight block is packed from. */
export interface WeightSource {
  readonly name: string;
  readonly part: number;
  readonly shape: readonly number[];
  /** Its record, to hand to `pack`. */
  readonly record: Uint8Array;
}

/** A packed weight block. */
export interface WeightRequest {
  /** As its op carries it: 'text_model.encoder.layer.0.attention.self.query+key+value'. */
  readonly name: string;
  /** The Format it is stored in, and those it may be: a bit 1 << Format each. */
  readonly format: number;
  readonly accepts: number;
  readonly shard: number;
  readonly offset: number;
  readonly bytes: number;
  /** Bytes of a piece: all, but for a table larger than a shard, whose second piece begins the next shard, and so on. */
  readonly piece: number;
  readonly scratch_bytes: number;
  readonly sources: readonly WeightSource[];
  readonly record: Uint8Array;
}

export interface Plan {
  /** Op records, {@link RECORD_BYTES} each. */
  readonly ops: Uint8Array;
  readonly length: number;
  readonly names: readonly string[];
  readonly tensors: readonly PlanTensor[];
  readonly inputs: ReadonlyMap<string, PlanTensor>;
  readonly outputs: ReadonlyMap<string, PlanTensor>;
  /** Request and Source records, for {@link weight_requests}. */
  readonly requests: Uint8Array;
  readonly sources: Uint8Array;
  readonly arena_bytes: number;
  readonly weight_bytes: number;
  /** Where the weights of the next tower begin. */
  readonly next: { readonly shard: number; readonly offset: number };
}

/**
 * Copies a recording out of the recorder's memory.
 * @throws AlignError `invalid_argument` when the recorder said that it cannot run, `limit_exceeded` when a shard is too small.
 */
export function read_plan(buffer: ArrayBufferLike, at: number): Plan {
  const r = read_struct(buffer, at, Recording);
  const names = new TextDecoder().decode(new Uint8Array(buffer, r.names_at, r.names_bytes)).split('\n');
  if (r.error !== NONE) {
    const reason = names[r.error]!;
    throw new AlignError(
      /can be bound$/.test(reason) ? 'limit_exceeded' : 'invalid_argument',
      `The model cannot run this: ${reason}`,
    );
  }

  const tensors: PlanTensor[] = [];
  const inputs = new Map<string, PlanTensor>();
  const outputs = new Map<string, PlanTensor>();
  for (let i = 0; i < r.tensors; i++) {
    const { name, role, ...place } = read_struct(buffer, r.tensors_at + i * TensorEntry.size, TensorEntry);
    const tensor = { name: name === NONE ? '' : names[name]!, ...place };
    tensors.push(tensor);
    if (role === Role.Input) inputs.set(tensor.name, tensor);
    if (role === Role.Output) outputs.set(tensor.name, tensor);
  }
  return {
    ops: copy(buffer, r.ops_at, r.ops * RECORD_BYTES),
    length: r.ops,
    names,
    tensors,
    inputs,
    outputs,
    requests: copy(buffer, r.requests_at, r.requests * Request.size),
    sources: copy(buffer, r.sources_at, r.sources * Source.size),
    arena_bytes: r.arena_bytes,
    weight_bytes: r.weight_bytes,
    next: { shard: r.next_shard, offset: r.next_offset },
  };
}

/** The weight blocks that a plan asks for. Only loading needs them, so they are decoded on demand. */
export function weight_requests({ requests, sources, names }: Plan): WeightRequest[] {
  return Array.from({ length: requests.length / Request.size }, (_, i) => {
    const record = requests.subarray(i * Request.size, (i + 1) * Request.size);
    const { first_source, sources: count, ...block } = read_struct(record.buffer, record.byteOffset, Request);
    const own = Array.from({ length: count }, (_, j) => {
      const at = (first_source + j) * Source.size;
      const source = sources.subarray(at, at + Source.size);
      const s = read_struct(source.buffer, source.byteOffset, Source);
      const shape = [s.d0, s.d1, s.d2, s.d3].slice(0, s.rank);
      return { name: names[s.name]!, part: s.part, shape, record: source };
    });
    return { ...block, name: names[block.name]!, sources: own, record };
  });
}

function copy(buffer: ArrayBufferLike, at: number, length: number): Uint8Array {
  return new Uint8Array(buffer, at, length).slice();
}
