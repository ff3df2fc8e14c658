// Bombs: small files that name, or unpack to, pictures that no memory holds. What is refused is refused before it is decoded;
// what is read costs what its pixels cost. And the JPEG decoder, after whatever became of its instance before.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { adler32 } from '../../src/host/adler32.ts';
import { AlignError } from '../../src/host/errors.ts';
import { RawImage } from '../../src/host/image.ts';
import { pictures } from '../processor/pictures.ts';
import { digest } from '../processor/random.ts';
import { AllocationCounter } from '../support/allocations.ts';
import { DQT, flat_jpeg, jpeg_of, segments_of, SOS, type JpegSegment } from '../support/jpeg.ts';
import { chunk, make_png, type Kind } from '../support/png.ts';

const MB = 2 ** 20;
const MAX_PIXELS = 2 ** 24;
const SOF0 = 0xc0;

/** zlib data of so many MB of zeros, made without having them. */
function zeros(megabytes: number): Uint8Array {
  const block = deflateRawSync(new Uint8Array(MB), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  let adler = 1;
  for (let i = 0; i < megabytes; i++) adler = adler32(new Uint8Array(MB), adler);
  const end = Buffer.from([3, 0, 0, 0, 0, 0]);
  end.writeUInt32BE(adler, 2);
  return Buffer.concat([Buffer.of(0x78, 0xda), ...new Array<Uint8Array>(megabytes).fill(block), end]);
}

function kind(width: number, height: number, interlaced = false): Kind {
  return { width, height, colour: 6, depth: 8, interlaced };
}

const small = deflateSync(new Uint8Array(20 * 81));
const png = make_png(kind(20, 20), [small]);
const bomb = zeros(512);

/** The small PNG with chunks behind its header. */
function png_with(...chunks: Uint8Array[]): Uint8Array {
  return Buffer.concat([png.subarray(0, 33), Buffer.concat(chunks), png.subarray(33)]);
}
function bomb_in(type: string, head: string): Uint8Array {
  return chunk(type, Buffer.concat([Buffer.from(head, 'latin1'), bomb]));
}
function text(head: string, data: Uint8Array): Uint8Array {
  return chunk('zTXt', Buffer.concat([Buffer.from(head, 'latin1'), data]));
}
function empty_chunks(count: number): Uint8Array {
  return png_with(Buffer.concat(new Array<Uint8Array>(count).fill(chunk('IDAT', new Uint8Array(0)))));
}

function changed(file: Uint8Array, change: (segments: JpegSegment[]) => unknown): Uint8Array {
  const segments = segments_of(file);
  change(segments);
  return jpeg_of(segments);
}
const marked = (segments: JpegSegment[], marker: number): JpegSegment =>
  segments.find((segment) => segment.marker === marker)!;
/** The data of 8 x 8 pixels under another size. */
function sized(width: number, height: number): Uint8Array {
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return changed(flat_jpeg(8, 8), (segments) => {
    marked(segments, SOF0).data.set(size, 1);
  });
}

async function outcome(file: Uint8Array): Promise<string> {
  return RawImage.read(file, { max_pixels: MAX_PIXELS }).then(
    () => 'a picture',
    (error: unknown) => (error as AlignError).code,
  );
}

const XMP = 'XML:com.adobe.xmp\0';

const BOMBS: readonly (readonly [name: string, make: () => Uint8Array, expected: string])[] = [
  ['a PNG of 65000 x 65000', () => make_png(kind(65_000, 65_000), [small]), 'too_large'],
  ['an interlaced one', () => make_png(kind(65_000, 65_000, true), [small]), 'too_large'],
  ['a PNG of 2^31 - 1 columns', () => make_png(kind(2 ** 31 - 1, 1), [small]), 'too_large'],
  ['a PNG at the limit without its pixels', () => make_png(kind(4096, 4096), [small]), 'corrupt_image'],
  ['an interlaced one', () => make_png(kind(4096, 4096, true), [small]), 'corrupt_image'],
  ['half a GB as the pixels of a small PNG', () => make_png(kind(20, 20), [bomb]), 'corrupt_image'],
  ['of an interlaced one', () => make_png(kind(20, 20, true), [bomb]), 'corrupt_image'],
  ['half a GB in zTXt', () => png_with(bomb_in('zTXt', `${XMP}\0`)), 'a picture'],
  ['half a GB in iTXt', () => png_with(bomb_in('iTXt', `${XMP}\x01\0\0\0`)), 'a picture'],
  ['half a GB in iCCP', () => png_with(bomb_in('iCCP', 'icc\0\0')), 'a picture'],
  ['half a GB in each of eight chunks', () => png_with(...new Array<Uint8Array>(8).fill(bomb_in('zTXt', `${XMP}\0`))), 'a picture'],
  ['1 MB in each of 2,000 texts', () => png_with(...new Array<Uint8Array>(2000).fill(text(`Raw profile type exif\0\0`, deflateSync(new Uint8Array(MB), { level: 9 })))), 'a picture'],
  ['60 MB of digits', () => png_with(chunk('tEXt', Buffer.concat([Buffer.from('Raw profile type exif\0\n\n\n'), Buffer.alloc(60 * MB, 'a')]))), 'a picture'],
  ['a million chunks', () => empty_chunks(1_000_000), 'too_large'],
  ['30,000 chunks', () => empty_chunks(30_000), 'a picture'],
  ['a JPEG of 65000 x 65000', () => sized(65_000, 65_000), 'too_large'],
  ['a JPEG at the limit without its pixels', () => sized(4096, 4096), 'corrupt_image'],
  ['lines of 65500 pixels that are not there', () => sized(65_500, 200), 'corrupt_image'],
  ['a progressive JPEG of 258 bytes', () => flat_jpeg(4096, 4096, { progressive: true }).slice(0, 258), 'corrupt_image'],
  ['80,000 scans', () => flat_jpeg(8, 8, { scans: 26_667 }), 'too_large'],
  ['199 scans of a large picture', () => flat_jpeg(4096, 4096, { scans: 66 }), 'too_large'],
  ['199 scans of a small one', () => flat_jpeg(64, 64, { scans: 66 }), 'a picture'],
]; // prettier-ignore

test.each(BOMBS)('%s', async (_, make, expected) => {
  const file = make();
  // A file that names too much is refused by the header of its copy; else its own parts and a decoder are in memory.
  const most = expected === 'too_large' ? 2 ** 16 + file.length : 24 * MB + 4 * file.length;
  const asked = new AllocationCounter();
  onTestFinished(asked.stop);
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const before = process.resourceUsage().maxRSS;
    const started = performance.now();
    asked.reset();
    expect(await outcome(file)).toBe(expected);
    expect(asked.bytes).toBeLessThan(most);
    best = Math.min(best, performance.now() - started);
    expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(48 * MB + 2 * file.length);
  }
  expect(best).toBeLessThan(1000);
});

