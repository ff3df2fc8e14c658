// JPEG against Pillow (test/golden/pictures.py): every kind that it reads, with the same bits or refused by name; damaged
// and hostile files.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RawImage } from '../../src/host/image.ts';
import { is_jpeg, read_jpeg } from '../../src/host/processor/jpeg.ts';
import { read_markers } from '../../src/host/processor/jpeg_markers.ts';
import { read_rare } from '../../src/host/processor/jpeg_rare.ts';
import { DHT, DQT, flat_jpeg, jpeg_of, segments_of, type JpegSegment } from '../support/jpeg.ts';
import { outcome, pictures } from './pictures.ts';
import { Random, digest } from './random.ts';

/** What is refused, and how. All else must equal Pillow. */
const REFUSED: Readonly<Record<string, string>> = {
  '3x3 1x1': 'corrupt_image',
  '3x3 2x3': 'corrupt_image',
  '3x3 17x13': 'corrupt_image',
  '3x3 40x33': 'corrupt_image',
  'mixed sampling 5': 'unsupported_image',
  'no bands for colour': 'unsupported_image',
  'no bands': 'unsupported_image',
  'no end': 'corrupt_image',
  'half an end': 'corrupt_image',
  half: 'corrupt_image',
  'half with an end': 'corrupt_image',
  'no scan': 'corrupt_image',
  'half a header': 'corrupt_image',
  'two frames': 'corrupt_image',
  '12 bits': 'unsupported_image',
  'no height': 'corrupt_image',
  'sampling factor 0': 'corrupt_image',
  'two components': 'unsupported_image',
  lossless: 'unsupported_image',
  hierarchical: 'unsupported_image',
  'hierarchical progressive': 'unsupported_image',
  arithmetic: 'unsupported_image',
  'arithmetic progressive': 'unsupported_image',
  'rows of blocks, cut after 3 tenths': 'corrupt_image',
  'rows of blocks, cut after 6 tenths': 'corrupt_image',
  'rows of blocks, cut after 9 tenths': 'corrupt_image',
  'progressive, cut after 3 tenths': 'corrupt_image',
  'progressive, cut after 6 tenths': 'corrupt_image',
  'progressive, cut after 9 tenths': 'corrupt_image',
  'CMYK, cut': 'corrupt_image',
  'CMYK, cut with an end': 'corrupt_image',
  '4:4:0, a restart marker out of order': 'corrupt_image',
  ...Object.fromEntries(
    ['4:2:0', '4:4:0', 'CMYK'].flatMap((kind) =>
      [
        'stray bytes before half a scan',
        'half of such a scan',
        'components in another order',
        'it begins twice',
        'marker 01 between segments',
        'a table with the number 7',
        'a long restart interval',
        'stray bytes between scans, half a scan',
        'too many blocks together',
      ].map((what) => [`${kind}, ${what}`, 'corrupt_image']),
    ),
  ),
  // All of its data is for the first component, which has more of it.
  '4:2:0, components of one name, apart': 'corrupt_image',
  '4:4:0, components of one name, apart': 'corrupt_image',
  'progressive RGB, 5 of 10 scans': 'unsupported_image',
  'progressive RGB, 9 of 10 scans': 'unsupported_image',
  'progressive L, 3 of 6 scans': 'unsupported_image',
  'progressive L, 5 of 6 scans': 'unsupported_image',
  'progressive CMYK, 9 of 18 scans': 'unsupported_image',
  'progressive CMYK, 17 of 18 scans': 'unsupported_image',
};
/** Read by Pillow, refused here: half pictures that it fills with grey or smooths, kinds that the decoder does not have. */
const STRICTER: readonly (string | RegExp)[] = [
  /, (stray bytes before half a scan|half of such a scan|stray bytes between scans, half a scan)$/,
  /^progressive (RGB|L|CMYK), /,
  /^4:[24]:0, components of one name, apart$/,
  'no bands for colour',
  'no bands',
  'half with an end',
  'arithmetic',
  'CMYK, cut with an end',
  '4:4:0, a restart marker out of order',
];

const cases = pictures('jpeg');
const readable = cases.filter(({ name }) => !(name in REFUSED));

