// What align.wasm exports for the processor (assembly/processor/index.ts).

export type ProcessorExports = object;
