// PNGs: chunks, headers, filters and zlib data damaged on purpose, mostly with CRCs that fit, with Node's inflate and the
// web's, which must agree; of what is read pngjs and fast-png must make the same picture.

import { constants, crc32, deflateSync, inflateSync } from 'node:zlib';
import { pictures } from '../../../src/host/platform/node.ts';
import { inflate } from '../../../src/host/platform/web_inflate.ts';
import { read_png } from '../../../src/host/processor/png.ts';
import { KINDS, random_lines, type Kind } from '../../support/png.ts';
import { by_fast_png, by_pngjs } from '../../support/png_oracles.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, join } from '../mutations.ts';
import { exif, outcome_of, TEXTS, type Outcome } from './pictures.ts';

const FILE = 'picture.png';
/** The limit of pixels, where another than this target's is asked for. */
const LIMIT = 'max_pixels';
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const utf8 = new TextEncoder();

/** No mutated header names more than this without being refused; half of the files are read with less. */
export const MAX_PIXELS = 2 ** 18;

interface Chunk {
  type: string;
  data: Uint8Array;
  /** What its length and CRC are off by. */
  length?: number;
  crc?: number;
}

function chunk_bytes({ type, data, length = 0, crc = 0 }: Chunk): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length + length);
  bytes.set(utf8.encode(type).subarray(0, 4), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)) ^ crc);
  return bytes;
}

function header(kind: Kind): Uint8Array {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind.width);
  view.setUint32(4, kind.height);
  bytes.set([kind.depth, kind.colour, 0, 0, Number(kind.interlaced)], 8);
  return bytes;
}

/** Compressed lines, in several chunks now and then. */
function pixel_chunks(data: Uint8Array, dice: Dice): Chunk[] {
  const chunks: Chunk[] = [];
  let at = 0;
  while (at < data.length && dice.chance(0.4)) {
    const end = at + dice.below(data.length - at + 1);
    chunks.push({ type: 'IDAT', data: data.subarray(at, end) });
    at = end;
  }
  return [...chunks, { type: 'IDAT', data: data.subarray(at) }];
}

function compressed(lines: Uint8Array, dice: Dice): Uint8Array {
  const strategies = [
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FIXED,
    constants.Z_RLE,
    constants.Z_HUFFMAN_ONLY,
  ];
  return deflateSync(lines, {
    level: dice.below(10),
    strategy: dice.pick(strategies),
    windowBits: 9 + dice.below(7),
  });
}

/** A chunk that a picture may do without. */
function ancillary(dice: Dice): Chunk {
  const text = dice.pick(TEXTS);
  const packed = dice.chance(0.7) ? deflateSync(utf8.encode(text)) : dice.bytes(dice.below(20));
  const key = utf8.encode(dice.pick(['XML:com.adobe.xmp', 'Raw profile type exif', 'Comment', '']));
  return dice.pick<Chunk>([
    { type: 'tEXt', data: join(key, Uint8Array.of(0), utf8.encode(text)) },
    { type: 'zTXt', data: join(key, Uint8Array.of(0, dice.below(2)), packed) },
    {
      type: 'iTXt',
      data: join(
        key,
        Uint8Array.of(0, dice.below(2), 0, 0, 0),
        dice.chance(0.5) ? packed : utf8.encode(text),
      ),
    },
    { type: 'iCCP', data: join(key, Uint8Array.of(0, 0), packed) },
    { type: 'eXIf', data: exif(dice) },
    {
      type: dice.pick([
        'gAMA',
        'sBIT',
        'bKGD',
        'acTL',
        'fdAT',
        'PLTE',
        'tRNS',
        'ABCD',
        '\0\0\0\0',
        'IHDR',
        'idat',
      ]),
      data: dice.bytes(dice.below(30)),
    },
  ]);
}

function damage_header(data: Uint8Array, dice: Dice): void {
  const view = new DataView(data.buffer, data.byteOffset);
  const at = dice.pick([0, 4]);
  switch (dice.below(4)) {
    case 0:
      view.setUint32(
        at,
        dice.pick([0, 1, 2, 7, 100, 600, 65_000, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]),
      );
      break;
    case 1:
      view.setUint32(at, Math.max(0, view.getUint32(at) + dice.pick([-1, 1, 8])));
      break;
    default:
      data[8 + dice.below(5)] = dice.pick([0, 1, 2, 3, 4, 6, 8, 16, 255]);
  }
}

function damage_chunks(chunks: Chunk[], dice: Dice): void {
  const at = dice.below(chunks.length);
  const chunk = chunks[at]!;
  switch (dice.below(10)) {
    case 0:
      damage_header(chunks.find(({ data }) => data.length === 13)?.data ?? new Uint8Array(13), dice);
      break;
    case 1:
      chunk.crc = dice.chance(0.5) ? 1 : 0xffffffff;
      break;
    case 2:
      chunk.length = dice.pick([-1, 1, 12, 2 ** 31, 2 ** 32 - 13, -chunk.data.length]);
      break;
    case 3:
      chunks.splice(at, 1);
      break;
    case 4:
      chunks.splice(dice.below(chunks.length + 1), 0, { ...chunk, data: chunk.data.slice() });
      break;
    case 5:
      chunks.splice(at, 1);
      chunks.splice(dice.below(chunks.length + 1), 0, chunk);
      break;
    case 6:
      chunk.type = dice.pick(['IDAT', 'PLTE', 'tRNS', 'IEND', 'abcd', 'IHDR']);
      break;
    case 7:
    case 8:
      chunks.splice(dice.below(chunks.length + 1), 0, ancillary(dice));
      break;
    default:
      chunk.data = damage(chunk.data, dice);
  }
}

