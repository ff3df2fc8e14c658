// safetensors files: a valid one, then its fields, its JSON, its length or its bytes damaged.

import { DTYPES, dtype_bytes, SafetensorsFile } from '../../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../../src/host/checkpoint/source.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, damage_json, NAMES, NUMBERS, VALUES } from '../mutations.ts';

const FILE = 'model.safetensors';
const utf8 = new TextEncoder();

/** A tensor of the header, each of its parts as JSON text, so that it can be wrong in any way. */
interface Entry {
  name: string;
  dtype: string;
  shape: string[];
  offsets: string[];
  /** More members, or members again. */
  more: string;
}

const SHAPES: readonly (readonly number[])[] = [[], [0], [1], [2], [3], [2, 2], [1, 0, 3], [1, 2, 1, 2], [7]];

/** Up to five tensors side by side, in any order. */
function valid_entries(dice: Dice): { entries: Entry[]; size: number } {
  let end = 0;
  const entries = Array.from({ length: dice.below(6) }, (_, i): Entry => {
    const dtype = dice.pick(DTYPES);
    const shape = dice.pick(SHAPES);
    const begin = end;
    end += shape.reduce((bytes, dim) => bytes * dim, dtype_bytes(dtype));
    const name = dice.chance(0.9) ? `t${i}` : dice.pick(NAMES);
    return {
      name: JSON.stringify(name),
      dtype: JSON.stringify(dtype),
      shape: shape.map(String),
      offsets: [String(begin), String(end)],
      more: '',
    };
  });
  if (dice.chance(0.3)) entries.reverse();
  return { entries, size: end };
}

function damage_entry(entries: Entry[], dice: Dice): void {
  const entry = entries.length > 0 ? dice.pick(entries) : null;
  const other = entries.length > 0 ? dice.pick(entries) : null;
  if (entry === null || other === null) return;
  const list = dice.chance(0.5) ? entry.shape : entry.offsets;
  switch (dice.below(12)) {
    case 0:
    case 1:
      list[dice.below(list.length)] = dice.pick(NUMBERS);
      break;
    case 2: {
      const at = dice.below(entry.offsets.length);
      entry.offsets[at] = String(Number(entry.offsets[at]) + dice.pick([-8, -4, -1, 1, 4, 8, 2 ** 32]));
      break;
    }
    case 3:
      list.splice(dice.below(list.length + 1), 0, dice.pick(['0', '1', '2', dice.pick(VALUES)]));
      break;
    case 4:
      list.splice(dice.below(list.length), 1);
      break;
    case 5:
      entry.offsets = other.offsets.slice();
      break;
    case 6:
      entry.offsets.reverse();
      break;
    case 7:
      entry.dtype = dice.pick([
        '"F4"',
        '"F6_E2M3"',
        '"F33"',
        '"f32"',
        JSON.stringify(dice.pick(DTYPES)),
        dice.pick(VALUES),
      ]);
      break;
    case 8:
      entry.name = other.name;
      break;
    case 9:
      entry.name = JSON.stringify(dice.pick(NAMES));
      break;
    case 10:
      entry.more = dice.pick([
        ',"dtype":"F32"',
        ',"shape":[]',
        ',"data_offsets":[0,0]',
        ',"x":1',
        ',"__proto__":{}',
      ]);
      break;
    default: {
      // Dimensions whose product wraps to the right size in 64, 53 or 32 bits.
      entry.shape = dice
        .pick([
          ['4294967296', '4294967296'],
          ['2147483648', '2147483648', '4'],
          ['9007199254740992', '2048'],
          ['65536', '65536'],
          ['1', '1', '1', '1', '1', '1', '1', '1', '1'],
        ])
        .slice();
    }
  }
}

function header_text(entries: readonly Entry[], dice: Dice): string {
  const members = entries.map(
    ({ name, dtype, shape, offsets, more }) =>
      `${name}:{"dtype":${dtype},"shape":[${shape.join()}],"data_offsets":[${offsets.join()}]${more}}`,
  );
  if (dice.chance(0.4)) {
    const metadata = dice.chance(0.8)
      ? `{"format":"pt","k":"${dice.pick(['', 'é', '\\n', '\\ud83d\\ude00'])}"}`
      : `{"a":${dice.pick(VALUES)}}`;
    members.splice(
      dice.below(members.length + 1),
      0,
      `"__metadata__":${dice.chance(0.95) ? metadata : dice.pick(VALUES)}`,
    );
  }
  return `{${members.join()}}${dice.chance(0.2) ? ' '.repeat(dice.below(9)) : ''}`;
}

/** A file of a few hundred bytes; of ten, about two are whole, and the others are damaged in one to three places of one kind. */
export function make_file(dice: Dice): Uint8Array {
  const { entries, size } = valid_entries(dice);
  const kind = dice.below(10);
  const times = 1 + dice.below(3);
  if (kind < 4) for (let i = 0; i < times; i++) damage_entry(entries, dice);
  let text = header_text(entries, dice);
  if (kind === 4 || kind === 5) for (let i = 0; i < times; i++) text = damage_json(text, dice);
  const header = utf8.encode(text);
  const data = kind === 6 ? Math.max(0, size + dice.pick([-8, -1, 1, 4, 64])) : size;
  const bytes = new Uint8Array(8 + header.length + data);
  bytes.set(header, 8);
  for (let i = 8 + header.length; i < bytes.length; i++) bytes[i] = i;
  const length = BigInt(header.length) + (kind === 7 ? BigInt(dice.pick([-8, -1, 1, 8, 64])) : 0n);
  const lie = dice.pick([
    length,
    length + 2n ** 32n,
    length - 8n - BigInt(bytes.length),
    2n ** 64n - 1n,
    2n ** 63n,
  ]);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, kind === 7 ? lie : length), true);
  let file: Uint8Array = bytes;
  if (kind === 8) for (let i = 0; i < times; i++) file = damage(file, dice);
  return file;
}

/** What was read must be what the format promises: tensors side by side that fill the file behind its header. */
async function read({ [FILE]: bytes }: Case): Promise<void> {
  let read = 0;
  const source = bytes_source(FILE, bytes!);
  const counted: typeof source = {
    ...source,
    read(start, end) {
      read += end - start;
      return source.read(start, end);
    },
  };
  const file = await SafetensorsFile.open(counted);
  if (read > bytes!.length) throw new Error(`${read} bytes were read of ${bytes!.length}`);
  let end = 8 + Number(new DataView(bytes!.buffer, bytes!.byteOffset).getBigUint64(0, true));
  const places = Array.from(file.tensors.values()).sort((a, b) => a.start - b.start || a.end - b.end);
  for (const { name, start, end: next, shape, dtype } of places) {
    const size = shape.reduce((product, dim) => product * dim, dtype_bytes(dtype));
    if (start !== end || next - start !== size)
      throw new Error(`${name} is at ${start} to ${next}, not ${end}`);
    if ((await file.read(name)).length !== size) throw new Error(`${name} has not ${size} bytes`);
    end = next;
  }
  if (end !== bytes!.length) throw new Error(`the tensors end at ${end}, the file at ${bytes!.length}`);
}

export const safetensors: Target = {
  name: 'safetensors',
  files: 200_000,
  codes: ['corrupt_checkpoint'],
  constant: 2 ** 14,
  start: () => Promise.resolve<Fuzzer>({ make: (dice) => ({ [FILE]: make_file(dice) }), read }),
};
