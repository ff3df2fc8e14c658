// Pictures to `pixel_values`, float for float as transformers' EfficientNetImageProcessorPil (the PIL backend).
//
//   picture ─ resize (8 bits) ─ centre crop, padded with 0 ─ rescale ─ normalise ─ divide by std once more ─▶ [N, C, H, W]
//
// Everything behind the crop is a function of one 8-bit sample, so it is a table of 256 floats for each channel.

import { platform } from '#platform';
import { open_model, type ModelSource, type OpenOptions } from '../checkpoint/model_files.ts';
import { AlignError, within_memory } from '../errors.ts';
import { RawImage, READ_RULES, type ImageInput } from '../image.ts';
import {
  check_load_options,
  check_options,
  refuse_worker,
  type Background,
  type Rule,
  type Rules,
} from '../options.ts';
import { pause_every, YIELD_MS } from '../pause.ts';
import { write_saved } from '../saved.ts';
import { Tensor } from '../tensor.ts';
import { compile, type WasmInput } from '../wasm/module.ts';
import { image_settings, read_image_settings, type ImageSettings } from './image_settings.ts';
import { Resizer, type Samples } from './resize.ts';
import { check_target, target_size, type Size } from './sizes.ts';

/** Options of `from_pretrained`. */
export interface ImageProcessorLoadOptions extends OpenOptions {
  wasm?: WasmInput | undefined;
  /** Ground for transparent pixels, over the one in the configuration. */
  background?: Background | undefined;
  max_pixels?: number | undefined;
}

/** Options of a call: any flag of the configuration, for this call alone, and limits of reading. */
export interface ImageCallOptions extends Partial<Omit<ImageSettings, 'size' | 'crop_size'>> {
  /** A number is a square, a pair is [height, width]. */
  size?: Size | number | readonly [number, number] | undefined;
  crop_size?: Size | number | readonly [number, number] | undefined;
  max_pixels?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A picture in planes, one a channel. */
export interface Planes {
  /** [channels, height, width] */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** How a picture is read. */
export interface PlaneOptions {
  readonly max_pixels?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a picture: here, or in a worker. */
export type ReadPlanes = (
  input: ImageInput,
  settings: ImageSettings,
  options: PlaneOptions,
) => Promise<Planes>;

const FLAG: Rule = { expects: 'a flag of the configuration', accepts: () => true };

/** Flags are checked with their own rules, as in a file. */
const CALL_RULES: Rules<ImageCallOptions> = {
  do_resize: FLAG,
  size: FLAG,
  resample: FLAG,
  do_center_crop: FLAG,
  crop_size: FLAG,
  do_rescale: FLAG,
  rescale_factor: FLAG,
  rescale_offset: FLAG,
  do_normalize: FLAG,
  image_mean: FLAG,
  image_std: FLAG,
  include_top: FLAG,
  do_convert_rgb: FLAG,
  background: READ_RULES.background,
  max_pixels: READ_RULES.max_pixels,
  signal: READ_RULES.signal,
};

/** Resizes, crops, scales and normalises pictures as its configuration says. */
export class EfficientNetImageProcessor {
  readonly settings: ImageSettings;
  readonly #read: ReadPlanes;
  readonly #max_pixels: number | undefined;

  /** `read`: where pictures are read elsewhere. */
  constructor(
    settings: ImageSettings,
    module: WebAssembly.Module,
    max_pixels?: number,
    read: ReadPlanes = plane_reader(module),
  ) {
    this.settings = settings;
    this.#read = read;
    this.#max_pixels = max_pixels;
  }

  /** Loads the flags of a model. @throws AlignError `corrupt_checkpoint`, `unsupported_config`. */
  static async from_pretrained(
    model?: ModelSource,
    options: ImageProcessorLoadOptions = {},
  ): Promise<EfficientNetImageProcessor> {
    check_load_options('EfficientNetImageProcessor.from_pretrained', options);
    refuse_worker('EfficientNetImageProcessor.from_pretrained', options);
    return within_memory(async () => {
      const { wasm, background, max_pixels } = options;
      const folder = await open_model(model, options);
      const [settings, module] = await Promise.all([read_image_settings(folder), compile(wasm)]);
      return new EfficientNetImageProcessor(
        background === undefined ? settings : { ...settings, background },
        module,
        max_pixels,
      );
    });
  }

