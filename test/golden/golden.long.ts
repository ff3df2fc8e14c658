// The goldens that differ in an activation alone, on the GPU.

import { afterAll } from 'vitest';
import { test_gpu_device } from '../kernels/support/gpu.ts';
import { ACTIVATIONS, describe_goldens, WEBGPU } from './goldens.ts';

afterAll(async () => (await test_gpu_device()).destroy());

describe_goldens({ ...WEBGPU, variants: ACTIVATIONS });
