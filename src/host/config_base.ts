// What the three configurations share: reading config.json, checking, `to_dict`, writing.

import {
  open_model,
  type ModelFolder,
  type ModelSource,
  type OpenOptions,
} from './checkpoint/model_files.ts';
import { read_fields, refuse, type Fields } from './config_fields.ts';
import { AlignError, show, within_memory } from './errors.ts';
import { check_load_options } from './options.ts';
import { write_saved } from './saved.ts';

const CONFIG = 'config.json';

/** Keys and values of a configuration, as config.json has them. */
export type ConfigDict = Readonly<Record<string, unknown>>;

type ModelType = 'align' | 'align_text_model' | 'align_vision_model';

const CLASSES: Readonly<Record<ModelType, string>> = {
  align: 'AlignConfig',
  align_text_model: 'AlignTextConfig',
  align_vision_model: 'AlignVisionConfig',
};

/** `values` as keys to read; null and undefined mean none. @throws AlignError `unsupported_config`. */
export function as_dict(key: string, values: unknown): ConfigDict {
  if (values === undefined || values === null) return {};
  if (typeof values !== 'object' || Array.isArray(values)) refuse(key, values, 'it must be an object');
  return values as ConfigDict;
}

/** What `read` makes of a model's folder: every configuration's from_pretrained. @throws AlignError as that, `invalid_argument` */
export async function read_from<T>(
  model: ModelSource | undefined,
  options: OpenOptions | undefined,
  read: (folder: ModelFolder) => Promise<T>,
): Promise<T> {
  check_load_options('from_pretrained', options);
  return within_memory(async () => read(await open_model(model, options)));
}

/** config.json of a folder. @throws AlignError `not_found`, `corrupt_checkpoint`. */
export async function read_config(folder: ModelFolder): Promise<ConfigDict> {
  const dict = await folder.json(CONFIG);
  if (dict === null)
    throw new AlignError('not_found', `${folder.name} has no ${CONFIG}`, { detail: { file: CONFIG } });
  return dict;
}

/** A tower's own config.json, or its part of a whole model's (`base_config_key` in transformers). */
export async function read_tower_config(
  folder: ModelFolder,
  key: 'text_config' | 'vision_config',
): Promise<ConfigDict> {
  const dict = await read_config(folder);
  return Object.hasOwn(dict, key) || dict.model_type === 'align' ? as_dict(key, dict[key]) : dict;
}

export abstract class BaseConfig {
  readonly model_type: ModelType;
  readonly #floats: ReadonlySet<string>;

  protected constructor(model_type: ModelType, fields: Fields, values: ConfigDict) {
    const other = values.model_type;
    if (other !== model_type && typeof other === 'string' && Object.hasOwn(CLASSES, other))
      throw new AlignError('unsupported_config', `model_type is ${show(other)}, not ${show(model_type)}`, {
        detail: { key: 'model_type', value: other },
        hint: `this is a configuration of ${CLASSES[other as ModelType]}`,
      });
    this.model_type = model_type;
    this.#floats = new Set(Object.keys(fields).filter((key) => fields[key]!.float));
    Object.assign(this, read_fields(fields, values));
  }

  /** A plain copy of everything, with `model_type`: transformers' `to_dict` without the keys that all its models share. */
  to_dict(): Record<string, unknown> {
    return structuredClone<object>(this) as Record<string, unknown>;
  }

  /**
   * config.json as transformers writes it: sorted keys, two spaces. Floats keep their decimal point, as transformers
   * refuses the integer 2 where it wants 2.0.
   */
  to_json_string(): string {
    const members = Object.entries(this).map(([key, value]): [string, string] => {
      if (value instanceof BaseConfig) return [key, value.to_json_string().trimEnd()];
      const text = JSON.stringify(value, null, 2);
      return [key, this.#floats.has(key) && /^-?\d+$/.test(text) ? `${text}.0` : text];
    });
    const lines = members
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, text]) => `  ${JSON.stringify(key)}: ${text.replaceAll('\n', '\n  ')}`);
    return `{\n${lines.join(',\n')}\n}\n`;
  }

  /** Writes config.json into a folder, which is made where it is missing. */
  async save_pretrained(folder: string): Promise<void> {
    await write_saved(folder, CONFIG, this.to_json_string());
  }
}