  /**
   * One picture or several to `pixel_values`, float32 [pictures, channels, height, width].
   * @throws AlignError what {@link RawImage.read} throws (`too_large` for what the flags make of a picture, too), and
   *   `invalid_argument` for pictures that end up unequal in size
   */
  async call(
    images: ImageInput | readonly ImageInput[],
    options: ImageCallOptions = {},
  ): Promise<{ pixel_values: Tensor<'float32'> }> {
    check_options('image_processor', options, CALL_RULES);
    return within_memory(async () => {
      const { max_pixels = this.#max_pixels, signal, ...flags } = options;
      const settings = image_settings('options', flags, this.settings);
      const list = (Array.isArray(images) ? images : [images]) as readonly ImageInput[];
      if (list.length === 0) throw new AlignError('invalid_argument', 'images is an empty list');
      let values: Float32Array | undefined;
      let first: Planes | undefined;
      const pause = pause_every(YIELD_MS, signal);
      for (const [i, input] of list.entries()) {
        await pause();
        const planes = await this.#read(input, settings, { max_pixels, signal });
        first ??= planes;
        const { width, height, channels } = planes;
        if (width !== first.width || height !== first.height || channels !== first.channels)
          throw new AlignError(
            'invalid_argument',
            `Picture ${i} ends up as ${channels} x ${height} x ${width}, picture 0 as ${first.channels} x ${first.height} x ${first.width}`,
            { hint: 'do_resize or do_center_crop makes them equal' },
          );
        const size = first.values.length;
        values ??= list.length === 1 ? first.values : new Float32Array(list.length * size);
        if (list.length > 1) values.set(planes.values, i * size);
      }
      const { channels, height, width } = first!;
      return { pixel_values: new Tensor('float32', values!, [list.length, channels, height, width]) };
    });
  }

  /** The flags under transformers' names, as preprocessor_config.json holds them. */
  to_dict(): Record<string, unknown> {
    const { do_convert_rgb, ...settings } = this.settings;
    return {
      ...settings,
      ...(!do_convert_rgb && { do_convert_rgb }),
      image_processor_type: 'EfficientNetImageProcessor',
    };
  }

  /** Writes preprocessor_config.json. */
  async save_pretrained(folder: string): Promise<void> {
    await write_saved(folder, 'preprocessor_config.json', sorted_json(this.to_dict()));
  }
}

/** Reads pictures on this thread. */
export function plane_reader(module: WebAssembly.Module): ReadPlanes {
  const resizer = new Resizer(module);
  return async (input, settings, { max_pixels = platform.max_pixels, signal }) => {
    const { background, do_convert_rgb } = settings;
    const pause = pause_every(YIELD_MS, signal);
    const image = await RawImage.read(input, { background, do_convert_rgb, max_pixels, signal });
    await pause();
    // Who allows small pictures alone may have a model that makes them larger.
    const shaped = shape(image, settings, resizer, Math.max(max_pixels, platform.max_pixels));
    await pause();
    const { width, height, channels } = shaped;
    const values = new Float32Array(width * height * channels);
    to_planes(shaped, value_tables(settings, channels), values);
    return { values, width, height, channels };
  };
}

function shape(image: RawImage, settings: ImageSettings, resizer: Resizer, max_pixels: number): Samples {
  const { height: crop_height, width: crop_width } = settings.crop_size;
  if (settings.do_center_crop) check_target('crop_size', crop_height!, crop_width!, max_pixels);
  let shaped: Samples = image;
  if (settings.do_resize) {
    const [height, width] = target_size(settings.size, image.height, image.width);
    check_target('size', height, width, max_pixels);
    const data = resizer.resize(image, width, height, settings.resample);
    shaped = { data, width, height, channels: image.channels };
  }
  return settings.do_center_crop ? center_crop(shaped, crop_height!, crop_width!) : shaped;
}

/** transformers' center_crop: a picture smaller than the crop is padded with zeros around its middle. */
function center_crop(
  { data, width, height, channels }: Samples,
  crop_height: number,
  crop_width: number,
): Samples {
  const top = Math.floor((height - crop_height) / 2);
  const left = Math.floor((width - crop_width) / 2);
  const out = new Uint8Array(crop_height * crop_width * channels);
  const [from, to] = [Math.max(0, -left), Math.min(crop_width, width - left)];
  for (let y = Math.max(0, -top); y < Math.min(crop_height, height - top); y++) {
    const row = ((y + top) * width + left) * channels;
    out.set(data.subarray(row + from * channels, row + to * channels), (y * crop_width + from) * channels);
  }
  return { data: out, width: crop_width, height: crop_height, channels };
}

/** What becomes of each 8-bit sample, by channel: numpy's float32 arithmetic, step by step. */
function value_tables(settings: ImageSettings, channels: number): Float32Array[] {
  const { do_rescale, rescale_factor, rescale_offset, do_normalize, include_top } = settings;
  const of_channel = (key: 'image_mean' | 'image_std', c: number): number => {
    const value = settings[key];
    if (typeof value === 'number') return Math.fround(value);
    if (value.length !== channels)
      throw new AlignError(
        'invalid_argument',
        `${key} has ${value.length} numbers, the picture ${channels} channels`,
      );
    return Math.fround(value[c]!);
  };
  return Array.from({ length: channels }, (_, c) => {
    const mean = do_normalize ? of_channel('image_mean', c) : 0;
    const std = do_normalize || include_top ? of_channel('image_std', c) : 1;
    return Float32Array.from({ length: 256 }, (_, sample) => {
      let value = do_rescale ? Math.fround(sample * rescale_factor) : sample;
      if (do_rescale && rescale_offset) value = Math.fround(value - 1);
      if (do_normalize) value = Math.fround(Math.fround(value - mean) / std);
      return include_top ? value / std : value;
    });
  });
}

/** Interleaved samples to one plane a channel, through the tables. */
function to_planes(
  { data, width, height, channels }: Samples,
  tables: readonly Float32Array[],
  out: Float32Array,
): void {
  const size = width * height;
  for (let c = 0; c < channels; c++) {
    const table = tables[c]!;
    const start = c * size;
    for (let i = 0, from = c; i < size; i++, from += channels) out[start + i] = table[data[from]!]!;
  }
}

/** JSON as transformers writes it: keys in order, two spaces. */
export function sorted_json(value: unknown): string {
  const sort = (_: string, item: unknown): unknown =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  return `${JSON.stringify(value, sort, 2)}\n`;
}