function file_of(name: string): Uint8Array {
  return cases.find((item) => item.name === name)!.file;
}

/** A copy with a 16-bit number replaced. */
function with_number(file: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(file);
  copy.set([value >> 8, value & 255], at);
  return copy;
}

function index_of(file: Uint8Array, marker: number): number {
  return Buffer.from(file).indexOf(Buffer.of(0xff, marker));
}

beforeEach(() => {
  vi.spyOn(console, 'log');
  vi.spyOn(console, 'error');
});
afterEach(() => {
  expect(console.log).not.toHaveBeenCalled();
  expect(console.error).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

describe('JPEG', () => {
  it.each(readable)('$name equals Pillow to the bit', async ({ file, result }) => {
    expect(result).not.toBeNull();
    expect(await outcome(file)).toEqual(result);
  });

  it.each(Object.entries(REFUSED))('%s is refused as %s', async (name, code) => {
    expect(await outcome(file_of(name))).toBe(code);
    const stricter = STRICTER.some((kind) => (typeof kind === 'string' ? kind === name : kind.test(name)));
    expect(cases.find((item) => item.name === name)!.result === null).toBe(!stricter);
  });

  it('is decoded alike by the decoder for rare kinds', async () => {
    for (const { name, file } of readable) {
      const { data } = await read_jpeg(file, 10_000);
      expect(digest(await read_rare(read_markers(file, 10_000))), name).toBe(digest(data));
    }
  });

  it('decodes many at once', async () => {
    const outcomes = await Promise.all(readable.map(({ file }) => outcome(file)));
    expect(outcomes).toEqual(readable.map(({ result }) => result));
  });

  it('takes any view, and leaves the bytes as they are', async () => {
    const { file, result } = readable[0]!;
    const wide = new Uint8Array(file.length + 20);
    wide.set(file, 7);
    const before = Uint8Array.from(wide);
    expect(await outcome(wide.subarray(7, 7 + file.length))).toEqual(result);
    expect(wide).toEqual(before);
  });

  it('refuses what is not one', async () => {
    expect(is_jpeg(Uint8Array.of(0xff, 0xd8, 0))).toBe(false);
    expect(is_jpeg(new Uint8Array(0))).toBe(false);
    expect(await outcome(Uint8Array.of(0xff, 0xd8, 0, 0))).toBe('unsupported_image');
    expect(await outcome(Uint8Array.of(0xff, 0xd8, 0xff))).toBe('corrupt_image');
  });
});

describe('a large JPEG of a rare kind', () => {
  const large = flat_jpeg(3000, 3000, { components: 4 });

  it('gives the event loop its turn', async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    expect(typeof (await outcome(large))).toBe('object');
    clearInterval(counting);
    expect(turns).toBeGreaterThan(1);
  });

  it('hears an abort', async () => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort();
    }, 1);
    await expect(RawImage.read(large, { signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('damaged JPEG', () => {
  const progressive = readable.filter(({ name }) => name.endsWith(' progressive'));

  it.each(progressive)('is refused without its last scan: $name', async ({ file }) => {
    const segments = segments_of(file);
    while (segments.pop()!.marker !== 0xda);
    expect(await outcome(jpeg_of(segments))).toBe('unsupported_image');
  });

  it.each(['17x31 4:2:0 q', '17x31 grey', '16x16 CMYK', '1x2 17x13', 'bands'])(
    'is refused wherever it is cut: %s',
    async (start) => {
      const { file } = readable.find(({ name }) => name.startsWith(start))!;
      for (let length = 3; length < file.length; length += 7)
        expect(await outcome(file.subarray(0, length)), `${length} bytes`).toBe('corrupt_image');
      expect(await outcome(file.subarray(0, file.length - 1))).toBe('corrupt_image');
    },
  );

  it('never hangs, and the next picture is right', async () => {
    const random = new Random(21);
    const codes = new Set(['corrupt_image', 'unsupported_image', 'too_large']);
    for (let round = 0; round < 600; round++) {
      const { file } = random.choice(readable);
      const bent = Uint8Array.from(file);
      for (let i = random.below(4); i >= 0; i--) bent[random.below(bent.length)] = random.below(256);
      const result = await outcome(bent);
      if (typeof result === 'string' && is_jpeg(bent)) expect(codes, `round ${round}`).toContain(result);
      if (round % 50 === 0) expect(await outcome(readable[5]!.file)).toEqual(readable[5]!.result);
    }
    expect(await outcome(readable[5]!.file)).toEqual(readable[5]!.result);
  });
});

describe('limits of a JPEG', () => {
  const file = file_of('4x1 40x33');
  const size = index_of(file, 0xc0) + 5;

  it.each([
    ['65500 x 65500 pixels', 65500, 65500],
    ['one column more than the default', 4097, 4096],
  ])('refuses %s by the header', async (_, width, height) => {
    const huge = with_number(with_number(file, size, height), size + 2, width);
    await expect(RawImage.read(huge)).rejects.toMatchObject({
      code: 'too_large',
      detail: { width, height, max_pixels: 16_777_216 },
    });
  });

  it('counts pixels against max_pixels', async () => {
    await expect(RawImage.read(file, { max_pixels: 40 * 33 - 1 })).rejects.toMatchObject({
      code: 'too_large',
    });
    expect((await RawImage.read(file, { max_pixels: 40 * 33 })).width).toBe(40);
  });

  it('refuses more than 200 scans', async () => {
    const progressive = file_of('bands');
    const [first, end] = [index_of(progressive, 0xda), progressive.length - 2];
    const scans = (count: number): Uint8Array =>
      Buffer.concat([
        progressive.subarray(0, first),
        ...Array.from({ length: count }, () => progressive.subarray(first, end)),
        progressive.subarray(end),
      ]);
    expect(await outcome(scans(41))).toBe('too_large');
    // Five scans each: 200 are counted, whatever they come to.
    expect(await outcome(scans(40))).not.toBe('too_large');
  });

  it('refuses scans that go over a large picture too often', async () => {
    const scans = (count: number): Promise<unknown> =>
      outcome(flat_jpeg(4096, 4096, { components: 1, scans: count }));
    expect(await scans(8)).toBe('too_large');
    expect(await scans(7)).not.toBe('too_large');
  });

  it('refuses more than 32,768 segments or tables', async () => {
    const with_segments = (...segments: JpegSegment[]): Promise<unknown> =>
      outcome(jpeg_of([...segments, ...segments_of(file)]));
    const comments = (count: number): JpegSegment[] =>
      new Array<JpegSegment>(count).fill({ marker: 0xfe, data: new Uint8Array(0) });
    expect(await with_segments(...comments(33_000))).toBe('too_large');
    expect(await with_segments(...comments(30_000))).toEqual(await outcome(file));
    const tables = { marker: DHT, data: new Uint8Array(17 * 3800) };
    expect(await with_segments(...new Array<JpegSegment>(9).fill(tables))).toBe('too_large');
  });

  it('keeps of what comes before a scan no more than its tables', () => {
    const tables = segments_of(file).filter(({ marker }) => marker === DQT || marker === DHT);
    const repeated = new Array<JpegSegment[]>(1000).fill(tables).flat();
    const { scans } = read_markers(jpeg_of([...repeated, ...segments_of(file)]), 10_000);
    expect(scans.map((scan) => scan.tables)).toEqual(
      read_markers(file, 10_000).scans.map((scan) => scan.tables),
    );
  });

  it('reads EXIF from thousands of segments', async () => {
    const { file: turned, result } = cases.find(({ name }) => name === 'EXIF orientation 6')!;
    const segments = segments_of(turned);
    const at = segments.findIndex(({ marker }) => marker === 0xe1) + 1;
    const more = { marker: 0xe1, data: Buffer.concat([Buffer.from('Exif\0\0'), new Uint8Array(1500)]) };
    // Joined one by one it would be 700 GB that are copied.
    segments.splice(at, 0, ...new Array<JpegSegment>(30_000).fill(more));
    expect(await outcome(jpeg_of(segments))).toEqual(result);
  });

  it('refuses more than 64 MiB', async () => {
    const long = new Uint8Array(64 * 2 ** 20 + 1);
    long.set(file);
    expect(await outcome(long)).toBe('too_large');
  });
});
