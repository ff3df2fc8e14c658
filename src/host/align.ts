// The five-line API: texts and pictures in, unit-length embeddings and ranked labels out.

import type { ModelSource } from './checkpoint/model_files.ts';
import { Disposable } from './dispose.ts';
import { encode_images, encode_texts, listed, load_encoder } from './encode.ts';
import { AlignError, show } from './errors.ts';
import type { ImageInput } from './image.ts';
import { LabelSet } from './label_set.ts';
import { checked_parts, weighted_sum, type MixPart } from './mix.ts';
import type { AlignModel } from './models.ts';
import {
  CALL_RULES,
  check_call_options,
  check_load_options,
  check_options,
  checked_list,
  checked_texts,
  one_of,
  positive_integer,
  template,
  type CallOptions,
  type LoadOptions,
} from './options.ts';
import type { AlignProcessor } from './processor/processor.ts';
import { Queue } from './queue.ts';
import { dot, ranked, rows, softmax, stacked, type Score } from './scores.ts';
import type { AlignIndex } from './search/align_index.ts';
import type { IndexOptions } from './search/index_options.ts';
import { index_of_model } from './search/model_index.ts';

/** Options of {@link Align.label_set}. */
export interface LabelSetOptions extends CallOptions {
  /** The text that is embedded for a label, `{}` being the label. Default `'{}'`, the label alone. */
  hypothesis_template?: string | undefined;
}

/** Options of {@link Align.classify}. */
export interface ClassifyOptions extends LabelSetOptions {
  /** Give the best few only. */
  top_k?: number | undefined;
  /** `'softmax'` (default): shares of 1 over the labels; `'cosine'`: -1 … 1; `'logits'`: cosine / temperature. */
  scores?: 'softmax' | 'cosine' | 'logits' | undefined;
}

const LABEL_SET_RULES = { ...CALL_RULES, hypothesis_template: template };
const CLASSIFY_RULES = {
  ...LABEL_SET_RULES,
  top_k: positive_integer,
  scores: one_of('softmax', 'cosine', 'logits'),
};

/** A model with its processor. Calls wait for each other; after {@link Align.dispose} they throw `disposed`. */
export class Align extends Disposable {
  readonly model: AlignModel;
  readonly processor: AlignProcessor;
  #queue = new Queue();
  #disposed = false;

  private constructor(model: AlignModel, processor: AlignProcessor) {
    super();
    this.model = model;
    this.processor = processor;
  }

  /**
   * Loads a model: a folder, a URL, explicit files; without argument the one that comes with the package.
   * @throws AlignError `invalid_argument`, `not_found`, `model_required`, and what a damaged checkpoint deserves
   */
  static async load(model?: ModelSource, o?: LoadOptions): Promise<Align> {
    check_load_options('Align.load', o);
    const encoder = await load_encoder(model, o);
    return new Align(encoder.model, encoder.processor);
  }

  /** The unit-length embedding of a text [projection_dim], or of each text of an array. */
  embed_text(text: string, o?: CallOptions): Promise<Float32Array>;
  embed_text(text: readonly string[], o?: CallOptions): Promise<Float32Array[]>;
  async embed_text(
    text: string | readonly string[],
    o?: CallOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const options = check_call_options('embed_text', o);
    const texts = checked_texts('embed_text: text', listed(text));
    const embeddings = await this.#run(options, () => encode_texts(this, texts, options));
    return Array.isArray(text) ? embeddings : embeddings[0]!;
  }

  /** The unit-length embedding of a picture [projection_dim], or of each picture of an array. */
  embed_image(image: ImageInput, o?: CallOptions): Promise<Float32Array>;
  embed_image(image: readonly ImageInput[], o?: CallOptions): Promise<Float32Array[]>;
  async embed_image(
    image: ImageInput | readonly ImageInput[],
    o?: CallOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const options = check_call_options('embed_image', o);
    const images = checked_list('embed_image: image', listed(image));
    const embeddings = await this.#run(options, () => encode_images(this, images, options));
    return Array.isArray(image) ? embeddings : embeddings[0]!;
  }

