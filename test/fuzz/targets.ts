// Every fuzz target, one file each.

import type { Target } from './harness.ts';
import { safetensors } from './targets/safetensors.ts';

export const TARGETS: readonly Target[] = [safetensors];
