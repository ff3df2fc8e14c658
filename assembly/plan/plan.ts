// A plan under recording: model code calls one method an op and gets the tensor it will write; nothing is computed.
// Everything lives on the stub runtime's heap, which the host resets once it has copied the recording.

import { aligned, plan_arena } from './arena';
import {
  Activation, Attention, Conv2d, Depthwise, Embedding, Gather, Gemm, Kind, LayerNorm, MAX_PARTS, NONE, Normalize, Op,
  Pool, Pooling, RECORD_BYTES, Scale, Similarity,
} from './op';
import { Packing, Part, Recording, Request, Role, Source, TensorEntry } from './tables';
import { round_up, Tensor } from './tensor';
import { Block, Places } from './weights';
import { slot_bytes } from '../kernels/attention';

const OP_WORDS: usize = offsetof<Op>();

export class Plan {
  private ops: Array<Op> = [];
  private tensors: Array<Tensor> = [];
  private requests: Array<Request> = [];
  private sources: Array<Source> = [];
  private names: Array<string> = [];
  private error: u32 = NONE;

  constructor(private places: Places) {}

  /** Ops recorded so far. */
  get length(): i32 {
    return this.ops.length;
  }

  // ---- tensors

  tensor(n: u32, h: u32, w: u32, c: u32): Tensor {
    const bytes = aligned(((<u64>n * h * w) * round_up(c)) << 2);
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

  request(packing: Packing, rows: u32, depth: u32, bytes: u64): Request {
    const request = changetype<Request>(heap.alloc(offsetof<Request>()));
    memory.fill(changetype<usize>(request), 0, offsetof<Request>());
    request.packing = packing;
    request.rows = rows;
    request.depth = depth;
    request.first_source = this.sources.length;
    this.places.take(bytes, request);
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

  private begin(kind: Kind, operands: u32, name: string, macs: u64, block: Block | null = null): usize {
    const op = changetype<Op>(heap.alloc(RECORD_BYTES));
    memory.fill(changetype<usize>(op), 0, RECORD_BYTES);
    op.kind = kind;
    op.name = this.name(name);
    op.operands = operands;
    op.macs_low = <u32>macs;
    op.macs_high = <u32>(macs >> 32);
    if (block) {
      op.shard = block.shard;
      op.weights = block.offset;
    }
    this.ops.push(op);
    return changetype<usize>(op);
  }

  /** A use by the op just begun; records hold the tensor's id until the arena is planned. */
  private use(tensor: Tensor): u32 {
    tensor.last = max(tensor.last, this.ops.length - 1);
    return tensor.id;
  }

  /** A new tensor that belongs to the op just begun. */
  private fresh(n: u32, h: u32, w: u32, c: u32): Tensor {
    const tensor = this.tensor(n, h, w, c);
    tensor.first = this.ops.length - 1;
    tensor.last = this.ops.length - 1;
    return tensor;
  }

  /** activation(a · w + bias) + residual for the rows of a: [rows, k] -> [rows, n]. */
  gemm(a: Tensor, w: Block, n: u32, activation: Activation, residual: Tensor | null = null): Tensor {
    const op = changetype<Gemm>(this.begin(Kind.Gemm, 3, w.name, <u64>a.rows * a.c * n, w));
    const c = this.fresh(a.n, a.h, a.w, n);
    op.a = this.use(a);
    op.residual = residual ? this.use(residual) : NONE;
    op.c = c.id;
    op.m = a.rows;
    op.n = n;
    op.k = a.c;
    op.lda = a.stride;
    op.ldr = c.stride;
    op.ldc = c.stride;
    op.activation = activation;
    return c;
  }

  /** A dense convolution to [n, out_h, out_w, channels], padded by `top` and `left` and whatever the far edges need. */
  conv2d(x: Tensor, w: Block, channels: u32, kernel: u32, stride: u32, top: u32, left: u32, out_h: u32, out_w: u32, activation: Activation): Tensor {
    const macs = <u64>x.n * out_h * out_w * kernel * kernel * x.c * channels;
    const op = changetype<Conv2d>(this.begin(Kind.Conv2d, 3, w.name, macs, w));
    const scratch = this.fresh(MAX_PARTS, 2, kernel * kernel, x.stride);
    const out = this.fresh(x.n, out_h, out_w, channels);
    op.input = this.use(x);
    op.scratch = scratch.id;
    op.out = out.id;
    op.batch = x.n;
    op.in_h = x.h;
    op.in_w = x.w;
    op.lda = x.stride;
    op.out_h = out_h;
    op.out_w = out_w;
    op.n = channels;
    op.ldc = out.stride;
    op.kernel = kernel;
    op.stride = stride;
    op.top = top;
    op.left = left;
    op.activation = activation;
    return out;
  }

  /** As conv2d, each channel with a filter of its own. */
  depthwise(x: Tensor, w: Block, kernel: u32, stride: u32, top: u32, left: u32, out_h: u32, out_w: u32, activation: Activation): Tensor {
    const macs = <u64>x.n * out_h * out_w * kernel * kernel * x.c;
    const op = changetype<Depthwise>(this.begin(Kind.Depthwise, 2, w.name, macs, w));
    const out = this.fresh(x.n, out_h, out_w, x.c);
    op.input = this.use(x);
    op.out = out.id;
    op.batch = x.n;
    op.in_h = x.h;
    op.in_w = x.w;
    op.out_h = out_h;
    op.out_w = out_w;
    op.channels = x.c;
    op.ldc = x.stride;
    op.kernel = kernel;
    op.stride = stride;
    op.top = top;
    op.left = left;
    op.activation = activation;
    return out;
  }

  /** [n, h, w, c] -> [n, 1, 1, c]. */
  pool(x: Tensor, pooling: Pooling, name: string): Tensor {
    const op = changetype<Pool>(this.begin(Kind.Pool, 2, name, 0));
    const out = this.fresh(x.n, 1, 1, x.c);
    op.input = this.use(x);
    op.out = out.id;
    op.batch = x.n;
    op.h = x.h;
    op.w = x.w;
    op.ldc = x.stride;
    op.pooling = pooling;
    return out;
  }

  /** x ·= gate, in place: x is the result. */
  scale(x: Tensor, gate: Tensor, name: string): Tensor {
    const op = changetype<Scale>(this.begin(Kind.Scale, 2, name, <u64>x.rows * x.c));
    op.gate = this.use(gate);
    op.x = this.use(x);
    op.batch = x.n;
    op.pixels = x.h * x.w;
    op.ldc = x.stride;
    return x;
  }

  /** Rows of a table by id, into a new tensor or added to `sum`. */
  embedding(ids: Tensor, table: Block, tokens: u32, rows: u32, width: u32, sum: Tensor | null): Tensor {
    const op = changetype<Embedding>(this.begin(Kind.Embedding, 2, table.name, 0, table));
    const out = sum ? sum : this.fresh(tokens, 1, 1, width);
    op.ids = this.use(ids);
    op.out = this.use(out);
    op.tokens = tokens;
    op.rows = rows;
    op.ldc = out.stride;
    op.accumulate = sum ? 1 : 0;
    return out;
  }

  layernorm(x: Tensor, w: Block, eps: f64): Tensor {
    const op = changetype<LayerNorm>(this.begin(Kind.LayerNorm, 2, w.name, 0, w));
    const out = this.fresh(x.n, x.h, x.w, x.c);
    op.x = this.use(x);
    op.out = out.id;
    op.rows = x.rows;
    op.width = x.c;
    op.ldc = x.stride;
    op.eps = <f32>eps;
    return out;
  }

  /** qkv [tokens, 3 · heads · d] -> [tokens, heads · d]; `probs`: also give the probabilities, as an output of that name. */
  attention(qkv: Tensor, starts: Tensor, mask: Tensor, sequences: u32, length: u32, heads: u32, name: string, probs: string | null): Tensor {
    const width = qkv.c / 3;
    const d = width / heads;
    const macs = <u64>sequences * heads * length * length * d * 2;
    const op = changetype<Attention>(this.begin(Kind.Attention, 6, name, macs));
    const slot = slot_bytes(length, d);
    if (slot > <u64>i32.MAX_VALUE) this.fail(`attention over ${length} tokens needs ${slot} bytes of scratch`);
    const scratch = this.fresh(MAX_PARTS, 1, 1, <u32>(slot >> 2));
    const out = this.fresh(qkv.n, 1, 1, width);
    op.qkv = this.use(qkv);
    op.starts = this.use(starts);
    op.mask = this.use(mask);
    op.probs = NONE;
    op.scratch = scratch.id;
    op.out = out.id;
    op.tokens = qkv.n;
    op.sequences = sequences;
    op.length = length;
    op.heads = heads;
    op.d = d;
    op.ldq = qkv.stride;
    op.ldo = out.stride;
    op.slot = <u32>slot;
    op.scale = <f32>(1.0 / Math.sqrt(d));
    if (probs) {
      const tap = this.fresh(sequences, heads, length, length);
      this.output(tap, probs);
      op.probs = tap.id;
      op.ldp = tap.stride;
    }
    return out;
  }

  gather(x: Tensor, rows: Tensor, count: u32, name: string): Tensor {
    const op = changetype<Gather>(this.begin(Kind.Gather, 3, name, 0));
    const out = this.fresh(count, 1, 1, x.c);
    op.x = this.use(x);
    op.rows = this.use(rows);
    op.out = out.id;
    op.count = count;
    op.ldc = x.stride;
    return out;
  }

  normalize(x: Tensor, name: string): Tensor {
    const op = changetype<Normalize>(this.begin(Kind.Normalize, 2, name, 0));
    const out = this.fresh(x.n, 1, 1, x.c);
    op.x = this.use(x);
    op.out = out.id;
    op.rows = x.n;
    op.width = x.c;
    op.ldc = x.stride;
    return out;
  }

  /** a [m, k], b [n, k] -> a · bᵀ / temperature [m, n]. */
  similarity(a: Tensor, b: Tensor, temperature: Block, name: string): Tensor {
    const op = changetype<Similarity>(this.begin(Kind.Similarity, 3, name, <u64>a.n * b.n * a.c, temperature));
    const out = this.fresh(a.n, 1, 1, b.n);
    op.a = this.use(a);
    op.b = this.use(b);
    op.out = out.id;
    op.m = a.n;
    op.n = b.n;
    op.k = a.stride;
    op.ldo = out.stride;
    return out;
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
      const op = this.ops[i];
      for (let j: u32 = 0; j < op.operands; j++) {
        const at = changetype<usize>(op) + OP_WORDS + (<usize>j << 2);
        const id = load<u32>(at);
        if (id != NONE) store<u32>(at, <u32>this.tensors[id].offset);
      }
    }
    const to = heap.alloc(this.ops.length * RECORD_BYTES);
    for (let i = 0; i < this.ops.length; i++) {
      memory.copy(to + i * RECORD_BYTES, changetype<usize>(this.ops[i]), RECORD_BYTES);
    }
    return <u32>to;
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
