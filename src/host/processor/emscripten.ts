// How the decoders' programs, made by Emscripten, are started.

/** Options for one: its compiled module, or null where it finds its own; what it prints goes to `printed` alone. */
export function emscripten_options(
  module: WebAssembly.Module | null,
  printed: (line: string) => void = () => undefined,
): Record<string, unknown> {
  const options = { noInitialRun: true, print: () => undefined, printErr: printed };
  if (module === null) return options;
  const instantiateWasm = (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ): WebAssembly.Exports => {
    const instance = new WebAssembly.Instance(module, imports);
    done(instance);
    return instance.exports;
  };
  return { ...options, instantiateWasm };
}
