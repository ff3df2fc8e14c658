// What stands in for extras.ts in align-wasm/core: refusals that name the remedy.

import { AlignError, type AlignErrorCode } from './errors.ts';
import type * as extras from './extras.ts';

function left_out(code: AlignErrorCode, what: string, hint: string): AlignError {
  return new AlignError(code, `align-wasm/core ${what}`, { hint: `${hint}, or import align-wasm` });
}

export const open_location: typeof extras.open_location = () =>
  Promise.reject(
    left_out('model_required', 'opens no paths, URLs or hub ids', "give the model's bytes or its files"),
  );

export const checked_sums: typeof extras.checked_sums = () => {
  throw left_out('invalid_argument', 'has no option sha256', 'check the bytes before');
};

export const verified: typeof extras.verified = (open) => open;

export const load_on_gpu: typeof extras.load_on_gpu = async ({ options: { device } }) => {
  if (device === 'webgpu') throw left_out('gpu_unavailable', 'has no WebGPU', "use device 'wasm'");
  return Promise.resolve(null);
};

export const load_in_worker: typeof extras.load_in_worker = () =>
  Promise.reject(
    left_out('invalid_argument', 'has no option worker', 'import it in a worker of your own'),
  );

export const run_as_one: typeof extras.run_as_one = () => Promise.resolve(null);

export const read_picture: typeof extras.read_picture = () =>
  Promise.reject(
    left_out(
      'unsupported_image',
      'decodes no files of pictures',
      "give { data, width, height, channels }, which read_picture of 'align-wasm/image' makes of a file",
    ),
  );

export const index_of_model: typeof extras.index_of_model = () =>
  Promise.reject(left_out('invalid_argument', 'has no AlignIndex', 'keep the embeddings yourself'));

export const threads_available: typeof extras.threads_available = () => false;

/** Never started: {@link threads_available} says no. */
export const Pool: Pick<typeof extras.Pool, 'start'> = {
  start: () => Promise.reject(left_out('worker_lost', 'has no threads', 'use threads: 1')),
};
