// WebP through @jsquash/webp against Pillow (test/golden/pictures.py): lossless and lossy, with and without alpha.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { RawImage } from '../../src/host/image.ts';
import { pictures as decoders } from '../../src/host/platform/node.ts';
import { read_webp, use_webp, type WebpDecoder } from '../../src/host/processor/webp.ts';
import { outcome, pictures } from './pictures.ts';

const REFUSED: Readonly<Record<string, string>> = {
  'cut by a byte': 'corrupt_image',
  cut: 'corrupt_image',
  'no picture': 'corrupt_image',
  animated: 'unsupported_image',
  'alpha behind the picture': 'corrupt_image',
  'two pictures and a header': 'corrupt_image',
};
const cases = pictures('webp');
const { file } = cases.find(({ name }) => name === '33x40 RGB q50')!;

afterEach(() => void vi.restoreAllMocks());

describe('WebP', () => {
  it.each(cases.filter(({ name }) => !(name in REFUSED)))(
    '$name equals Pillow to the bit',
    async ({ file: own, result }) => {
      expect(result).not.toBeNull();
      expect(await outcome(own)).toEqual(result);
    },
  );

  it.each(Object.entries(REFUSED))('%s is refused as %s', async (name, code) => {
    expect(await outcome(cases.find((item) => item.name === name)!.file)).toBe(code);
  });

  it('has no more than 32,768 chunks', async () => {
    const { file: own, result } = cases.find(({ name }) => name === 'two pictures')!;
    const with_chunks = (count: number): Promise<unknown> => {
      const long = Buffer.concat([own, Buffer.alloc(8 * count, 'ABCD\0\0\0\0', 'latin1')]);
      long.writeUInt32LE(long.length - 8, 4);
      return outcome(new Uint8Array(long));
    };
    expect(await with_chunks(32_766)).toEqual(result);
    expect(await with_chunks(32_767)).toBe('too_large');
  });

  it('is laid on a ground', async () => {
    const { file: own } = cases.find(({ name }) => name === '17x13 RGBA lossless')!;
    const rgba = await read_webp(own, 1000);
    const laid = await RawImage.read(own, { background: [255, 255, 255] });
    for (let i = 0; i < 17 * 13; i++) {
      const [sample, alpha] = [rgba.data[i * 4]!, rgba.data[i * 4 + 3]!];
      expect(laid.data[i * 3]).toBe(Math.floor((sample * alpha + 255 * (255 - alpha) + 127) / 255));
    }
  });

  it('is refused wherever it is cut', async () => {
    for (let length = 12; length < file.length; length += 11)
      expect(await outcome(file.subarray(0, length)), `${length} bytes`).toBe('corrupt_image');
  });

  it('counts pixels before it is decoded', async () => {
    const decode = vi.spyOn(decoders, 'webp');
    await expect(RawImage.read(file, { max_pixels: 33 * 40 - 1 })).rejects.toMatchObject({
      code: 'too_large',
    });
    expect(decode).not.toHaveBeenCalled();
  });

  it('needs a decoder, and says which', async () => {
    vi.spyOn(decoders, 'webp').mockResolvedValue(null);
    await expect(RawImage.read(file)).rejects.toMatchObject({
      code: 'unsupported_image',
      hint: expect.stringMatching(/@jsquash\/webp.*use_webp/) as unknown,
    });
  });

  it('is decoded by what use_webp is given', async () => {
    const data = new Uint8ClampedArray(33 * 40 * 4).fill(7);
    const decode = vi.fn<WebpDecoder>().mockResolvedValue({ data, width: 33, height: 40 });
    use_webp(decode);
    expect((await RawImage.read(file)).data).toEqual(new Uint8Array(33 * 40 * 3).fill(7));
    expect(new Uint8Array(decode.mock.calls[0]![0])).toEqual(file);
    decode.mockRejectedValue(new Error('Decoding error'));
    await expect(RawImage.read(file)).rejects.toMatchObject({ code: 'corrupt_image' });
    decode.mockResolvedValue({ data, width: 40, height: 33 });
    await expect(RawImage.read(file)).rejects.toMatchObject({ code: 'corrupt_image' });
    expect(() => use_webp('webp' as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }) as Error,
    );
  });
});
