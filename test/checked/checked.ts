// Runs align.wasm's checked build in place of align.wasm: before every op the shadow gets what its record allows, and with a
// plan at hand the record's operands must be tensors that live then, and its weights a block that the plan asked for. Other
// calls have ranges by their arguments (calls.ts).

import { readFileSync } from 'node:fs';
import { platform } from '#platform';
import { RECORD_BYTES, Dtype, Part, Request, Source } from '../../src/host/plan/layout.ts';
import { weight_requests, type Plan } from '../../src/host/plan/plan.ts';
import { read_struct } from '../../src/host/plan/struct.ts';
import { WasmExecutor } from '../../src/host/wasm/executor.ts';
import type { Exports } from '../../src/host/wasm/exports.ts';
import { checked_build } from './instrument.ts';
import { calls_of, type Range } from './calls.ts';
import { extents_of, type Extent } from './extents.ts';

/** How much was checked. */
export const checked: { ops: number; packs: number; planned: number; calls: Record<string, number> } = { ops: 0, packs: 0, planned: 0, calls: {} }; // prettier-ignore

interface Running {
  readonly plan: Plan;
  readonly records: number;
  /** Weight blocks of the plans of this instance by where they begin: their bytes. A joined plan names those of its last part alone. */
  readonly blocks: ReadonlyMap<number, number>;
}

/** By the memory that it runs in: an instance's exports may be put into others. */
const running = new WeakMap<WebAssembly.Memory, Running>();
const ELEMENT_BYTES: Readonly<Record<number, number>> = Object.fromEntries(
  Object.entries(Dtype).map(([name, value]) => [value, Number(/\d+$/.exec(name)![0]) / 8]),
);

/** The shadow of one instance. */
class Shadow {
  readonly #memory: WebAssembly.Memory;
  readonly #on: WebAssembly.Global;
  readonly imports: WebAssembly.Imports;
  #what = '';
  #ranges: readonly Range[] = [];

  constructor(module: WebAssembly.Module) {
    const fail = (at: number, bytes: number, bit: number): void => {
      const near = this.#ranges.map(({ name, start, end }) => `${name} ${start}–${end}`).join(', ');
      throw new Error(
        `${this.#what} ${bit === 3 ? 'writes' : 'reads'} ${bytes} bytes at ${at >>> 0}, outside ${near}`,
      );
    };
    const { exports } = new WebAssembly.Instance(module, { host: { fail } });
    this.imports = { shadow: exports };
    this.#memory = exports['memory'] as WebAssembly.Memory;
    this.#on = exports['on'] as WebAssembly.Global;
  }