describe('the decoder of JPEGs', () => {
  const { file: good, result } = pictures('jpeg').find(({ name }) => name === '33x40 4:4:4 q100')!;

  const FAILURES: readonly (readonly [name: string, file: Uint8Array])[] = [
    [
      'data that ends early',
      changed(good, (s) => (marked(s, SOS).scan = marked(s, SOS).scan!.slice(0, 900))),
    ],
    ['no table for a component', changed(good, (s) => s.splice(s.indexOf(marked(s, DQT)), 1))],
    ['a table of codes that cannot be', changed(good, (s) => marked(s, 0xc4).data.fill(255, 1, 17))],
    ['a scan of a component that is not there', changed(good, (s) => (marked(s, SOS).data[1] = 77))],
    ['stray restarts', changed(good, (s) => marked(s, SOS).scan!.set([0xff, 0xd3], 500))],
  ];

  async function expect_good(): Promise<void> {
    const { width, height, data } = await RawImage.read(good);
    expect([width, height, digest(data)]).toEqual(result);
  }

  afterEach(() => {
    vi.restoreAllMocks();
  });

  const unknown = pictures('jpeg').find(({ name }) => name === 'mixed sampling 5')!.file;

  test('is as new after what it does not know', async () => {
    expect(await outcome(unknown)).toBe('unsupported_image');
    await expect_good();
  });

  test.each(FAILURES)('is as new after %s', async (_, file) => {
    expect(await outcome(file)).toBe('corrupt_image');
    await expect_good();
  });

  test.each(['a trap', 'an exception of C++', 'an end of its program'])('is as new after %s', async (how) => {
    const thrown = how === 'a trap' ? new WebAssembly.RuntimeError('unreachable') : how === 'an end of its program' ? { name: 'ExitStatus' } : 5246000; // prettier-ignore
    await outcome(FAILURES[0]![1]);
    const wasm = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw thrown as Error;
    });
    // Larger than what the decoder begins with.
    const file = flat_jpeg(3000, 3000);
    const code = await outcome(file);
    expect(wasm).toHaveBeenCalled();
    expect(['corrupt_image', 'out_of_memory']).toContain(code);
    await expect_good();
    wasm.mockRestore();
    expect(await outcome(file)).toBe('a picture');
  });

  test('has the memory of its picture, over thousands of files one after the other', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const memories: WeakRef<WebAssembly.Memory>[] = [];
    const Plain = WebAssembly.Instance;
    onTestFinished(() => {
      WebAssembly.Instance = Plain;
    });
    WebAssembly.Instance = class extends Plain {
      constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
        super(module, imports);
        for (const value of Object.values(this.exports))
          if (value instanceof WebAssembly.Memory) memories.push(new WeakRef(value));
      }
    };
    const held = (): number => memories.reduce((sum, ref) => sum + (ref.deref()?.buffer.byteLength ?? 0), 0);
    for (let i = 0; i < 1000; i++) {
      expect(await outcome(FAILURES[i % FAILURES.length]![1])).toBe('corrupt_image');
      await expect_good();
      // What was looked at through a WeakRef lives until the event loop has a turn.
      await new Promise(setImmediate);
    }
    // A new one after every failure that the decoder itself had; those before are gone.
    expect(memories.length).toBeGreaterThan(500);
    collect();
    expect(held()).toBeLessThan(4 * 16 * MB);
    expect(await outcome(flat_jpeg(4096, 4096, { scans: 3 }))).toBe('a picture');
    const largest = Math.max(...memories.map((ref) => ref.deref()?.buffer.byteLength ?? 0));
    // Coefficients of three components and RGBA; and what it begins with.
    expect(largest).toBeGreaterThan(6 * MAX_PIXELS);
    expect(largest).toBeLessThan(16 * MB + 12 * MAX_PIXELS);
    await expect_good();
    expect(memories.at(-1)!.deref()!.buffer.byteLength).toBeLessThan(17 * MB);
  });
});
