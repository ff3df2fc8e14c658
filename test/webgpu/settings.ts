// How the shaders of the kernel table are put together: every one that there can be is run on every driver.

import type { ActivationName } from '../kernels/support/ops.ts';
import type { Setting } from './run_images.ts';

/**
 * Activations that take turns on a GPU, where each is a pipeline: one, which is not zero at zero. They are all one text, and
 * tested by themselves.
 */
export const GPU_ACTIVATIONS: readonly ActivationName[] = ['Sigmoid'];

/** What of the language a shader may use where the device has it. */
export type Flag = 'f16' | 'subgroups' | 'packed_dot';

/** A setting, and which ops of the table have other shaders in it than before; all of them where it does not say. */
export interface TableSetting extends Setting {
  readonly ops?: readonly string[];
  readonly needs?: readonly Flag[];
}

const PRODUCTS = ['Gemm', 'Gemm of narrow weights'];
/** Those whose threads share work on real GPUs, besides. */
const SHARED = ['Attention', 'Depthwise', 'Pool'];
const SUMS = ['LayerNorm', 'Normalize', 'Similarity', 'Quantize'];
const PROCESSOR = { f16: false, subgroups: false, packed_dot: false, software: true } as const;
const GPU = { ...PROCESSOR, software: false } as const;

const SETTINGS: readonly TableSetting[] = [
  { name: 'as on a processor', features: PROCESSOR },
  { name: 'gemm at every size', product: 'gemm', features: PROCESSOR, ops: PRODUCTS },
  { name: 'gemv at every size', product: 'gemv', features: PROCESSOR, ops: PRODUCTS },
  { name: 'as on a GPU', features: GPU, ops: [...PRODUCTS, ...SUMS, ...SHARED] },
  { name: 'tile of 32 at every size', product: 'tile32', features: GPU, ops: PRODUCTS },
  { name: 'tile of 64 at every size', product: 'tile64', features: GPU, ops: PRODUCTS },
  { name: 'with f16', features: { ...PROCESSOR, f16: true }, ops: PRODUCTS, needs: ['f16'] },
  { name: 'with subgroups', features: { ...GPU, subgroups: true }, ops: SUMS, needs: ['subgroups'] },
  {
    name: 'with packed_dot',
    features: { ...PROCESSOR, packed_dot: true },
    ops: ['Gemm of 8-bit integers'],
    needs: ['packed_dot'],
  },
];

/** The settings that a device with `flags` can be in. */
export function settings_of(flags: Readonly<Record<Flag, boolean>>): TableSetting[] {
  return SETTINGS.filter(({ needs = [] }) => needs.every((flag) => flags[flag]));
}

/**
 * The same for SwiftShader, which takes seconds to compile a shader with barriers in its loops: shared-memory tiles with
 * weights in f32 alone.
 */
export function settings_of_swiftshader(): TableSetting[] {
  const tiles = SETTINGS.filter(({ features }) => !features?.software);
  return settings_of({ f16: false, subgroups: true, packed_dot: true }).map((setting) =>
    tiles.includes(setting) ? { ...setting, ops: setting.ops!.filter((op) => op !== PRODUCTS[1]) } : setting,
  );
}
