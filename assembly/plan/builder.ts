// The half of a recording that knows nothing of ops: tensors and their lifetimes, weight requests, names, and laying
// everything out for the host. It all lives on the stub runtime's heap, which the host resets once it has its copy.

import { aligned, plan_arena } from './arena';
import { block_bytes, row_bytes } from './formats';
import { Format, HALF, Kind, NONE, Op, RECORD_BYTES } from './op';
import { Packing, Part, Recording, Request, Role, Source, TensorEntry } from './tables';
import { round_up, Tensor } from './tensor';
import { Block, MOST_PIECES, Places } from './weights';

const OP_WORDS: usize = offsetof<Op>();

export class Builder {
  private ops: Array<Op> = [];
  private tensors: Array<Tensor> = [];
  private requests: Array<Request> = [];
  private sources: Array<Source> = [];
  private names: Array<string> = [];
  private error: u32 = NONE;

  /** `parts`: into how many parts an op may be split; scratch has a slot for each. */
  constructor(
    private places: Places,
    protected parts: u32,
    private formats: usize,
    private formats_count: i32,
  ) {}

  // ---- tensors

  tensor(n: u32, h: u32, w: u32, c: u32): Tensor {
    const rows = <u64>n * h * w;
    if (rows > <u64>u32.MAX_VALUE) this.fail(`${n} × ${h} × ${w} pixels are more than 32 bits count`);
    const bytes = aligned((rows * round_up(c)) << 2);
    const tensor = new Tensor(this.tensors.length, n, h, w, c, bytes);
    tensor.first = this.ops.length;
    tensor.last = this.ops.length;
    this.tensors.push(tensor);
    return tensor;
  }

  /** A tensor that the host writes before the plan runs. */
  input(name: string, n: u32, h: u32, w: u32, c: u32): Tensor {
    const tensor = this.tensor(n, h, w, c);
    tensor.first = -1;
    tensor.role = Role.Input;
    tensor.name = this.name(name);
    return tensor;
  }

  /** Keeps a tensor to the end and gives it the name under which the host reads it. */
  output(tensor: Tensor, name: string): void {
    tensor.role = Role.Output;
    tensor.name = this.name(name);
  }

  /** Records that this plan cannot run; the first reason counts. */
  fail(reason: string): void {
    if (this.error == NONE) this.error = this.name(reason);
  }

  private name(name: string): u32 {
    return this.names.push(name) - 1;
  }

  // ---- weights

  /** The next weight block, in the format that the host lists for it. */
  request(name: string, packing: Packing, rows: u32, depth: u32, accepts: u32): Request {
    const request = changetype<Request>(heap.alloc(offsetof<Request>()));
    memory.fill(changetype<usize>(request), 0, offsetof<Request>());
    const index = this.requests.length;
    const format: u32 = index < this.formats_count ? load<u8>(this.formats + index) : Format.F32;
    if (format > <u32>Format.Q4 || !((accepts >> format) & 1)) this.fail(`${name} cannot be stored in format ${format}`);
    request.name = this.name(name);
    request.format = format;
    request.accepts = accepts;
    request.packing = packing;
    request.rows = rows;
    request.depth = depth;
    request.first_source = this.sources.length;
    const bytes = block_bytes(packing, format, rows, depth);
    const unit = packing == Packing.Rows ? <u64>row_bytes(format, depth) : bytes;
    const limit = this.places.limit;
    if (unit > limit) this.fail(`${name} takes ${unit} bytes in one piece, more than the ${limit} that can be bound`);
    else if (bytes > MOST_PIECES * limit) this.fail(`${name} takes ${bytes} bytes, more than the ${MOST_PIECES * limit} that can be bound`);
    else this.places.take(bytes, unit, request);
    this.requests.push(request);
    return request;
  }

  /** Adds a source to the latest request. */
  source(name: string, part: Part, rank: u32, d0: u32, d1: u32, d2: u32, d3: u32): Source {
    const source = changetype<Source>(heap.alloc(offsetof<Source>()));
    source.name = this.name(name);
    source.part = part;
    source.rank = rank;
    source.d0 = d0;
    source.d1 = d1;
    source.d2 = d2;
    source.d3 = d3;
    source.row = 0;
    source.dtype = 0;
    this.sources.push(source);
    this.requests[this.requests.length - 1].sources++;
    return source;
  }

  // ---- ops

