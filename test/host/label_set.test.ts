// A label set as bytes: the same set comes back, and no damaged or foreign bytes are taken for one.

import { describe, expect, it } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { LabelSet } from '../../src/host/label_set.ts';

const set = new LabelSet(
  ['a cat', 'ein Hund 🐕'],
  [Float32Array.of(0.6, 0, -0.8), Float32Array.of(0, 1, 0)],
  'a photo of {}',
);

function failure(bytes: unknown): AlignError {
  try {
    LabelSet.from_bytes(bytes as Uint8Array);
  } catch (error) {
    return error as AlignError;
  }
  throw new Error('from_bytes accepted it');
}

/** The bytes of `set` after `edit`, with a fresh header checksum, so that later checks are reached. */
function edited(edit: (bytes: Uint8Array, view: DataView) => void, from: LabelSet = set): Uint8Array {
  const bytes = from.to_bytes();
  const view = new DataView(bytes.buffer);
  edit(bytes, view);
  let crc = 0xffffffff;
  for (const byte of bytes.subarray(12)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  view.setUint32(8, ~crc >>> 0, true);
  return bytes;
}

describe('LabelSet', () => {
  it('comes back from its bytes', () => {
    const bytes = set.to_bytes();
    const back = LabelSet.from_bytes(bytes);
    expect(back).toEqual(set);
    expect([back.size, back.dimensions, back.hypothesis_template]).toEqual([2, 3, 'a photo of {}']);
    expect(back.to_bytes()).toEqual(bytes);
  });

  it('comes back from an ArrayBuffer and from the middle of a larger buffer', () => {
    const bytes = set.to_bytes();
    expect(LabelSet.from_bytes(bytes.slice().buffer)).toEqual(set);
    const larger = new Uint8Array(bytes.length + 6);
    larger.set(bytes, 3);
    expect(LabelSet.from_bytes(larger.subarray(3, 3 + bytes.length))).toEqual(set);
  });

  it('refuses every truncation', () => {
    const bytes = set.to_bytes();
    for (let length = 0; length < bytes.length; length++)
      expect(failure(bytes.subarray(0, length)).code).toBe('corrupt_index');
  });

  it('refuses every change of a byte', () => {
    const bytes = set.to_bytes();
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 0x10;
      expect(failure(changed).code).toBe('corrupt_index');
    }
  });

  it('refuses what is not bytes', () => {
    expect(failure('ALIGNLS1').code).toBe('invalid_argument');
    expect(failure([1, 2, 3]).message).toContain('[1, 2, 3]');
  });

  it('refuses contents that do not belong together, even under a right checksum', () => {
    const huge = failure(edited((_, view) => view.setUint32(12, 0xffffffff, true)));
    expect(huge.message).toContain('bytes long');
    const not_json = failure(edited((bytes) => bytes.fill(0x78, 24, 28)));
    expect(not_json.message).toContain('JSON');
    const long = failure(edited((_, view) => view.setFloat32(view.byteLength - 8, 7, true)));
    expect(long.message).toContain('length 1');
    const not_a_number = failure(edited((_, view) => view.setFloat32(view.byteLength - 8, NaN, true)));
    expect(not_a_number.message).toContain('length 1');
    const [two, three] = ['"a cat"', '"a","t"'];
    const more = failure(
      edited((bytes) => {
        const at = Buffer.from(bytes).indexOf(two);
        bytes.set(Buffer.from(three), at);
      }),
    );
    expect(more.code).toBe('corrupt_index');
    expect(more.message).toContain('3 labels');
    const none = failure(edited(() => undefined, new LabelSet([], [], '{}')));
    expect(none.message).toContain('0 labels');
  });

  it('is not made of labels, embeddings and a template that do not belong together', () => {
    const [row] = set.embeddings;
    const bad: unknown[][] = [
      ...[[], [null, null, null], [['a'], [], '{}'], [['a', 'b'], [row, row!.slice(1)], '{}']],
      ...[
        [['a'], [[1, 0, 0]], '{}'],
        [[1], [row], '{}'],
        [['a'], [row], 1],
        [['a', 'b', 'c'], [row, row], '{}'],
      ],
    ];
    for (const given of bad)
      expect(() => new LabelSet(...(given as ConstructorParameters<typeof LabelSet>))).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
  });
});
