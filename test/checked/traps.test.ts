// A trap at any call of any export of align.wasm is an AlignError, with one thread, two, or in a model's worker; afterwards
// the same model, processor or index gives what it gave before, or says that it was disposed.

import { readFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { AlignError } from '../../src/host/errors.ts';
import { CHECKPOINT } from '../host/zero_shot.ts';

const ALIGN_WASM = readFileSync(new URL('../../dist/align.wasm', import.meta.url));
const TEXTS = ['a red cat', 'two dogs', ''];
const picture = { data: Uint8Array.from({ length: 20 * 30 * 3 }, (_, i) => (i * 7) & 255), width: 20, height: 30, channels: 3 as const }; // prettier-ignore

/** Traps for good: the module is one function of `unreachable`. */
const trap = new WebAssembly.Instance(
  new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
      ...[7, 5, 1, 1, 116, 0, 0, 10, 5, 1, 3, 0, 0, 11],
    ]),
  ),
).exports['t'] as () => void;

const Plain = WebAssembly.Instance;
/** Which export traps, and after how many calls, of all instances together. */
let armed: { name: string; left: number } | null = null;
const calls = new Map<string, number>();

beforeAll(() => {
  WebAssembly.Instance = function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    const { exports } = new Plain(module, imports);
    if (typeof exports['abi_version'] !== 'function') return { exports };
    const counted: Record<string, unknown> = { ...exports };
    for (const [name, run] of Object.entries(exports))
      if (typeof run === 'function' && !/^(abi_version|heap_base|bind|allocate|reset_recorder)$/.test(name))
        counted[name] = (...given: number[]) => {
          calls.set(name, (calls.get(name) ?? 0) + 1);
          if (armed?.name === name && armed.left-- === 0) trap();
          return (run as (...given: number[]) => unknown)(...given);
        };
    return { exports: counted };
  } as unknown as typeof WebAssembly.Instance;
  return () => (WebAssembly.Instance = Plain);
});

afterEach(() => {
  armed = null;
});

/** Everything that a model is asked for, as text: load, two towers, labels, an index, and its file. */
async function work(align: Align): Promise<string> {
  const texts = await align.embed_text(TEXTS);
  const image = await align.embed_image(picture);
  const found = await align.classify(picture, ['cat', 'dog', 'red']);
  const results: unknown[] = [texts, image, found];
  for (const dtype of ['fp32', 'int8', 'binary'] as const) {
    const index = await align.create_index({ dtype });
    texts.forEach((embedding, i) => { index.add(`t${i}`, embedding); }); // prettier-ignore
    results.push(index.search(image, 2), index.search(texts.concat(texts, texts), 2));
  }
  return JSON.stringify(results);
}

/** What `task` fails with, or null; anything else than an AlignError that says so is an error of the test. */
async function trapped(at: string, task: () => Promise<unknown>): Promise<AlignError | null> {
  const error = await task().then(() => null, (thrown: unknown) => thrown); // prettier-ignore
  if (error === null) return null;
  expect(error, at).toBeInstanceOf(AlignError);
  expect(['trap', 'out_of_memory'], at).toContain((error as AlignError).code);
  return error as AlignError;
}

