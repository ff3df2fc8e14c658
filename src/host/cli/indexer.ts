// Pictures to where their embeddings go: what is there with the same content is kept, the rest is embedded batch by batch.

import { createHash } from 'node:crypto';
import type { Align } from '../align.ts';
import { AlignError, show, throw_if_aborted } from '../errors.ts';
import { RawImage } from '../image.ts';
import { dot } from '../scores.ts';
import type { PictureFile } from './folders.ts';
import { read_picture } from './inputs.ts';
import { is_interruption } from './io.ts';
import type { EmbeddedPicture, Meta, Target } from './target.ts';

/** What becomes of the pictures, told as it happens. */
export interface Events {
  readonly embedded: (picture: PictureFile) => void;
  readonly kept: (picture: PictureFile) => void;
  readonly failed: (picture: PictureFile, error: unknown) => void;
}

// Pictures that wait for the model hold their samples, 3 bytes a pixel: a batch is full at either of these.
const BATCH_PICTURES = 8;
const BATCH_PIXELS = 2 ** 24;

// What 8 bits keep of an embedding has a cosine of 0.9999 and more to it; another model makes something else of a picture.
const SAME = 0.999;

/** A picture whose turn with the model comes with its batch. */
interface Waiting {
  readonly picture: PictureFile;
  readonly image: RawImage;
  readonly meta: Meta;
}

/** Puts pictures into an index, those that are there already with the same content left out. */
export class Indexer {
  readonly #align: Align;
  readonly #target: Target;
  readonly #signal: AbortSignal;
  #batch: Waiting[] = [];
  #compared = false;

  constructor(align: Align, target: Target, signal: AbortSignal) {
    this.#align = align;
    this.#target = target;
    this.#signal = signal;
  }

  /** Reads a picture and, where its content is new, embeds it with its batch. */
  async add(picture: PictureFile, events: Events): Promise<void> {
    throw_if_aborted(this.#signal);
    const bytes = await this.#attempt(picture, events, () => read_picture(picture.path));
    if (bytes === null) return;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (await this.#keeps(picture, sha256)) {
      await this.#compare(picture.id, bytes);
      events.kept(picture);
      return;
    }
    const image = await this.#attempt(picture, events, () => this.#decoded(bytes));
    if (image === null) return;
    const { width, height } = image;
    this.#batch.push({
      picture,
      image,
      meta: { path: picture.path, sha256, bytes: bytes.length, width, height },
    });
    const pixels = this.#batch.reduce((sum, { image }) => sum + image.width * image.height, 0);
    if (this.#batch.length >= BATCH_PICTURES || pixels >= BATCH_PIXELS) await this.flush(events);
  }

  /** Embeds the batch that waits, and returns when it is on the disk. */
  async flush(events: Events): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    const done: (Waiting & { readonly embedding: Float32Array })[] = [];
    const record = (waiting: Waiting, embedding: Float32Array): void => {
      done.push({ ...waiting, embedding });
    };
    try {
      const embeddings = await this.#embed(batch);
      batch.forEach((waiting, i) => record(waiting, embeddings[i]!));
    } catch (error) {
      if (is_interruption(error)) throw error;
      // One picture spoilt the batch: each for itself.
      for (const waiting of batch) {
        const embeddings = await this.#attempt(waiting.picture, events, () => this.#embed([waiting]));
        if (embeddings !== null) record(waiting, embeddings[0]!);
      }
    }
    if (done.length === 0) return;
    await this.#target.put(
      done.map(({ picture: { id }, meta, embedding }): EmbeddedPicture => ({ id, meta, embedding })),
    );
    for (const { picture } of done) events.embedded(picture);
  }

  #decoded(bytes: Uint8Array): Promise<RawImage> {
    const { background, do_convert_rgb } = this.#align.processor.image_processor.settings;
    return RawImage.read(bytes, { background, do_convert_rgb, signal: this.#signal });
  }

  async #embed(batch: readonly Pick<Waiting, 'image'>[]): Promise<Float32Array[]> {
    if (batch.length === 0) return [];
    const images = batch.map(({ image }) => image);
    return this.#align.embed_image(images, { signal: this.#signal });
  }

  /** Whether this content is there already; a folder that is named differently today only changes the path. */
  async #keeps({ id, path }: PictureFile, sha256: string): Promise<boolean> {
    const meta = await this.#target.meta(id);
    if (meta?.['sha256'] !== sha256) return false;
    if (meta['path'] !== path) await this.#target.set_meta(id, { ...meta, path });
    return true;
  }

  /**
   * Embeds the first picture that is kept once more: models of one shape have one name, and with other weights nothing of
   * what is there would be comparable.
   * @throws AlignError `invalid_argument`
   */
  async #compare(id: string, bytes: Uint8Array): Promise<void> {
    if (this.#compared) return;
    this.#compared = true;
    const kept = await this.#target.embedding(id);
    const [now] = await this.#embed([{ image: await this.#decoded(bytes) }]);
    const cosine = dot(kept, now!) / Math.sqrt(dot(kept, kept));
    if (cosine < SAME)
      throw new AlignError(
        'invalid_argument',
        `This model is not the one that the index was made with: ${show(id)} has a cosine of ${cosine.toFixed(4)} to its entry`,
        { hint: 'name that model, or another output' },
      );
  }

  /** What `work` gives, or null once its failure is told: the others get their turn. An interruption ends everything. */
  async #attempt<T>(picture: PictureFile, events: Events, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (this.#signal.aborted || is_interruption(error)) throw error;
      events.failed(picture, error);
      return null;
    }
  }
}

// 32 x 32 pixels of every kind of change: no two models make the same of them.
const PROBE_EDGE = 32;

/** What the model and its processor make of one fixed picture, as a digest: it changes with whatever changes embeddings. */
export async function fingerprint(align: Align, signal: AbortSignal): Promise<string> {
  const data = Uint8Array.from({ length: PROBE_EDGE ** 2 * 3 }, (_, i) => (i * i * 7 + (i >> 4)) & 255);
  const embedding = await align.embed_image(new RawImage(data, PROBE_EDGE, PROBE_EDGE, 3), { signal });
  const settings = JSON.stringify(align.processor.image_processor.to_dict());
  return createHash('sha256').update(new Uint8Array(embedding.buffer)).update(settings).digest('hex');
}
