// Pillow's Image.resize in WebAssembly (assembly/processor/resize.ts): equal to Pillow 13 to the bit. Pillow up to 12.3
// always runs the horizontal pass first; 13 runs the vertical one first where the height shrinks by more than twice as
// many pixels as the width, which moves some samples by 1.

import { Instance } from '../wasm/module.ts';

/** Pillow's numbers of its resampling filters, as `resample` has them. */
export const FILTERS = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;

/** Samples of a picture: rows of pixels, interleaved, eight bits each. */
export interface Samples {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Above this size an instance is dropped after use: one large photo should not hold its memory for ever. */
const KEEP_BYTES = 64 * 2 ** 20;

/** Resizes pictures in an instance of align.wasm of its own. */
export class Resizer {
  readonly #module: WebAssembly.Module;
  #instance: Instance | null = null;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** `image` at another size; `filter` is the index in {@link FILTERS}. @throws AlignError `out_of_memory` */
  resize(image: Samples, width: number, height: number, filter: number): Uint8Array {
    // Pillow resizes pictures with alpha premultiplied, and copies one that has the size already.
    if (image.width === width && image.height === height) return Uint8Array.from(image.data);
    const alpha = (image.channels === 2 || image.channels === 4) && filter !== 0;
    const resized = this.#run(alpha ? premultiply(image) : image, width, height, filter);
    return alpha ? unpremultiply(resized, image.channels) : resized;
  }

  #run(
    { data, width, height, channels }: Samples,
    to_width: number,
    to_height: number,
    filter: number,
  ): Uint8Array {
    const instance = (this.#instance ??= new Instance(this.#module));
    const { exports, base } = instance;
    const size = to_width * to_height * channels;
    const dst = align(base + data.length);
    const work = align(dst + size + 32);
    // As an unsigned number: sizes go up to 4 GiB.
    const bytes = exports.resize_bytes(width, height, channels, to_width, to_height, filter) >>> 0;
    instance.ensure(work + bytes);
    instance.bytes(base, data.length).set(data);
    exports.resize(base, width, height, channels, dst, to_width, to_height, filter, work);
    const resized = instance.bytes(dst, size).slice();
    if (instance.memory.buffer.byteLength > KEEP_BYTES) this.#instance = null;
    return resized;
  }
}

function align(at: number): number {
  return Math.ceil(at / 16) * 16;
}

/** Pillow's RGBA to RGBa: sample * alpha / 255, rounded in its way. */
function premultiply({ data, width, height, channels }: Samples): Samples {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += channels) {
    const alpha = data[i + channels - 1]!;
    for (let c = 0; c < channels - 1; c++) {
      const product = data[i + c]! * alpha + 128;
      out[i + c] = ((product >> 8) + product) >> 8;
    }
    out[i + channels - 1] = alpha;
  }
  return { data: out, width, height, channels };
}

/** Pillow's RGBa to RGBA: 255 * sample / alpha, clipped; pixels of alpha 0 and 255 as they are. */
function unpremultiply(data: Uint8Array, channels: number): Uint8Array {
  for (let i = 0; i < data.length; i += channels) {
    const alpha = data[i + channels - 1]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let c = 0; c < channels - 1; c++) {
      data[i + c] = Math.min(255, Math.floor((255 * data[i + c]!) / alpha));
    }
  }
  return data;
}
