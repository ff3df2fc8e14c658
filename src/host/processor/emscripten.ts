// How the decoders' programs, made by Emscripten, are started.

/**
 * What the programs make pictures of. Where a runtime has no such class, each looks for it and the first puts its own there,
 * whose closure would keep that program's memory for good, be it as large as its largest picture.
 */
class Picture {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

/** Options for one: its compiled module, or null where it finds its own; what it prints goes to `printed` alone. */
export function emscripten_options(
  module: WebAssembly.Module | null,
  printed: (line: string) => void = () => undefined,
): Record<string, unknown> {
  if (!('ImageData' in globalThis)) Object.assign(globalThis, { ImageData: Picture });
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
