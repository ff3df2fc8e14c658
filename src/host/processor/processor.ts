// transformers' AlignProcessor: texts and pictures to a model's inputs, with one tokenizer and one image processor.

import { open_model, type ModelSource, type OpenOptions } from '../checkpoint/model_files.ts';
import { AlignError, within_memory } from '../errors.ts';
import type { ImageInput } from '../image.ts';
import {
  check_load_options,
  check_options,
  refuse_worker,
  type Background,
  type Rule,
  type Rules,
} from '../options.ts';
import { write_saved } from '../saved.ts';
import type { Tensor } from '../tensor.ts';
import { compile, type WasmInput } from '../wasm/module.ts';
import { ENCODE_RULES, type EncodeOptions, type Encoding } from './encoding.ts';
import {
  EfficientNetImageProcessor,
  sorted_json,
  type ImageCallOptions,
  type ReadPlanes,
} from './image_processor.ts';
import { read_image_settings } from './image_settings.ts';
import { type Ids } from './texts.ts';
import { BertTokenizer, type DecodeOptions } from './tokenizer.ts';
import { read_tokenizer } from './tokenizer_files.ts';

/** Options of `from_pretrained`. */
export interface ProcessorLoadOptions extends OpenOptions {
  wasm?: WasmInput | undefined;
  /** Ground for transparent pixels, over the one in the model's configuration. */
  background?: Background | undefined;
  max_pixels?: number | undefined;
}

/** What a processor's call takes: texts, pictures or both, and the tokenizer's options. */
export interface ProcessorInputs extends EncodeOptions {
  text?: string | readonly string[] | undefined;
  text_pair?: string | readonly string[] | null | undefined;
  images?: ImageInput | readonly ImageInput[] | undefined;
  /** Flags of the image processor, for this call alone. */
  images_kwargs?: ImageCallOptions | undefined;
  background?: Background | undefined;
  signal?: AbortSignal | undefined;
}

/** A model's inputs: `pixel_values` for pictures, the others for texts. */
export interface ProcessorOutput extends Partial<Encoding> {
  pixel_values?: Tensor<'float32'>;
}

const ANY: Rule = { expects: 'an input', accepts: () => true };
const RULES: Rules<ProcessorInputs> = {
  ...ENCODE_RULES,
  text: ANY,
  text_pair: ANY,
  images: ANY,
  images_kwargs: ANY,
  background: ANY,
  signal: ANY,
};

/** transformers' AlignProcessor.text_kwargs. */
const TEXT_DEFAULTS: EncodeOptions = { padding: 'max_length', max_length: 64 };

/** Texts and pictures to a model's inputs. */
export class AlignProcessor {
  readonly image_processor: EfficientNetImageProcessor;
  readonly tokenizer: BertTokenizer;

  constructor(image_processor: EfficientNetImageProcessor, tokenizer: BertTokenizer) {
    this.image_processor = image_processor;
    this.tokenizer = tokenizer;
  }

  /**
   * Loads the processor of a model; without an argument, of the embedded one. `read` is for a model's own processor, whose
   * pictures are read where it computes.
   * @throws AlignError as its two parts.
   */
  static async from_pretrained(
    model?: ModelSource,
    options: ProcessorLoadOptions = {},
    read?: ReadPlanes,
  ): Promise<AlignProcessor> {
    check_load_options('AlignProcessor.from_pretrained', options);
    refuse_worker('AlignProcessor.from_pretrained', options);
    return within_memory(async () => {
      const { wasm, background, max_pixels } = options;
      const folder = await open_model(model, options);
      const [images, texts, module] = await Promise.all([
        read_image_settings(folder),
        read_tokenizer(folder),
        compile(wasm),
      ]);
      const settings = background === undefined ? images : { ...images, background };
      return new AlignProcessor(
        new EfficientNetImageProcessor(settings, module, max_pixels, read),
        new BertTokenizer(texts, module),
      );
    });
  }

  /**
   * Encodes texts, pictures or both. Texts are padded to `max_length` 64 and not truncated, unless the tokenizer's files
   * or the call say otherwise, as in transformers: one long text passes whole, a batch of unequal lengths is refused.
   * @throws AlignError `invalid_argument` without an input, and as the tokenizer and the image processor.
   */
  async call(inputs: ProcessorInputs = {}): Promise<ProcessorOutput> {
    check_options('processor', inputs, RULES);
    const { text, text_pair, images, images_kwargs, background, signal, ...options } = inputs;
    if (text === undefined && images === undefined)
      throw new AlignError('invalid_argument', 'The processor needs text, images or both');
    const encoding =
      text === undefined ? {} : this.tokenizer.call(text, text_pair, this.#text_options(options));
    if (images === undefined) return encoding;
    const pixels = await this.image_processor.call(images, {
      ...(background !== undefined && { background }),
      ...(signal !== undefined && { signal }),
      ...images_kwargs,
    });
    return { ...encoding, ...pixels };
  }

  /** The text of each row of ids. */
  batch_decode(sequences: Tensor | readonly Ids[], options: DecodeOptions = {}): string[] {
    return this.tokenizer.batch_decode(sequences, options);
  }

  /** The text of one row of ids. */
  decode(ids: Ids | Tensor, options: DecodeOptions = {}): string {
    return this.tokenizer.decode(ids, options);
  }

  /** Writes the tokenizer's files and processor_config.json, which nests the image processor, as transformers 5. */
  async save_pretrained(folder: string): Promise<void> {
    await this.tokenizer.save_pretrained(folder);
    const text = sorted_json({
      image_processor: this.image_processor.to_dict(),
      processor_class: 'AlignProcessor',
    });
    await write_saved(folder, 'processor_config.json', text);
  }

  /** The call's options over the tokenizer's own over the class's. */
  #text_options(options: EncodeOptions): EncodeOptions {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    return { ...TEXT_DEFAULTS, ...this.tokenizer.call_defaults, ...given };
  }
}
