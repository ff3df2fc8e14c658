// A caller's own byte source: what it gives goes straight to its place where it can, and where memory is short its buffers are
// given back.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ByteSource } from '../../src/host/checkpoint/source.ts';
import { AlignModel } from '../../src/host/models.ts';
import { platform } from '../../src/host/platform/node.ts';
import { packed } from '../support/packed.ts';

const memory = platform as { memory_limit?: number };
const prototype = ArrayBuffer.prototype as { transfer?: unknown };
const own = prototype.transfer;

beforeAll(() => {
  // Node 20 has none: a buffer is emptied in another way.
  prototype.transfer ??= function (this: ArrayBuffer): ArrayBuffer {
    return structuredClone(this, { transfer: [this] });
  };
});
afterAll(() => {
  delete memory.memory_limit;
  if (own === undefined) delete prototype.transfer;
});

const bytes = await packed(fileURLToPath(new URL('../golden/odd', import.meta.url)), { dtype: 'fp32' });

/** The buffers that a source gave while a model was loaded from it, and that model's own bytes. */
async function load(read: ByteSource['read'], more: Partial<ByteSource> = {}): Promise<Uint8Array[]> {
  const given: Uint8Array[] = [];
  const bucket: ByteSource = {
    name: 'bucket',
    size: bytes.length,
    async read(start, end) {
      const part = await read(start, end);
      given.push(part);
      return part;
    },
    ...more,
  };
  const model = await AlignModel.from_pretrained(bucket, { device: 'wasm' });
  model.dispose();
  return given;
}

const copy: ByteSource['read'] = (start, end) => Promise.resolve(bytes.slice(start, end));
const view: ByteSource['read'] = (start, end) => Promise.resolve(bytes.subarray(start, end));
const emptied = (given: readonly Uint8Array[]): number => given.filter(({ length }) => length === 0).length;

test('where memory is plenty, every buffer stays what it was', async () => {
  expect(emptied(await load(copy))).toBe(0);
});

test('where it is short, those of weights are emptied, and never one that holds anything else', async () => {
  memory.memory_limit = 128e6;
  const given = await load(copy);
  const [weights, others] = [emptied(given), given.length - emptied(given)];
  expect(weights).toBeGreaterThan(50);
  expect(others).toBeLessThan(10); // header, config and the like
  expect(emptied(await load(view))).toBe(0);
  expect(bytes.length).toBeGreaterThan(0);
});

test('a source that reads into a place is asked to', async () => {
  let placed = 0;
  const read_into = (start: number, target: Uint8Array): Promise<void> => {
    placed += target.length;
    target.set(bytes.subarray(start, start + target.length));
    return Promise.resolve();
  };
  const given = await load(copy, { read_into });
  expect(placed + given.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(0.99 * bytes.length);
  expect(given.length).toBeLessThan(10);
});
