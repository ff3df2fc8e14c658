// The bytes of a label set: its numbers, its JSON, its embeddings, with the checksum that belongs to them or without.

import { crc32 } from '../../../src/host/crc32.ts';
import { LabelSet } from '../../../src/host/label_set.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, damaged_file, join } from '../mutations.ts';

const FILE = 'labels.bin';
const SET = new LabelSet(
  ['a cat', 'ein Hund', '猫'],
  [1, 0, 2].map((one) => Float32Array.from({ length: 5 }, (_, i) => (i === one ? 1 : 0))),
  'a photo of {}',
);
const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 2 ** 16, 2 ** 30, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 4];

function make(dice: Dice): Case {
  let bytes: Uint8Array = SET.to_bytes();
  const view = new DataView(bytes.buffer);
  const json_length = view.getUint32(20, true);
  const kind = dice.below(6);
  if (kind === 0) view.setUint32(dice.pick([12, 16, 20]), dice.pick(NUMBERS), true);
  if (kind === 1)
    view.setFloat32(24 + json_length + 4 * dice.below(15), dice.pick([NaN, Infinity, 0, 2, 1e-30]), true);
  if (kind === 2) {
    const json = damaged_file({ hypothesis_template: SET.hypothesis_template, labels: SET.labels }, dice);
    const padded = new Uint8Array((json.length + 3) & ~3).fill(0x20);
    padded.set(json);
    view.setUint32(20, padded.length, true);
    bytes = join(bytes.subarray(0, 24), padded, bytes.subarray(24 + json_length));
  }
  if (kind === 3) for (let i = dice.below(3); i >= 0; i--) bytes = damage(bytes, dice);
  if (bytes.length >= 12 && dice.chance(0.8))
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, crc32(bytes.subarray(12)), true);
  return { [FILE]: bytes };
}

function read({ [FILE]: bytes }: Case): void {
  const set = LabelSet.from_bytes(bytes!);
  if (set.size === 0 || set.embeddings.some((row) => row.length !== set.dimensions))
    throw new Error(`${set.size} labels of ${set.dimensions}`);
  const again = LabelSet.from_bytes(set.to_bytes());
  if (JSON.stringify(again.labels) !== JSON.stringify(set.labels))
    throw new Error('not the same labels again');
}

export const label_set: Target = {
  name: 'label_set',
  files: 20_000,
  codes: ['corrupt_index'],
  constant: 2 ** 14,
  start: () => Promise.resolve<Fuzzer>({ make, read }),
};
