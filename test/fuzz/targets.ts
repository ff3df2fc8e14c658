// Every fuzz target, one file each.

import type { Target } from './harness.ts';
import { config } from './targets/config.ts';
import { index } from './targets/index_files.ts';
import { jpeg } from './targets/jpeg.ts';
import { label_set } from './targets/label_set.ts';
import { models } from './targets/models.ts';
import { packed } from './targets/packed.ts';
import { png } from './targets/png.ts';
import { safetensors } from './targets/safetensors.ts';
import { shards } from './targets/shards.ts';
import { tokenizer } from './targets/tokenizer.ts';

export const TARGETS: readonly Target[] = [
  ...[safetensors, packed, shards, config, tokenizer],
  ...[index, label_set, models],
  ...[png, jpeg],
];