  /** Runs `task`, which may touch these ranges of a memory of `size` bytes. */
  during<T>(what: string, ranges: readonly Range[], size: number, task: () => T): T {
    const missing = size - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(missing / 65536);
    const bytes = new Uint8Array(this.#memory.buffer);
    this.#what = what;
    this.#ranges = ranges;
    for (const { start, end, name } of ranges)
      if (end > size || start > end)
        throw new Error(`${what}: ${name} ${start}–${end} is outside memory, ${size}`);
    for (const { start, end } of ranges) bytes.fill(1, start, end);
    for (const { start, end, write } of ranges) if (write) bytes.fill(3, start, end);
    this.#on.value = 1;
    try {
      return task();
    } finally {
      this.#on.value = 0;
      for (const { start, end } of ranges) bytes.fill(0, start, end);
    }
  }
}

/** An operand must be a tensor that lives when op `index` runs, and no larger; weights a block of the plan. */
function check_against_plan(
  { plan, blocks }: Running,
  index: number,
  what: string,
  extents: readonly Extent[],
): void {
  checked.planned++;
  for (const { name, of, start, bytes, tensor } of extents) {
    const end = start - tensor + bytes;
    if (of === 'weights') {
      const most = blocks.get(start) ?? -1;
      if (end > most)
        throw new Error(`${what}: ${end} bytes of weights at ${start}, the plan has ${most} there`);
      continue;
    }
    const fits = plan.tensors.some(
      (t) =>
        t.offset === tensor && t.first <= index && index <= t.last && end <= t.n * t.h * t.w * t.stride * 4,
    );
    if (!fits) throw new Error(`${what}: ${name} has ${end} bytes at ${tensor}, where no such tensor lives`);
  }
}

/** The exports of an instance of the checked build. */
function checked_exports(plain: Exports, shadow: Shadow): Exports {
  const base = plain.heap_base();
  const own: Range = { name: 'constants', start: 0, end: base, write: false };
  let [weights, arena] = [0, 0];
  const exports: Exports = {
    ...plain,
    bind(weights_at, arena_at) {
      [weights, arena] = [weights_at, arena_at];
      plain.bind(weights_at, arena_at);
    },
    execute(records, first, count, part, parts) {
      for (let i = first; i < first + count; i++) {
        const at = records + i * RECORD_BYTES;
        const { kind, extents } = extents_of(plain.memory.buffer, at, arena, part);
        const what = `op ${i} ${kind}, part ${part} of ${parts}`;
        const plan = running.get(plain.memory);
        if (plan?.records === records) check_against_plan(plan, i, what, extents);
        const ranges = extents.map(({ name, of, start, bytes, write }): Range => {
          const from = (of === 'arena' ? arena : weights) + start;
          return { name, start: from, end: from + bytes, write };
        });
        const record = { name: 'record', start: at, end: at + RECORD_BYTES, write: false };
        shadow.during(what, [own, record, ...ranges], plain.memory.buffer.byteLength, () => {
          plain.execute(records, i, 1, part, parts);
        });
        checked.ops++;
      }
    },
    pack(request_at, source_at, first_row, rows, src, dst) {
      const request = read_struct(plain.memory.buffer, request_at, Request);
      const source = read_struct(plain.memory.buffer, source_at, Source);
      const row = source.part === Part.Weight ? request.channels * request.taps : 1;
      const range = (name: string, start: number, bytes: number, write = false): Range => ({ name, start, end: start + bytes, write }); // prettier-ignore
      checked.packs++;
      return shadow.during(
        `pack, rows ${first_row} and ${rows - 1} more`,
        [
          own,
          range('request', request_at, Request.size),
          range('source', source_at, Source.size),
          range('rows', src, rows * row * ELEMENT_BYTES[source.dtype]!),
          range('scratch', request.scratch_at, request.scratch_bytes, true),
          range('block', dst, request.bytes, true),
        ],
        plain.memory.buffer.byteLength,
        () => plain.pack(request_at, source_at, first_row, rows, src, dst),
      );
    },
  };
  for (const [name, ranges] of calls_of(plain)) {
    const run = Reflect.get(plain, name) as (...given: number[]) => number;
    Reflect.set(exports, name, (...given: number[]): number => {
      checked.calls[name] = (checked.calls[name] ?? 0) + 1;
      const what = `${name}(${given.join(', ')})`;
      return shadow.during(what, [own, ...ranges(...given)], plain.memory.buffer.byteLength, () =>
        run(...given),
      );
    });
  }
  return exports;
}

/** From here on the exact build is the checked one, in this thread. */
export function install_checked_build(): void {
  const { build, shadow } = checked_build(readFileSync(new URL('../../dist/align.wasm', import.meta.url)));
  const wasm = platform.wasm.bind(platform);
  platform.wasm = (kind) => (kind === 'exact' ? Promise.resolve(build) : wasm(kind));

  const Plain = WebAssembly.Instance;
  WebAssembly.Instance = function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    if (module !== build) return new Plain(module, imports);
    const own = new Shadow(shadow);
    return { exports: checked_exports(new Plain(build, own.imports).exports as unknown as Exports, own) };
  } as unknown as typeof WebAssembly.Instance;
  WebAssembly.Instance.prototype = Plain.prototype;

  const prepare = WasmExecutor.prototype.prepare; // eslint-disable-line @typescript-eslint/unbound-method -- called with its own
  WasmExecutor.prototype.prepare = function (plan) {
    const arena = prepare.call(this, plan);
    const blocks = new Map(running.get(this.instance.memory)?.blocks);
    for (const { offset, bytes } of weight_requests(plan)) blocks.set(offset, bytes);
    running.set(this.instance.memory, { plan, records: this.behind_weights, blocks });
    return arena;
  };
}