/** Of ten pictures about three are whole; the others are damaged in one to three places. */
function make_png(dice: Dice): Uint8Array {
  const [colour, depths] = dice.pick(KINDS);
  const size = (): number => 1 + dice.below(dice.chance(0.8) ? 12 : 40);
  const kind = {
    width: size(),
    height: size(),
    colour,
    depth: dice.pick(depths),
    interlaced: dice.chance(0.4),
  };
  let lines = random_lines(kind, () => dice.below(256));
  const where = dice.below(10);
  if (where === 0) lines[dice.below(lines.length)] = dice.below(256);
  if (where === 1)
    lines = dice.chance(0.5)
      ? lines.slice(0, dice.below(lines.length + 1))
      : join(lines, dice.bytes(1 + dice.below(9)));
  let data = compressed(lines, dice);
  if (where === 2 || where === 3) data = damage(data, dice);
  const colours = dice.chance(0.8) ? 3 << kind.depth : dice.below(900);
  const key = colour === 3 ? dice.below(257) : dice.chance(0.8) ? (colour === 0 ? 2 : 6) : dice.below(9);
  const chunks: Chunk[] = [
    { type: 'IHDR', data: header(kind) },
    ...(dice.chance(0.2) ? [ancillary(dice)] : []),
    ...(colour === 3 ? [{ type: 'PLTE', data: dice.bytes(colours) }] : []),
    ...(colour < 4 && dice.chance(0.4) ? [{ type: 'tRNS', data: dice.bytes(key) }] : []),
    ...pixel_chunks(data, dice),
    { type: 'IEND', data: new Uint8Array(0) },
  ];
  if (where > 3 && where < 7) for (let i = dice.below(3); i >= 0; i--) damage_chunks(chunks, dice);
  const file = join(SIGNATURE, ...chunks.map(chunk_bytes));
  return where === 7 ? damage(file, dice) : file;
}

/** The web's inflate as browsers have it: they refuse what follows the data's end, Node 20's passes over it. */
const web_inflate: typeof inflate = async (parts, limit, take) => {
  const size = await inflate(parts, limit, take);
  if (size > limit) return size;
  const data = join(...parts);
  const { engine } = inflateSync(data, { info: true, finishFlush: constants.Z_SYNC_FLUSH }) as unknown as {
    engine: { bytesWritten: number };
  };
  if (engine.bytesWritten < data.length) throw new Error('more follows its end');
  return size;
};

/** The same file with Node's inflate and with the web's. */
async function read_both(bytes: Uint8Array, max_pixels: number): Promise<void> {
  const node = await outcome_of(bytes, max_pixels);
  const own = pictures.inflate.bind(pictures);
  pictures.inflate = web_inflate;
  const web = await outcome_of(bytes, max_pixels).finally(() => (pictures.inflate = own));
  const told = ({ error, samples }: Outcome): string =>
    error?.code ?? Buffer.from(samples!.data).toString('latin1');
  if (told(node) !== told(web))
    throw new Error(
      `Node gives ${node.error?.message ?? 'a picture'}, the web ${web.error?.message ?? 'another picture'}`,
    );
  if (node.error !== null) throw node.error;
}

/** And by other decoders. */
async function compare(bytes: Uint8Array): Promise<void> {
  const { data } = await read_png(bytes, MAX_PIXELS);
  // The others are not told of a colour that is transparent.
  if (bytes[25]! <= 2) for (let i = 3; i < data.length; i += 4) data[i] = 255;
  for (const other of [by_pngjs, by_fast_png]) {
    const expected = other(bytes);
    if (expected !== null && Buffer.compare(data, expected) !== 0)
      throw new Error(`${other.name} gives another picture`);
  }
}

export const png: Target = {
  name: 'png',
  files: 20_000,
  codes: ['corrupt_image', 'unsupported_image', 'too_large'],
  most_ms: 1000,
  // Twice RGBA and the lines that it came from, of up to eight bytes a pixel.
  constant: 2 ** 22 + 24 * MAX_PIXELS,
  start: () =>
    Promise.resolve<Fuzzer>({
      make: (dice): Case => ({
        [FILE]: make_png(dice),
        ...(dice.chance(0.5) && { [LIMIT]: utf8.encode(String(1 + dice.below(2000))) }),
      }),
      read: ({ [FILE]: file, [LIMIT]: limit }) =>
        read_both(file!, limit ? Number(Buffer.from(limit).toString()) : MAX_PIXELS),
      compare: ({ [FILE]: file }) => compare(file!),
    }),
};
