// What of a device may be used: what it says that it has, as far as it gives a known answer with it.

import type { Features } from './shader.ts';

/** The features that answer rightly on `device`. */
export function usable_features(device: GPUDevice, software: boolean): Promise<Features> {
  return Promise.resolve({ f16: false, subgroups: false, packed_dot: false, software });
}
