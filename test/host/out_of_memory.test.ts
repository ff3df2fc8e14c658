// Where an engine has no memory left, callers hear out_of_memory, not the engine's RangeError, nor that their file is damaged.
// test/faults tries every allocation; here is one of each sort.

import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AlignError, out_of_memory, within_memory } from '../../src/host/errors.ts';
import { RawImage } from '../../src/host/image.ts';
import { AlignModel } from '../../src/host/models.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { refused } from '../support/bad_calls.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { picture } from './zero_shot.ts';

const JPEG = readFileSync(new URL('../runtimes/photos/baseline.jpg', import.meta.url));
const { Instance } = WebAssembly;
const slice: typeof Float32Array.prototype.slice = Reflect.get(Float32Array.prototype, 'slice');

afterEach(() => {
  WebAssembly.Instance = Instance;
  Float32Array.prototype.slice = slice;
  vi.unstubAllGlobals();
});

/** `name` cannot be made from now on. */
function short_of(name: 'Uint8Array' | 'Float32Array'): void {
  const construct = (target: typeof Uint8Array, given: unknown[]): object => {
    const made = Reflect.construct(target, given) as Uint8Array;
    if (made.byteLength < 1000) return made;
    throw new RangeError('Array buffer allocation failed');
  };
  vi.stubGlobal(name, new Proxy<typeof Uint8Array>(globalThis[name] as typeof Uint8Array, { construct }));
}

describe('No memory', () => {
  test('for an instance', async () => {
    WebAssembly.Instance = function () {
      throw new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory');
    } as unknown as typeof Instance;
    await refused('out_of_memory', ['Cannot allocate'], () => AlignModel.from_pretrained(golden('tiny')));
    await refused('out_of_memory', [], () => AlignIndex.create({ dimensions: 4 }));
  });

  test('for a buffer while loading', async () => {
    short_of('Uint8Array');
    await refused('out_of_memory', ['allocation failed'], () => AlignModel.from_pretrained(golden('tiny')));
  });

  test('for a buffer of a call', async () => {
    const index = await AlignIndex.create({ dimensions: 300 });
    index.add(1, new Float32Array(300).fill(1));
    Float32Array.prototype.slice = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    await refused('out_of_memory', [], () => index.get(1));
    Float32Array.prototype.slice = slice;
    expect(index.get(1)!.embedding).toHaveLength(300);
  });

  test('for saving, which leaves nothing half written', async () => {
    const model = await AlignModel.from_pretrained(golden('tiny'));
    const folder = await mkdtemp(join(tmpdir(), 'align-saved-'));
    short_of('Uint8Array');
    await refused('out_of_memory', [], () => model.save_pretrained(folder));
    vi.unstubAllGlobals();
    expect(await readdir(folder)).toEqual([]);
    await model.save_pretrained(folder);
    (await AlignModel.from_pretrained(folder)).dispose();
    model.dispose();
    await rm(folder, { recursive: true });
  });

  test('for a picture, which is not damaged', async () => {
    short_of('Uint8Array');
    await refused('out_of_memory', [], () => RawImage.read(picture('lock')));
    await refused('out_of_memory', [], () => RawImage.read(JPEG));
    vi.unstubAllGlobals();
    expect((await RawImage.read(JPEG)).channels).toBe(3);
  });
});

test('only what engines say of memory counts as that', () => {
  const other = new RangeError('Maximum call stack size exceeded');
  const plain = new Error('out of memory, says a file');
  for (const error of [other, plain, new AlignError('trap', 'allocation'), 'out of memory'])
    expect(out_of_memory(error)).toBeNull();
  expect(() => within_memory(() => { throw other; })).toThrow(other); // prettier-ignore
  // As it comes from a worker.
  // A size that engines have no array for is too large for memory, too.
  for (const make of [() => new BigInt64Array(2e15), () => new ArrayBuffer(2 ** 60)])
    expect(() => within_memory<unknown>(make)).toThrow(expect.objectContaining({ code: 'out_of_memory' }));
  const far = Object.assign(new Error('Out of memory'), { name: 'RangeError' });
  expect(out_of_memory(far)).toMatchObject({ code: 'out_of_memory', cause: far });
});

test('a JPEG decoder that is dropped gives its memory back, the first of the process too', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let alive = 0;
  const collected = new FinalizationRegistry(() => alive--);
  WebAssembly.Instance = function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    const instance = new Instance(module, imports);
    for (const item of Object.values(instance.exports))
      if (item instanceof WebAssembly.Memory) {
        alive++;
        collected.register(item, null);
      }
    return instance;
  } as unknown as typeof Instance;
  vi.resetModules();
  Reflect.deleteProperty(globalThis, 'ImageData');
  const { RawImage: fresh } = await import('../../src/host/image.ts');
  await fresh.read(JPEG);
  expect(alive).toBe(1);
  const damaged = Buffer.concat([JPEG.subarray(0, JPEG.length - 300), JPEG.subarray(-2)]); // whole but for its scan
  await expect(fresh.read(damaged)).rejects.toMatchObject({ code: 'corrupt_image' });
  await vi.waitFor(
    () => {
      collect();
      expect(alive).toBe(0);
    },
    { timeout: 5000 },
  );
});
