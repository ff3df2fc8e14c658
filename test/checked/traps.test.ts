// A trap at any call of any export of align.wasm is an AlignError; afterwards the same model, processor or index gives what
// it gave before, or says that it was disposed.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { AlignError } from '../../src/host/errors.ts';
import { CHECKPOINT } from '../host/zero_shot.ts';

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

describe('a trap in', () => {
  test('each export at its first, second, middle and last call is typed, and the model goes on', async () => {
    calls.clear();
    const align = await Align.load(CHECKPOINT, { device: 'wasm', threads: 1 });
    const loading = new Map(calls);
    calls.clear();
    const expected = await work(align);
    const counts = new Map(calls);
    expect(counts.size).toBeGreaterThan(10);
    const seen: string[] = [];
    for (const [name, count] of counts)
      for (const left of new Set([0, 1, count >> 1, count - 1].filter((k) => k < count))) {
        // Plans and the resizer's memory are kept between calls, so some exports are called less often the second time.
        armed = { name, left };
        const error = await work(align).then(() => null, (thrown: unknown) => thrown); // prettier-ignore
        const at = `${name}, call ${left} of ${count}`;
        if (error !== null) {
          expect(error, at).toBeInstanceOf(AlignError);
          expect(['trap', 'out_of_memory'], at).toContain((error as AlignError).code);
          seen.push(name);
        }
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
        const error = await Align.load(CHECKPOINT, { device: 'wasm', threads: 1 }).then(() => null, (thrown: unknown) => thrown); // prettier-ignore
        expect(error, `${name}, call ${left} of ${count} of loading`).toBeInstanceOf(AlignError);
        expect(['trap', 'out_of_memory']).toContain((error as AlignError).code);
      }
    armed = null;
    const again = await Align.load(CHECKPOINT, { device: 'wasm', threads: 1 });
    expect(await work(again)).toBe(expected);
    again.dispose();
  });
});
