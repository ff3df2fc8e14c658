// What importing a wasm file of the package gives where the runtime or its bundler compiles it, as on Workers.

declare const module: WebAssembly.Module;
export default module;
