// Weight requests: which checkpoint tensors a plan needs, and the packed block each goes into. The order of requests
// fixes the places, so every plan of a tower finds its weights at the same ones.

import { aligned } from './arena';
import { F32_ONLY, PRODUCT_FORMATS, row_bytes, TABLE_FORMATS } from './formats';
import { ALIGNMENT, Format } from './op';
import { Plan } from './plan';
import { Packing, Part, Request, Source } from './tables';
import { round_up } from './tensor';

/** A packed block, as ops refer to it. */
export class Block {
  constructor(
    public name: string,
    public shard: u32,
    public offset: u32,
    public format: Format,
    /** Rows of a table in this piece of it; another block's are not asked for. */
    public rows: u32 = 0,
  ) {}
}

/** A folder of the checkpoint's name tree: `weights.at('encoder').at('layer.0')`. */
export class Weights {
  constructor(
    private plan: Plan,
    public prefix: string,
  ) {}

  at(name: string): Weights {
    return new Weights(this.plan, this.prefix + name + '.');
  }

  /** torch.nn.Linear, or a 1×1 Conv2d with a bias (`rank` 4): weight [n, k], bias [n]. */
  linear(name: string, n: u32, k: u32, rank: u32 = 2): Block {
    const at = this.at(name);
    const request = this.panels(name, n, k, k, 1);
    this.source(at.prefix + 'weight', Part.Weight, rank, n, k);
    this.source(at.prefix + 'bias', Part.Bias, 1, n);
    return this.block(name, request);
  }

  /** Several Linears on the same input side by side: fused query, key and value. */
  linears(names: string[], n: u32, k: u32): Block {
    const name = names.join('+');
    const request = this.panels(name, n * names.length, k, k, 1);
    for (let i = 0; i < names.length; i++) {
      const at = this.at(names[i]);
      this.source(at.prefix + 'weight', Part.Weight, 2, n, k).row = n * i;
      this.source(at.prefix + 'bias', Part.Bias, 1, n).row = n * i;
    }
    return this.block(name, request);
  }

  /** A dense Conv2d without bias [n, channels, kernel, kernel] and the batch norm that folds into it. */
  conv(name: string, norm: string, n: u32, channels: u32, kernel: u32, eps: f64): Block {
    const taps = kernel * kernel;
    const request = this.panels(name, n, taps == 1 ? channels : taps * round_up(channels), channels, taps);
    this.source(this.prefix + name + '.weight', Part.Weight, 4, n, channels, kernel, kernel);
    return this.normed(name, norm, n, eps, request);
  }

  /** A depthwise Conv2d without bias [channels, 1, kernel, kernel] and the batch norm that folds into it. */
  depthwise(name: string, norm: string, channels: u32, kernel: u32, eps: f64): Block {
    const taps = kernel * kernel;
    const request = this.plan.request(this.prefix + name, Packing.Taps, channels, taps, F32_ONLY);
    request.taps = taps;
    request.channels = 1;
    request.scratch_bytes = (channels * 4 + taps) << 2;
    this.source(this.prefix + name + '.weight', Part.Weight, 4, channels, 1, kernel, kernel);
    return this.normed(name, norm, channels, eps, request);
  }

  /** An embedding table [rows, width]. */
  table(name: string, rows: u32, width: u32): Block {
    const request = this.rows(name, rows, width, TABLE_FORMATS);
    this.source(this.prefix + name + '.weight', Part.Weight, 2, rows, width);
    const block = this.block(name, request);
    // A table with no place has failed the plan: it counts as one piece.
    block.rows = request.piece ? request.piece / <u32>row_bytes(request.format, request.depth) : rows;
    return block;
  }

  /** torch.nn.LayerNorm: gamma, then beta, one row each. */
  layernorm(name: string, width: u32): Block {
    const at = this.at(name);
    const request = this.rows(name, 2, width, F32_ONLY);
    this.source(at.prefix + 'weight', Part.Weight, 1, width);
    this.source(at.prefix + 'bias', Part.Weight, 1, width).row = 1;
    return this.block(name, request);
  }

  /** A scalar parameter. */
  scalar(name: string): Block {
    const request = this.rows(name, 1, 1, F32_ONLY);
    this.source(this.prefix + name, Part.Weight, 0);
    return this.block(name, request);
  }

  private panels(name: string, n: u32, depth: u32, channels: u32, taps: u32): Request {
    const accepts = taps == 1 ? PRODUCT_FORMATS : F32_ONLY;
    const request = this.plan.request(this.prefix + name, Packing.Panels, n, depth, accepts);
    request.channels = channels;
    request.taps = taps;
    request.scratch_bytes = (n * 4 + channels * taps) << 2;
    return request;
  }

  private rows(name: string, rows: u32, width: u32, accepts: u32): Request {
    const request = this.plan.request(this.prefix + name, Packing.Rows, rows, round_up(width), accepts);
    request.channels = width;
    request.taps = 1;
    request.scratch_bytes = width << 2;
    return request;
  }

  private normed(name: string, norm: string, n: u32, eps: f64, request: Request): Block {
    const at = this.at(norm);
    request.normed = 1;
    request.eps = eps;
    this.source(at.prefix + 'weight', Part.Gamma, 1, n);
    this.source(at.prefix + 'bias', Part.Beta, 1, n);
    this.source(at.prefix + 'running_mean', Part.Mean, 1, n);
    this.source(at.prefix + 'running_var', Part.Variance, 1, n);
    return this.block(name, request);
  }

  private source(name: string, part: Part, rank: u32, d0: u32 = 1, d1: u32 = 1, d2: u32 = 1, d3: u32 = 1): Source {
    return this.plan.source(name, part, rank, d0, d1, d2, d3);
  }

  private block(name: string, request: Request): Block {
    return new Block(this.prefix + name, request.shard, request.offset, request.format);
  }
}

/** Most bytes of a shard: offsets have 32 bits. */
const MOST_BYTES: u64 = <u64>u32.MAX_VALUE & ~<u64>(ALIGNMENT - 1);
/** Most pieces of a table. Each is an op, and no device holds so many. */
export const MOST_PIECES: u64 = 1024;

/** The next free place for weights: within a shard while its limit allows, else at the start of the next. */
export class Places {
  total: f64 = 0;
  /** Bytes of a shard. */
  limit: u64;

  constructor(
    public shard: u32,
    public offset: u64,
    limit: u64,
  ) {
    this.limit = min(limit, MOST_BYTES);
  }

  /** A place for `bytes` bytes, in pieces of whole units of `unit` bytes where they are more than a shard holds. */
  take(bytes: u64, unit: u64, request: Request): void {
    if (this.offset > 0 && this.offset + aligned(bytes) > this.limit) {
      this.shard++;
      this.offset = 0;
    }
    request.shard = this.shard;
    request.offset = <u32>this.offset;
    request.bytes = <f64>bytes;
    const piece = bytes <= this.limit ? bytes : this.limit - (this.limit % unit);
    request.piece = <u32>piece;
    let rest = bytes;
    for (; rest > piece; rest -= piece) {
      this.shard++;
      this.total += <f64>aligned(piece);
    }
    this.offset += aligned(rest);
    this.total += <f64>aligned(rest);
  }
}
