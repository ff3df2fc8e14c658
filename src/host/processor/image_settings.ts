// The flags of an image processor (preprocessor_config.json, or what transformers 5 nests in processor_config.json), with
// the defaults of transformers' EfficientNetImageProcessor.

import type { ModelFolder } from '../checkpoint/model_files.ts';
import { CALL_RULES, type Background } from '../options.ts';
import { boolean, kind, object, unsupported, type Json } from './json_fields.ts';
import { FILTERS } from './resize.ts';
import { read_size, type Size } from './sizes.ts';

/** The flags by transformers' names; `background` is ours. */
export interface ImageSettings {
  readonly do_resize: boolean;
  readonly size: Size;
  /** Pillow's number of the filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming. */
  readonly resample: number;
  readonly do_center_crop: boolean;
  readonly crop_size: Size;
  readonly do_rescale: boolean;
  readonly rescale_factor: number;
  /** Subtracts 1 after scaling. */
  readonly rescale_offset: boolean;
  readonly do_normalize: boolean;
  readonly image_mean: number | readonly number[];
  readonly image_std: number | readonly number[];
  /** Divides by `image_std` once more. */
  readonly include_top: boolean;
  /** false: raw samples keep their channels. Files are RGB in any case. */
  readonly do_convert_rgb: boolean;
  /** What a transparent pixel becomes, where the caller does not say. */
  readonly background?: Background;
}

const DEFAULTS: ImageSettings = {
  do_resize: true,
  size: { height: 346, width: 346 },
  resample: 3,
  do_center_crop: false,
  crop_size: { height: 289, width: 289 },
  do_rescale: true,
  rescale_factor: 1 / 255,
  rescale_offset: false,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  include_top: true,
  do_convert_rgb: true,
};

const TYPES = [
  'EfficientNetImageProcessor',
  'EfficientNetImageProcessorPil',
  'EfficientNetImageProcessorFast',
];
const FLAGS = [
  'do_resize',
  'do_center_crop',
  'do_rescale',
  'rescale_offset',
  'do_normalize',
  'include_top',
  'do_convert_rgb',
] as const;

/** The flags in a record, with defaults for those absent or null; other keys are ignored. @throws AlignError `unsupported_config` */
export function image_settings(file: string, json: Json, defaults: ImageSettings = DEFAULTS): ImageSettings {
  kind(file, json, 'image_processor_type', TYPES);
  const get = (key: string): unknown => (Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined);
  const flags = Object.fromEntries(FLAGS.map((key) => [key, boolean(file, json, key) ?? defaults[key]]));
  const resample = get('resample') ?? defaults.resample;
  if (!Number.isInteger(resample) || FILTERS[resample as number] === undefined)
    throw unsupported(file, 'resample', resample, `it is 0 to 5: ${FILTERS.join(', ')}`);
  const factor = get('rescale_factor') ?? defaults.rescale_factor;
  if (typeof factor !== 'number') throw unsupported(file, 'rescale_factor', factor, 'a number is needed');
  const background = get('background') ?? defaults.background;
  if (background !== undefined && !CALL_RULES.background.accepts(background))
    throw unsupported(file, 'background', background, `it is ${CALL_RULES.background.expects}`);
  const read = (key: 'size' | 'crop_size', forms: 'all' | 'exact'): Size =>
    get(key) === undefined ? defaults[key] : read_size(file, key, get(key), forms);
  return {
    ...(flags as Pick<ImageSettings, (typeof FLAGS)[number]>),
    resample: resample as number,
    size: read('size', 'all'),
    crop_size: read('crop_size', 'exact'),
    rescale_factor: factor,
    image_mean: channel_numbers(file, 'image_mean', get('image_mean') ?? defaults.image_mean),
    image_std: channel_numbers(file, 'image_std', get('image_std') ?? defaults.image_std),
    ...(background !== undefined && { background: background as Background }),
  };
}

/** One number for all channels, or a list of one for each. */
function channel_numbers(file: string, key: string, value: unknown): number | readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || !list.every((n) => typeof n === 'number'))
    throw unsupported(file, key, value, 'a number or a list of numbers is needed');
  return value as number | readonly number[];
}

/**
 * Reads a folder's flags: transformers 5's processor_config.json counts where it nests an image processor, else
 * preprocessor_config.json, else the class's defaults. @throws AlignError `corrupt_checkpoint`, `unsupported_config`.
 */
export async function read_image_settings(folder: ModelFolder): Promise<ImageSettings> {
  const nested = object(
    'processor_config.json',
    (await folder.json('processor_config.json')) ?? {},
    'image_processor',
  );
  if (nested !== undefined) return image_settings('processor_config.json', nested);
  const own = await folder.json('preprocessor_config.json');
  return image_settings('preprocessor_config.json', own ?? {});
}
