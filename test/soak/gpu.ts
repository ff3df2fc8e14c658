// The GPU of a soak: buffers that live on it, in bytes.

import { test_gpu } from '../kernels/support/gpu.ts';
import { WatchedGpu } from '../support/watched_gpu.ts';

export class SoakedGpu {
  readonly gpu: GPU;
  readonly #watched: WatchedGpu;

  private constructor(watched: WatchedGpu) {
    this.gpu = watched.gpu;
    this.#watched = watched;
  }

  static async open(): Promise<SoakedGpu> {
    return new SoakedGpu(await WatchedGpu.open(test_gpu()));
  }

  /** Bytes of buffers that were made and not destroyed. */
  bytes(): number {
    this.#watched.watch(); // else it remembers every call
    return Array.from(this.#watched.buffers, (buffer) => (buffer as GPUBuffer).size).reduce(
      (a, b) => a + b,
      0,
    );
  }
}
