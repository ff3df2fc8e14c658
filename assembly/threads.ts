// The whole interface of align.threads.wasm: that of align.wasm, and execution by several threads in shared memory.

export * from './index';
export { execute_part } from './plan/barrier';