  /**
   * Labels ranked by how well they fit a picture, or each picture of an array (transformers
   * ZeroShotImageClassificationPipeline: softmax of logits_per_image).
   */
  classify(image: ImageInput, labels: readonly string[] | LabelSet, o?: ClassifyOptions): Promise<Score[]>;
  classify(
    image: readonly ImageInput[],
    labels: readonly string[] | LabelSet,
    o?: ClassifyOptions,
  ): Promise<Score[][]>;
  async classify(
    image: ImageInput | readonly ImageInput[],
    labels: readonly string[] | LabelSet,
    options: ClassifyOptions = {},
  ): Promise<Score[] | Score[][]> {
    const o = check_options('classify', options, CLASSIFY_RULES);
    const images = checked_list('classify: image', listed(image));
    const given =
      labels instanceof LabelSet ? this.#checked_set(labels, o) : checked_texts('classify: labels', labels);
    const results = await this.#run(o, async () => {
      const set = given instanceof LabelSet ? given : await this.#label_set(given, o);
      const scores = await this.#scores(set, await encode_images(this, images, o), o);
      return scores.map((row) => ranked(set.labels, row, o.top_k));
    });
    return Array.isArray(image) ? results : results[0]!;
  }

  /** Labels embedded once, for many calls of {@link Align.classify} or to ship with {@link LabelSet.to_bytes}. */
  async label_set(labels: readonly string[], options: LabelSetOptions = {}): Promise<LabelSet> {
    const o = check_options('label_set', options, LABEL_SET_RULES);
    const texts = checked_texts('label_set: labels', labels);
    return this.#run(o, () => this.#label_set(texts, o));
  }

  /**
   * One query from several: the unit-length weighted sum of the parts, each brought to length 1 first.
   * @throws AlignError `invalid_argument` when a part is malformed, or when the parts cancel out
   */
  async mix(parts: readonly MixPart[], options?: CallOptions): Promise<Float32Array> {
    const o = check_call_options('mix', options);
    const checked = checked_parts(parts);
    return this.#run(o, async () => {
      const texts = checked.flatMap((part) => (part.text === undefined ? [] : [part.text]));
      const images = checked.flatMap((part) => (part.image === undefined ? [] : [part.image]));
      const from_texts = await encode_texts(this, texts, o);
      const from_images = await encode_images(this, images, o);
      // Both come in the order of their parts.
      const vectors = checked.map(({ text, image, embedding }) => {
        if (text !== undefined) return from_texts.shift()!;
        return image === undefined ? embedding! : from_images.shift()!;
      });
      return weighted_sum(
        vectors,
        checked.map(({ weight }) => weight ?? 1),
        this.model.config.projection_dim,
      );
    });
  }

  /**
   * An empty index for this model's embeddings. Its `model` is made of the width and a checksum of the config, unless it is
   * given: the same however the model is stored and wherever it runs.
   * @throws AlignError `invalid_argument`, `out_of_memory`
   */
  async create_index(o: Omit<IndexOptions, 'dimensions'> = {}): Promise<AlignIndex> {
    this.#check_alive();
    return index_of_model(this.model.config, o);
  }

  /** Frees the model's memory. Calls under way, those that wait, and every later one throw `disposed`. Idempotent. */
  override dispose(): void {
    this.#disposed = true;
    this.model.dispose();
  }

  async #run<T>(o: CallOptions | undefined, task: () => Promise<T>): Promise<T> {
    this.#check_alive();
    return this.#queue.run(o?.signal, () => {
      this.#check_alive();
      return task();
    });
  }

  #check_alive(): void {
    if (this.#disposed)
      throw new AlignError('disposed', 'This Align was disposed', { hint: 'load it again' });
  }

  /** A LabelSet as it came, once it is known to fit. @throws AlignError `invalid_argument`, `shape_mismatch` */
  #checked_set(set: LabelSet, { hypothesis_template }: LabelSetOptions): LabelSet {
    const { projection_dim } = this.model.config;
    if (hypothesis_template !== undefined)
      throw new AlignError(
        'invalid_argument',
        `classify: hypothesis_template ${show(hypothesis_template)} cannot change a finished LabelSet`,
        { hint: 'give it to label_set()' },
      );
    if (set.dimensions !== projection_dim)
      throw new AlignError(
        'shape_mismatch',
        `classify: the LabelSet has embeddings of ${set.dimensions} values, the model makes ${projection_dim}`,
        { hint: 'make the LabelSet with this model' },
      );
    return set;
  }

  async #label_set(labels: readonly string[], o: LabelSetOptions): Promise<LabelSet> {
    const hypothesis_template = o.hypothesis_template ?? '{}';
    const texts = labels.map((label) => hypothesis_template.replaceAll('{}', () => label));
    return new LabelSet(labels, await encode_texts(this, texts, o), hypothesis_template);
  }

  /** [images][labels] */
  async #scores(
    set: LabelSet,
    images: readonly Float32Array[],
    { scores = 'softmax', signal }: ClassifyOptions,
  ): Promise<number[][]> {
    if (scores === 'cosine') return images.map((image) => set.embeddings.map((label) => dot(label, image)));
    const logits_per_text = rows(
      await this.model.similarity(stacked(set.embeddings), stacked(images), { signal }),
    );
    const logits = images.map((_, i) => logits_per_text.map((row) => row[i]!));
    return scores === 'logits' ? logits : logits.map(softmax);
  }
}
