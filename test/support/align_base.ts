// A whole model of the align-base shape, with counter weights: align-base's configuration, processor settings as transformers
// converts them (convert_align_tf_to_hf.py), and a vocabulary of BERT's size.

import { readFileSync } from 'node:fs';
import type { WeightDtype } from '../../src/host/checkpoint/formats.ts';
import { open_model, type ModelFiles } from '../../src/host/checkpoint/model_files.ts';
import { Conversion } from '../../src/host/convert.ts';
import { platform } from '../../src/host/platform/node.ts';
import { counter_source } from './counter_weights.ts';

const VOCABULARY = 30522;

const PREPROCESSOR = {
  image_processor_type: 'EfficientNetImageProcessor',
  do_resize: true,
  size: { height: 346, width: 346 },
  resample: 2,
  do_center_crop: true,
  crop_size: { height: 289, width: 289 },
  do_rescale: true,
  rescale_factor: 1 / 127.5,
  rescale_offset: true,
  do_normalize: false,
  include_top: false,
};

/** BERT's special tokens, letters alone and as the rest of a word, and words of syllables up to BERT's count. */
function vocabulary(): string[] {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz');
  const syllables = Array.from('bdfgklmnprstvz').flatMap((c) => Array.from('aeiou', (v) => c + v));
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...letters, ...letters.map((c) => `##${c}`)];
  const words = new Set(tokens);
  for (let i = 0; words.size < VOCABULARY; i++) {
    let word = '';
    for (let rest = i; word === '' || rest > 0; rest = Math.floor(rest / syllables.length))
      word += syllables[rest % syllables.length]!;
    words.add(i % 3 === 2 ? `##${word}` : word);
  }
  return [...words];
}

export function align_base(): ModelFiles {
  return {
    'config.json': readFileSync(new URL('../golden/align-base/config.json', import.meta.url), 'utf8'),
    'preprocessor_config.json': PREPROCESSOR,
    'tokenizer_config.json': { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: 512 },
    'vocab.txt': `${vocabulary().join('\n')}\n`,
    'model.safetensors': counter_source(),
  };
}

/** Writes it, or one tower of it, as `align-wasm convert` does: one to five seconds. */
export async function write_align_base(
  path: string,
  dtype: WeightDtype,
  towers?: 'text' | 'vision',
): Promise<void> {
  const conversion = await Conversion.open(await open_model(align_base()), { dtype, towers });
  try {
    await platform.write(path, conversion.chunks());
  } finally {
    await conversion.close();
  }
}
