// Pictures small enough to stand inside a page: as data URLs.

import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import encode, { init } from '@jsquash/jpeg/encode.js';
import { platform } from '#platform';
import { RawImage } from '../image.ts';
import { emscripten_options } from '../processor/emscripten.ts';
import { is_jpeg } from '../processor/jpeg.ts';
import { is_png } from '../processor/png.ts';
import { FILTERS, Resizer } from '../processor/resize.ts';

/** A picture in a page. */
export interface Thumbnail {
  /** A data URL. */
  readonly src: string;
  /** Width / height. */
  readonly ratio: number;
}

// Twice the size it is shown at, for dense screens.
const EDGE = 480;
// A file of at most this size goes in as it is, unless a browser would have to hold many more pixels than it shows.
const SMALL_BYTES = 24_000;
const SMALL_EDGE = 2 * EDGE;
const QUALITY = 78;
const WHITE = [255, 255, 255] as const;

/** Makes thumbnails; the encoder and the resizer are started when the first picture needs them. */
export class Thumbnails {
  #resizer: Resizer | undefined;
  #encoder: Promise<void> | undefined;

  /** The thumbnail of a picture's file. @throws AlignError as RawImage.read */
  async make(bytes: Uint8Array): Promise<Thumbnail> {
    const image = await RawImage.read(bytes, { background: WHITE });
    const { width, height } = image;
    const ratio = width / height;
    if (bytes.length <= SMALL_BYTES && Math.max(width, height) <= SMALL_EDGE)
      return { src: data_url(kind_of(bytes), bytes), ratio };
    return { src: data_url('image/jpeg', await this.#jpeg(await this.#fitted(image))), ratio };
  }

  /** No side longer than EDGE. */
  async #fitted(image: RawImage): Promise<RawImage> {
    const scale = Math.min(1, EDGE / Math.max(image.width, image.height));
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
    this.#resizer ??= new Resizer(await platform.wasm('exact'));
    const data = this.#resizer.resize(image, width!, height!, FILTERS.indexOf('lanczos'));
    return new RawImage(data, width!, height!, 3);
  }

  async #jpeg({ data, width, height }: RawImage): Promise<Uint8Array> {
    this.#encoder ??= start_encoder();
    await this.#encoder;
    const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
      rgba[to] = data[from]!;
      rgba[to + 1] = data[from + 1]!;
      rgba[to + 2] = data[from + 2]!;
    }
    const image = { data: rgba, width, height } as unknown as ImageData;
    return new Uint8Array(await encode(image, { quality: QUALITY }));
  }
}

async function start_encoder(): Promise<void> {
  const path = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  const module = await WebAssembly.compile(await readFile(path));
  await init(emscripten_options(module));
}

function kind_of(bytes: Uint8Array): string {
  return is_png(bytes) ? 'image/png' : is_jpeg(bytes) ? 'image/jpeg' : 'image/webp';
}

function data_url(kind: string, bytes: Uint8Array): string {
  return `data:${kind};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}`;
}
