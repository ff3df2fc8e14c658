// JPEGs: markers, lengths, frames, scans, tables, restarts and EXIF damaged on purpose, through MozJPEG and our own decoder
// of rare kinds. Whatever a file did to the decoder, a whole picture after it has the bits that it should have; bytes that
// are no marker change nothing; and of a picture without its last scans both decoders make the same, if anything.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { read_jpeg } from '../../../src/host/processor/jpeg.ts';
import { read_markers } from '../../../src/host/processor/jpeg_markers.ts';
import { read_rare } from '../../../src/host/processor/jpeg_rare.ts';
import { DHT, DQT, DRI, jpeg_of, segments_of, SOS, type JpegSegment } from '../../support/jpeg.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage } from '../mutations.ts';
import { exif, outcome_of, TEXTS } from './pictures.ts';

const FILE = 'picture.jpg';
/** A file, and the same with bytes that are no marker before its scans. */
const PLAIN = 'plain.jpg';
const STRAY = 'stray.jpg';
/** A whole file but for its last scans. */
const UNFINISHED = 'unfinished.jpg';
/** No mutated header names more than this without being refused. */
export const MAX_PIXELS = 2 ** 18;
/** What the decoder begins with, and what it takes for a pixel: coefficients of three components, and RGBA. */
const DECODER_BYTES = 2 ** 24;
const PIXEL_BYTES = 12;

const golden = new URL('../../golden/processor/jpeg.json', import.meta.url);

/** The whole pictures of the goldens, as their segments. */
function whole_pictures(): { file: Uint8Array; segments: JpegSegment[]; digest: string }[] {
  const cases = JSON.parse(readFileSync(golden, 'utf8')) as [
    string,
    string,
    [number, number, string] | null,
  ][];
  return cases.flatMap(([, base64, result]) => {
    const file = new Uint8Array(Buffer.from(base64, 'base64'));
    return result === null || file.at(-1) !== 0xd9
      ? []
      : [{ file, segments: segments_of(file), digest: result[2] }];
  });
}

function metadata(dice: Dice): JpegSegment {
  const text = (name: string, rest: Uint8Array): Uint8Array =>
    new Uint8Array(Buffer.concat([Buffer.from(name, 'latin1'), rest]));
  const xmp = Buffer.from(dice.pick(TEXTS), 'latin1');
  return dice.pick<JpegSegment>([
    { marker: 0xe1, data: text('Exif\0\0', exif(dice)) },
    { marker: 0xe1, data: text('http://ns.adobe.com/xap/1.0/\0', xmp) },
    { marker: 0xee, data: text('Adobe\0\x64\0\0\0\0', Uint8Array.of(dice.below(4))) },
    { marker: 0xe0, data: text('JFIF\0', dice.bytes(9)) },
    { marker: DRI, data: Uint8Array.of(0, dice.below(5)) },
    { marker: 0xfe, data: dice.bytes(dice.below(40)) },
  ]);
}

/** A number of a frame, a scan or a table becomes another one that may be there, or one that may not. */
function damage_fields(segment: JpegSegment, dice: Dice): void {
  const { marker, data } = segment;
  const byte = (): number =>
    dice.pick([0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 0x11, 0x21, 0x12, 0x22, 0x41, 0x44, 63, 64, 255]);
  if (marker >= 0xc0 && marker <= 0xc2 && dice.chance(0.4)) {
    const size = dice.pick([0, 1, 7, 8, 9, 16, 17, 100, 500, 4096, 65_500, 65_535]);
    const at = dice.pick([1, 3]);
    if (at + 2 <= data.length) data.set([size >> 8, size & 255], at); // it may have been cut short before
  } else if (data.length > 0) {
    data[dice.below(Math.min(data.length, marker === DHT || marker === DQT ? 200 : 24))] = byte();
  }
}

function damage_scan(segment: JpegSegment, dice: Dice): void {
  const scan = segment.scan ?? new Uint8Array(0);
  if (scan.length === 0 || dice.chance(0.5)) {
    segment.scan = damage(scan, dice);
    return;
  }
  const at = dice.below(scan.length);
  const restart = Uint8Array.of(0xff, 0xd0 + dice.below(8));
  segment.scan = new Uint8Array(
    Buffer.concat([scan.subarray(0, at), restart, scan.subarray(at + dice.below(2))]),
  );
}

/** Leaves restarts, whose segments have no length that could reach over what comes next. */
function remove_markers(scan: Uint8Array): void {
  for (let at = scan.indexOf(0xff); at >= 0; at = scan.indexOf(0xff, at + 1))
    if (scan[at + 1] !== 0 && (scan[at + 1]! & 0xf8) !== 0xd0) scan[at] = 0xfe;
}

function damage_segments(segments: JpegSegment[], dice: Dice): void {
  const at = dice.below(segments.length);
  const segment = segments[at]!;
  const scans = segments.filter(({ marker }) => marker === SOS);
  switch (dice.below(13)) {
    case 0:
      segment.marker = dice.pick([
        0xc0,
        0xc1,
        0xc2,
        0xc3,
        0xc9,
        DHT,
        SOS,
        DQT,
        DRI,
        0xdc,
        0xde,
        0xe1,
        0x01,
        0xd0,
        0xd9,
        dice.below(256),
      ]);
      break;
    case 1:
      segment.length = dice.pick([-2, -1, 1, 2, 100, 0xfff0, -segment.data.length - 2]);
      break;
    case 2:
      segments.splice(at, 1);
      break;
    case 3:
      segments.splice(dice.below(segments.length + 1), 0, structuredClone(segment));
      break;
    case 4:
      segments.splice(at, 1);
      segments.splice(dice.below(segments.length + 1), 0, segment);
      break;
    case 5:
      segments.splice(dice.below(segments.length + 1), 0, metadata(dice));
      break;
    case 6:
      if (scans.length > 0) damage_scan(dice.pick(scans), dice);
      break;
    case 7:
      for (let i = dice.below(210); i > 0 && scans.length > 0; i--) segments.push(dice.pick(scans));
      break;
    case 8:
      segment.data = damage(segment.data, dice);
      break;
    case 9: {
      const repeated = dice.chance(0.5) ? segment : metadata(dice);
      segments.splice(
        at,
        0,
        ...new Array<JpegSegment>(dice.below(dice.chance(0.9) ? 500 : 40_000)).fill(repeated),
      );
      break;
    }
    default:
      damage_fields(segment, dice);
  }
}