describe.each([1, 2])('with %i threads, a trap in', (threads) => {
  test('each export at its first, second, middle and last call is typed, and the model goes on', async () => {
    calls.clear();
    const align = await Align.load(CHECKPOINT, { device: 'wasm', threads });
    expect(align.model.threads).toBe(threads);
    const loading = new Map(calls);
    calls.clear();
    const expected = await work(align);
    const counts = new Map(calls);
    expect(counts.size).toBeGreaterThan(10);
    expect(counts.has(threads === 1 ? 'execute' : 'execute_part')).toBe(true);
    const seen: string[] = [];
    for (const [name, count] of counts)
      for (const left of new Set([0, 1, count >> 1, count - 1].filter((k) => k < count))) {
        // Plans and the resizer's memory are kept between calls, so some exports are called less often the second time.
        armed = { name, left };
        const at = `${name}, call ${left} of ${count}`;
        if ((await trapped(at, () => work(align))) !== null) seen.push(name);
        armed = null;
        expect(await work(align), at).toBe(expected);
      }
    console.log(`${seen.length} traps in ${new Set(seen).size} exports: ${[...new Set(seen)].join(', ')}`);
    expect(new Set(seen).size).toBeGreaterThan(8);
    align.dispose();
    await expect(work(align)).rejects.toMatchObject({ code: 'disposed' });

    for (const [name, count] of loading)
      for (const left of new Set([0, count >> 1, count - 1])) {
        armed = { name, left };
        const at = `${name}, call ${left} of ${count} of loading`;
        const load = (): Promise<unknown> => Align.load(CHECKPOINT, { device: 'wasm', threads });
        expect(await trapped(at, load), at).not.toBeNull();
      }
    armed = null;
    const again = await Align.load(CHECKPOINT, { device: 'wasm', threads });
    expect(await work(again)).toBe(expected);
    again.dispose();
  });
});

describe('in a worker, a trap in', () => {
  let expected: string;
  beforeAll(async () => {
    const align = await Align.load(CHECKPOINT, { device: 'wasm', worker: true });
    expected = await work(align);
    align.dispose();
  });

  /** The number of the call of an instance that traps, by export: what a model's worker calls. */
  const CALLS: readonly (readonly [name: string, lefts: readonly number[]])[] = [
    ['execute', [0, 1, 2]],
    ['resize', [0, 1]],
    ['resize_bytes', [0, 1]],
  ];

  test.each(CALLS)('%s is typed, and the model goes on', async (name, lefts) => {
    for (const left of lefts) {
      const wasm = trapping_module(name, left);
      const align = await Align.load(CHECKPOINT, { device: 'wasm', worker: true, wasm });
      const at = `${name}, call ${left}`;
      let traps = 0;
      // A call of work() may end before the export is called so often; the same worker is asked again.
      for (let i = 0; i < 3 && traps === 0; i++)
        traps += Number((await trapped(at, () => work(align))) !== null);
      expect(traps, at).toBe(1);
      expect(await work(align), at).toBe(expected);
      align.dispose();
      await expect(work(align)).rejects.toMatchObject({ code: 'disposed' });
    }
  });

  test.each([0, 3, 40])('pack at its call %i of loading is typed, and loading works again', async (left) => {
    const wasm = trapping_module('pack', left);
    const load = (): Promise<Align> => Align.load(CHECKPOINT, { device: 'wasm', worker: true, wasm });
    // Every worker has an instance of its own, whose call of that number traps.
    for (let i = 0; i < 2; i++) expect(await trapped(`pack, call ${left}`, load)).not.toBeNull();
    const align = await Align.load(CHECKPOINT, { device: 'wasm', worker: true });
    expect(await work(align)).toBe(expected);
    align.dispose();
  });
});

/** align.wasm whose export `name` traps at its call number `left` in every instance, once. */
function trapping_module(name: string, left: number): WebAssembly.Module {
  const module = binaryen.readBinary(ALIGN_WASM);
  module.setFeatures(binaryen.Features.All);
  const { value } = binaryen.getExportInfo(module.getExport(name));
  const { params, results } = binaryen.getFunctionInfo(module.getFunction(value));
  const { i32 } = binaryen;
  module.addGlobal('calls_left', i32, true, module.i32.const(left));
  const count = (): number => module.global.get('calls_left', i32);
  const given = binaryen.expandType(params).map((type, i) => module.local.get(i, type));
  const body = module.block(null, [
    module.global.set('calls_left', module.i32.sub(count(), module.i32.const(1))),
    module.if(module.i32.eq(count(), module.i32.const(-1)), module.unreachable()),
    module.call(value, given, results),
  ], results); // prettier-ignore
  module.addFunction('trapping', params, results, [], body);
  module.removeExport(name);
  module.addFunctionExport('trapping', name);
  const bytes = module.emitBinary();
  module.dispose();
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}
