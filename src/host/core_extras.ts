// What align-wasm/core has in place of the modules named here, which its build leaves out (scripts/bundle.mjs): refusals
// that name the remedy.

import { platform } from '#platform';
import { bytes_source } from './checkpoint/source.ts';
import { AlignError, type AlignErrorCode } from './errors.ts';
import type * as body from './checkpoint/body.ts';
import type * as fetching from './checkpoint/fetching.ts';
import type * as json from './checkpoint/json_error.ts';
import type * as locations from './checkpoint/locations.ts';
import type * as verify from './checkpoint/remote/verify.ts';
import type * as gpu_runtime from './gpu_runtime.ts';
import type * as joint_plan from './joint_plan.ts';
import type * as client from './offload/client.ts';
import type * as decode from './processor/decode.ts';
import type * as model_index from './search/model_index.ts';
import type * as threads from './wasm/threads.ts';

function left_out(code: AlignErrorCode, what: string, hint: string): AlignError {
  return new AlignError(code, `align-wasm/core ${what}`, { hint: `${hint}, or import align-wasm` });
}

/** Of files that are URLs core tells as they are read. */
export const fetch_progress: typeof fetching.fetch_progress = () => undefined;

export const url_opener: typeof fetching.url_opener = (name, url) => {
  let bytes: Promise<Uint8Array> | undefined;
  return async () => bytes_source(name, await (bytes ??= platform.fetch_bytes(url, Infinity)));
};

export const body_bytes: typeof body.body_bytes = async (response) =>
  new Uint8Array(await response.arrayBuffer());

/** Without the place, which most engines tell in words of their own. */
export const json_error: typeof json.json_error = (file, _, cause) =>
  new AlignError('corrupt_checkpoint', `${file} is not valid JSON: ${(cause as Error).message}`, {
    detail: { file },
    cause,
  });

export const open_location: typeof locations.open_location = () =>
  Promise.reject(
    left_out('model_required', 'opens no paths, URLs or hub ids', "give the model's bytes or its files"),
  );

export const checked: typeof verify.checked = () => {
  throw left_out('invalid_argument', 'has no option sha256', 'check the bytes before');
};

export const load_on_gpu: typeof gpu_runtime.load_on_gpu = async ({ options: { device } }) => {
  if (device === 'webgpu') throw left_out('gpu_unavailable', 'has no WebGPU', "use device 'wasm'");
  return Promise.resolve(null);
};

export const load_in_worker: typeof client.load_in_worker = () =>
  Promise.reject(left_out('invalid_argument', 'has no option worker', 'import it in a worker of your own'));

export const run_as_one: typeof joint_plan.run_as_one = () => Promise.resolve(null);

export const read_picture: typeof decode.read_picture = () =>
  Promise.reject(
    left_out(
      'unsupported_image',
      'decodes no files of pictures',
      "give { data, width, height, channels }, which read_picture of 'align-wasm/image' makes of a file",
    ),
  );

export const index_of_model: typeof model_index.index_of_model = () =>
  Promise.reject(left_out('invalid_argument', 'has no AlignIndex', 'keep the embeddings yourself'));

export const threads_available: typeof threads.threads_available = () => false;

/** Never started: {@link threads_available} says no. */
export const Pool: Pick<typeof threads.Pool, 'start'> = {
  start: () => Promise.reject(left_out('worker_lost', 'has no threads', 'use threads: 1')),
};