/** The file with bytes before its scans that are no marker: zeros, text, stuffed bytes, fillers, restarts. */
function stray_before_scans(segments: readonly JpegSegment[], dice: Dice): Uint8Array {
  const parts = segments.map((segment) => {
    const stray = dice.pick([[0, 0], [0x61, 0x62], [0xff, 0], [0xff, 0xff], [0xff, 0xd0], []]);
    const own = jpeg_of([segment]).subarray(2, -2);
    return segment.marker === SOS ? Buffer.concat([Uint8Array.from(stray), own]) : own;
  });
  return new Uint8Array(Buffer.concat([Uint8Array.of(0xff, 0xd8), ...parts, Uint8Array.of(0xff, 0xd9)]));
}

/** The memory that the latest instance of the decoder has; other instances in between are too small to matter. */
function watch_memory(): () => number {
  let latest: WebAssembly.Memory | undefined;
  const Plain = WebAssembly.Instance;
  WebAssembly.Instance = class extends Plain {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      latest = Object.values(this.exports).find((value) => value instanceof WebAssembly.Memory) ?? latest;
    }
  };
  return () => latest?.buffer.byteLength ?? 0;
}

async function start(): Promise<Fuzzer> {
  const all = whole_pictures();
  const read_all = await Promise.all(all.map(({ file }) => outcome_of(file, MAX_PIXELS)));
  // A few that Pillow fills up with grey are refused here.
  const pictures = all.filter((_, i) => read_all[i]!.samples !== null);
  const decoder_bytes = watch_memory();
  let turn = 0;
  const make = (dice: Dice): Case => {
    const { file, segments } = dice.pick(pictures);
    const kind = dice.below(12);
    const own = structuredClone(segments);
    if (kind === 10) {
      const scans = own.filter(({ marker }) => marker === SOS);
      const dropped = scans.slice(1 + dice.below(scans.length));
      return { [UNFINISHED]: jpeg_of(own.filter((segment) => !dropped.includes(segment))) };
    }
    if (kind === 11) {
      const scans = own.filter(({ marker }) => marker === SOS);
      if (scans.length > 0) damage_scan(dice.pick(scans), dice);
      for (const segment of scans) remove_markers(segment.scan!);
      // Stray bytes right behind a scan would be its own.
      const apart = own.flatMap((segment) => [{ marker: 0xfe, data: new Uint8Array(0) }, segment]);
      return { [PLAIN]: jpeg_of(apart), [STRAY]: stray_before_scans(apart, dice) };
    }
    if (kind > 0 && kind < 9)
      for (let i = dice.below(3); i >= 0 && own.length > 0; i--) damage_segments(own, dice);
    return { [FILE]: kind === 9 ? damage(file, dice) : jpeg_of(own) };
  };
  const read = async (files: Case): Promise<void> => {
    const bytes = files[FILE] ?? files[STRAY] ?? files[UNFINISHED]!;
    const { samples: made, error } = await outcome_of(bytes, MAX_PIXELS);
    if (files[PLAIN] !== undefined) {
      const plain = await outcome_of(files[PLAIN], MAX_PIXELS);
      if (plain.error?.code !== error?.code || (made && sha256(plain.samples!.data) !== sha256(made.data)))
        throw new Error(`stray bytes change it: ${error?.message}, without ${plain.error?.message}`);
    }
    if (files[UNFINISHED] !== undefined && made !== null) {
      const { data } = await read_jpeg(bytes, MAX_PIXELS);
      if (sha256(data) !== sha256(await read_rare(read_markers(bytes, MAX_PIXELS))))
        throw new Error('the decoders differ');
    }
    const most = DECODER_BYTES + PIXEL_BYTES * MAX_PIXELS + 2 * bytes.length;
    if (decoder_bytes() > most)
      throw new Error(`the decoder has ${decoder_bytes()} bytes, ${most} are enough`);
    if (error === null) return;
    const { file, digest } = pictures[turn++ % pictures.length]!;
    const { samples } = await outcome_of(file, MAX_PIXELS);
    if (samples === null || sha256(samples.data) !== digest)
      throw new Error('the whole picture after it is wrong');
    throw error;
  };
  return { make, read };
}

/** As the goldens have it: the first 16 digits. */
function sha256(data: ArrayLike<number>): string {
  return createHash('sha256')
    .update(data as Uint8Array)
    .digest('hex')
    .slice(0, 16);
}

export const jpeg: Target = {
  name: 'jpeg',
  files: 20_000,
  codes: ['corrupt_image', 'unsupported_image', 'too_large', 'out_of_memory'],
  most_ms: 1000,
  // An instance of the decoder for each of the files that are read, where each has to be given up: the damaged one, the same
  // without stray bytes, the whole one; the picture in the decoder, as RGBA and as RGB.
  constant: 3 * DECODER_BYTES + (PIXEL_BYTES + 7) * MAX_PIXELS,
  start,
};
