// The file of an index: its header, metadata, entries and rows, with the checksum that belongs to them or without.

import { crc32 } from '../../../src/host/crc32.ts';
import { file_header } from '../../../src/host/checkpoint/writer.ts';
import { SafetensorsFile, type Dtype } from '../../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../../src/host/checkpoint/source.ts';
import { AlignIndex, type IndexDtype } from '../../../src/host/search/align_index.ts';
import { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, damage_json, join, NAMES, NUMBERS, VALUES } from '../mutations.ts';

const FILE = 'index.safetensors';
const utf8 = new TextEncoder();

/** A file in parts. */
interface Parts {
  metadata: Record<string, string>;
  tensors: { name: string; dtype: Dtype; shape: number[]; bytes: Uint8Array }[];
}

async function parts_of(dtype: IndexDtype): Promise<Parts> {
  const index = await AlignIndex.create({ dtype, dimensions: 5, model: 'möbius' });
  const dice = new Dice(4);
  for (const id of [-3, 0, 7, 'a', 'é"\n'])
    index.add(id, dice.floats(5), id === 7 ? null : { id, list: [1, '😀'] });
  const file = await SafetensorsFile.open(bytes_source(FILE, index.to_bytes()));
  index.dispose();
  const tensors: Parts['tensors'] = [];
  for (const { name, dtype: stored, shape } of file.tensors.values())
    tensors.push({ name, dtype: stored, shape: [...shape], bytes: await file.read(name) });
  return { metadata: Object.fromEntries(file.metadata), tensors };
}

function file_of({ metadata, tensors }: Parts, sum: boolean): Uint8Array {
  const data = join(...tensors.map(({ bytes }) => bytes));
  const crc = crc32(join(utf8.encode(metadata.model ?? ''), data));
  const checked = sum ? { ...metadata, crc32: (crc >>> 0).toString(16).padStart(8, '0') } : metadata;
  return join(file_header(tensors, checked, 8), data);
}

function make(dice: Dice, bases: readonly Parts[]): Case {
  const base = dice.pick(bases);
  const parts: Parts = {
    metadata: { ...base.metadata },
    tensors: base.tensors.map((tensor) => ({ ...tensor })),
  };
  const tensor = dice.pick(parts.tensors);
  const entries = parts.tensors.at(-1)!;
  const kind = dice.below(9);
  if (kind === 0) {
    const key = dice.pick(Object.keys(parts.metadata));
    parts.metadata[key] = dice.pick([
      ...NUMBERS,
      ...VALUES,
      'fp32',
      'int8',
      'binary',
      '4',
      '6',
      '65536',
      '65537',
    ]);
  }
  if (kind === 1) parts.metadata[dice.pick(NAMES)] = 'x';
  if (kind === 2) Reflect.deleteProperty(parts.metadata, dice.pick(Object.keys(parts.metadata)));
  if (kind === 3) tensor.bytes = tensor.bytes.map((byte) => (dice.chance(0.2) ? dice.below(256) : byte));
  if (kind === 4) entries.bytes = utf8.encode(damage_json(new TextDecoder().decode(entries.bytes), dice));
  if (kind === 5) entries.bytes = damage(entries.bytes, dice);
  if (kind === 6)
    parts.tensors.splice(
      dice.below(parts.tensors.length),
      dice.below(2),
      ...parts.tensors.slice(0, dice.below(2)),
    );
  if (kind === 7)
    tensor.shape = dice.pick([[], [tensor.bytes.length], [1, tensor.bytes.length], [tensor.bytes.length, 1]]);
  if (kind === 7) tensor.dtype = dice.pick(['U8', 'I8', 'BOOL']);
  entries.shape = [entries.bytes.length];
  const unique = new Map(parts.tensors.map((one) => [one.name, one]));
  const fits = ({ dtype, shape, bytes }: Parts['tensors'][number]): boolean =>
    shape.reduce((size, dim) => size * dim, dtype === 'F32' ? 4 : 1) === bytes.length;
  let file = file_of({ ...parts, tensors: Array.from(unique.values()).filter(fits) }, dice.chance(0.8));
  if (kind === 8) for (let i = dice.below(3); i >= 0; i--) file = damage(file, dice);
  return { [FILE]: file };
}

/** An index that was read finds, and is the same again when it is written and read. */
async function read({ [FILE]: bytes }: Case): Promise<void> {
  const index = await AlignIndex.load(bytes!);
  try {
    const query = new Float32Array(index.dimensions).fill(1);
    const found = index.search(query, 3);
    if (found.length !== Math.min(3, index.size)) throw new Error(`${found.length} found of ${index.size}`);
    if (!found.every(({ score }) => Math.abs(score) < 1.01))
      throw new Error(`scores ${found.map((f) => f.score).join()}`);
    const written = index.to_bytes();
    const again = await AlignIndex.from_bytes(written);
    if (Buffer.compare(again.to_bytes(), written) !== 0) throw new Error('not the same bytes again');
    again.dispose();
  } finally {
    index.dispose();
  }
}

export const index: Target = {
  name: 'index',
  files: 10_000,
  codes: ['corrupt_index'],
  // Two instances and room for a block of rows: with 65,536 dimensions 40 MB.
  constant: 2 ** 26,
  async start() {
    const bases = await Promise.all((['fp32', 'int8', 'binary'] as const).map(parts_of));
    const fuzzer: Fuzzer = { make: (dice) => make(dice, bases), read };
    return fuzzer;
  },
};
