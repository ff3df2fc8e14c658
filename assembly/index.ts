// The whole interface of align.wasm.

export * from './processor/index';

/** Bumped with every change of an export's meaning or of the record layout; the host checks it at start. */
export function abi_version(): u32 {
  return 1;
}

/** First byte of memory that the module itself does not use. */
export function heap_base(): usize {
  return __heap_base;
}
