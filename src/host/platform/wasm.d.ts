// A wasm file imported as a module, where a bundler or the runtime itself compiles it (Workers, edge functions).

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module '*.wasm?module' {
  const module: WebAssembly.Module;
  export default module;
}

// A data file on Workers.

declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
