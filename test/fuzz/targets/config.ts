// config.json of a model and of each tower, and the image processor's settings.

import { readFileSync } from 'node:fs';
import { open_model } from '../../../src/host/checkpoint/model_files.ts';
import { AlignConfig, AlignTextConfig, AlignVisionConfig } from '../../../src/host/config.ts';
import { read_image_settings } from '../../../src/host/processor/image_settings.ts';
import { golden } from '../../support/edited_checkpoint.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damaged_file } from '../mutations.ts';

type Dict = Record<string, unknown>;

function bases(): { configs: Dict[]; settings: Dict[] } {
  const whole = JSON.parse(readFileSync(golden('odd/config.json'), 'utf8')) as Record<string, Dict>;
  const image = {
    image_processor_type: 'EfficientNetImageProcessor',
    ...{ do_resize: true, size: { height: 48, width: 40 }, resample: 3 },
    ...{
      do_center_crop: false,
      crop_size: { height: 48, width: 48 },
      do_rescale: true,
      rescale_factor: 0.0078,
    },
    ...{ rescale_offset: true, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: 0.5 },
    ...{ include_top: false, do_convert_rgb: true, background: [255, 255, 255] },
  };
  return {
    configs: [whole, whole, whole.text_config!, whole.vision_config!],
    settings: [
      image,
      { ...image, size: { shortest_edge: 20, longest_edge: 30 } },
      { ...image, size: [8, 9] },
    ],
  };
}

function make(dice: Dice, { configs, settings }: ReturnType<typeof bases>): Case {
  const name = dice.chance(0.7)
    ? 'config.json'
    : dice.pick(['preprocessor_config.json', 'processor_config.json']);
  const image = dice.pick(settings);
  const value =
    name === 'config.json' ? dice.pick(configs) : name.startsWith('pre') ? image : { image_processor: image };
  return { [name]: damaged_file(value, dice) };
}

/** A configuration that was taken must be taken again, the same, from what it writes. */
function check_round_trip(config: AlignConfig | AlignTextConfig | AlignVisionConfig): void {
  const text = config.to_json_string();
  const Again = config.constructor as new (values: Dict) => typeof config;
  if (new Again(JSON.parse(text) as Dict).to_json_string() !== text)
    throw new Error(`not the same again: ${text}`);
}

async function read(files: Case): Promise<void> {
  const folder = await open_model(files);
  if (!Object.hasOwn(files, 'config.json')) {
    await read_image_settings(folder);
    return;
  }
  // Whoever asks for a tower gets that one's opinion; the last one's counts.
  const towers = [AlignTextConfig, AlignVisionConfig];
  const own = await Promise.allSettled(towers.map((Config) => Config.from_folder(folder)));
  for (const tower of own)
    if (tower.status === 'fulfilled') check_round_trip(tower.value);
    else if ((tower.reason as Error).name !== 'AlignError') throw tower.reason as Error;
  check_round_trip(await AlignConfig.from_folder(folder));
}

export const config: Target = {
  name: 'config',
  files: 20_000,
  codes: ['corrupt_checkpoint', 'unsupported_config', 'unsupported_activation'],
  constant: 2 ** 14,
  start() {
    const all = bases();
    return Promise.resolve<Fuzzer>({ make: (dice) => make(dice, all), read });
  },
};
