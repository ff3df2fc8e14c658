// npm run embed:model: makes the embedded model, weights/align-icons, of the trained checkpoint in weights/checkpoint: its
// settings as they are and its weights in one packed file of 8 bits.

import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const SETTINGS = [
  'config.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
];

const [from, to] = ['weights/checkpoint', 'weights/align-icons'];
for (const name of [...SETTINGS, 'ATTRIBUTION.md'])
  copyFileSync(join(root, from, name), join(root, to, name));
const weights = `${to}/model.safetensors`;
process.exitCode = run('node', [
  'dist/cli/main.js',
  'convert',
  from,
  '-o',
  weights,
  '--dtype',
  'q8',
  '--force',
]);
if (process.exitCode === 0) chmodSync(join(root, weights), 0o644);
