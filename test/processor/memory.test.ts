// The tables of Unicode take the memory that they say, and no byte more.

import { expect, test } from 'vitest';
import { compile, Instance } from '../../src/host/wasm/module.ts';

test.each([0, 0xa5])(
  'unicode_init writes no further than unicode_bytes says, over bytes of %i',
  async (byte) => {
    const instance = new Instance(await compile());
    const { exports, base } = instance;
    const end = base + exports.unicode_bytes();
    const behind = 2 ** 20;
    instance.ensure(end + behind);
    instance.bytes(base, end - base).fill(0);
    instance.bytes(end, behind).fill(byte);
    const before = instance.bytes(0, base).slice();
    exports.unicode_init(base);
    expect(instance.bytes(end, behind).findIndex((value) => value !== byte)).toBe(-1);
    expect(Buffer.compare(instance.bytes(end - 4, 4), Buffer.alloc(4))).not.toBe(0); // the last class
    // What init keeps for itself lies among the module's globals and constants, not in memory.
    expect(Buffer.compare(instance.bytes(0, base), before)).toBe(0);
  },
);
