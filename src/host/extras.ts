// What align-wasm/core leaves out. Its build takes core_extras.ts in place of this module (scripts/bundle.mjs), so whoever
// needs a thing of these imports it from here.

export { open_location } from './checkpoint/locations.ts';
export { checked_sums, verified } from './checkpoint/remote/verify.ts';
export { load_on_gpu } from './gpu_runtime.ts';
export { run_as_one } from './joint_plan.ts';
export { load_in_worker } from './offload/client.ts';
export { read_picture } from './processor/decode.ts';
export { index_of_model } from './search/model_index.ts';
export { Pool, threads_available } from './wasm/threads.ts';