  protected begin(kind: Kind, operands: u32, name: string, macs: u64, block: Block | null = null): usize {
    const op = changetype<Op>(heap.alloc(RECORD_BYTES));
    memory.fill(changetype<usize>(op), 0, RECORD_BYTES);
    this.ops.push(op);
    return this.head(op, kind, operands, name, macs, block);
  }

  /** The second op of the record just begun. */
  protected second(kind: Kind, operands: u32, name: string, macs: u64, block: Block): usize {
    const op = this.ops[this.ops.length - 1];
    return this.head(changetype<Op>(changetype<usize>(op) + HALF), kind, operands, name, macs, block);
  }

  private head(op: Op, kind: Kind, operands: u32, name: string, macs: u64, block: Block | null): usize {
    op.kind = kind;
    op.name = this.name(name);
    op.operands = operands;
    op.macs_low = <u32>macs;
    op.macs_high = <u32>(macs >> 32);
    if (block) {
      op.shard = block.shard;
      op.weights = block.offset;
      op.format = block.format;
    }
    return changetype<usize>(op);
  }

  /** A use by the op just begun; records hold the tensor's id until the arena is planned. */
  protected use(tensor: Tensor): u32 {
    tensor.last = max(tensor.last, this.ops.length - 1);
    return tensor.id;
  }

  /** A new tensor that belongs to the op just begun. */
  protected fresh(n: u32, h: u32, w: u32, c: u32): Tensor {
    const tensor = this.tensor(n, h, w, c);
    tensor.first = this.ops.length - 1;
    tensor.last = this.ops.length - 1;
    return tensor;
  }

  // ---- the end

  /** Plans the arena, turns tensor ids into offsets and lays everything out for the host. */
  finish(): Recording {
    const recording = changetype<Recording>(heap.alloc(offsetof<Recording>()));
    const tensors = this.tensors;
    for (let i = 0; i < tensors.length; i++) {
      if (tensors[i].role == Role.Output) tensors[i].last = this.ops.length;
    }
    recording.arena_bytes = plan_arena(tensors);
    recording.weight_bytes = this.places.total;
    recording.ops = this.ops.length;
    recording.ops_at = this.lay_ops();
    recording.tensors = tensors.length;
    recording.tensors_at = this.lay_tensors();
    recording.requests = this.requests.length;
    recording.requests_at = <u32>lay<Request>(this.requests);
    recording.sources = this.sources.length;
    recording.sources_at = <u32>lay<Source>(this.sources);
    const names = String.UTF8.encode(this.names.join('\n'));
    recording.names_at = <u32>changetype<usize>(names);
    recording.names_bytes = names.byteLength;
    recording.next_shard = this.places.shard;
    recording.next_offset = <u32>this.places.offset;
    recording.error = this.error;
    return recording;
  }

  private lay_ops(): u32 {
    for (let i = 0; i < this.ops.length; i++) {
      const op = changetype<usize>(this.ops[i]);
      this.lay_places(op);
      this.lay_places(op + HALF);
    }
    const to = heap.alloc(this.ops.length * RECORD_BYTES);
    for (let i = 0; i < this.ops.length; i++) {
      memory.copy(to + i * RECORD_BYTES, changetype<usize>(this.ops[i]), RECORD_BYTES);
    }
    return <u32>to;
  }

  private lay_places(op: usize): void {
    const end = op + OP_WORDS + (<usize>changetype<Op>(op).operands << 2);
    for (let at = op + OP_WORDS; at < end; at += 4) {
      const id = load<u32>(at);
      if (id != NONE) store<u32>(at, <u32>this.tensors[id].offset);
    }
  }

  private lay_tensors(): u32 {
    const to = heap.alloc(this.tensors.length * offsetof<TensorEntry>());
    for (let i = 0; i < this.tensors.length; i++) {
      const tensor = this.tensors[i];
      const entry = changetype<TensorEntry>(to + i * offsetof<TensorEntry>());
      entry.name = tensor.role == Role.Internal ? NONE : tensor.name;
      entry.role = tensor.role;
      entry.offset = <u32>tensor.offset;
      entry.n = tensor.n;
      entry.h = tensor.h;
      entry.w = tensor.w;
      entry.c = tensor.c;
      entry.stride = tensor.stride;
      entry.first = tensor.first;
      entry.last = tensor.last;
    }
    return <u32>to;
  }
}

function lay<T>(records: Array<T>): usize {
  const to = heap.alloc(records.length * offsetof<T>());
  for (let i = 0; i < records.length; i++) {
    memory.copy(to + i * offsetof<T>(), changetype<usize>(records[i]), offsetof<T>());
  }
  return to;
}
