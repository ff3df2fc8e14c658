// The whole interface of align.wasm.

import { ABI } from './plan/op';

export { allocate, record_align, record_text, record_vision, reset_recorder } from './models/record';
export { pack } from './pack/pack';
export { bind } from './plan/bases';
export { execute } from './plan/execute';
export * from './processor/index';
export * from './search/index';

/** Bumped with every change of an export's meaning or of the record layout; the host checks it at start. */
export function abi_version(): u32 {
  return ABI;
}

/** First byte of memory that the module itself does not use. */
export function heap_base(): usize {
  return __heap_base;
}
