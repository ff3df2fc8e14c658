// All kinds of faults.

import { abort } from './abort.ts';
import { gpu } from './gpu.ts';
import type { FaultKind } from './harness.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { threads } from './threads.ts';

export const KINDS_OF_FAULTS: readonly FaultKind[] = [memory, abort, gpu, threads, network];
