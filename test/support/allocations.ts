// Every buffer of JavaScript and every WebAssembly memory that this process makes, heard of as it is made: what a garbage
// collection or pages that nobody has touched hide from figures of the heap and of resident memory. What Node and V8 make
// within themselves, such as the pieces that a stream of theirs hands out, is not among them.

/** Who hears of allocations. What they throw is what the allocation comes to. */
export interface Listener {
  /** A buffer that was made; it is dropped where this throws. */
  readonly buffer: (bytes: number) => void;
  /** One that a function of Node's made: Buffer's, or an encoder. */
  readonly of_node?: (bytes: number) => void;
  /** A memory is about to be made, alone or with its instance. */
  readonly memory?: () => void;
  /** It was. */
  readonly made?: (memory: WebAssembly.Memory) => void;
  /** A memory is about to grow, asked by JavaScript. */
  readonly grow?: (pages: number) => void;
  /** What instances are given to import besides their own. */
  readonly imports?: WebAssembly.Imports;
}

type Constructor = new (...given: never[]) => object;
type Made = (make: () => object, given: readonly unknown[]) => object;

/** Has the listener hear of allocations, until what it gives is called. */
export function watch_allocations(listener: Listener): () => void {
  const replacements = new Replacements();
  watch_memories(replacements, listener);
  watch_buffers(replacements, listener);
  return () => replacements.undo();
}

/** Members that others stand in the place of. */
class Replacements {
  readonly #undo: (() => void)[] = [];

  put(owner: object, name: string, value: unknown): void {
    const plain: unknown = Reflect.get(owner, name);
    this.#undo.push(() => Reflect.set(owner, name, plain));
    Reflect.set(owner, name, value);
  }

  constructors(owner: object, names: readonly string[], made: Made): void {
    for (const name of names) {
      const plain = Reflect.get(owner, name) as Constructor;
      // A Proxy takes four times as long.
      const replaced = function (...given: never[]): object {
        const make = (): object =>
          new.target === replaced
            ? new plain(...given)
            : (Reflect.construct(plain, given, new.target) as object);
        return made(make, given);
      };
      replaced.prototype = plain.prototype as unknown;
      Object.setPrototypeOf(replaced, plain);
      this.put(owner, name, replaced);
    }
  }

  functions(owner: object, names: readonly string[], made: Made): void {
    for (const name of names) {
      const plain = Reflect.get(owner, name) as (...given: unknown[]) => object;
      this.put(owner, name, function (this: unknown, ...given: unknown[]) {
        return made(() => Reflect.apply(plain, this, given), given);
      });
    }
  }

  undo(): void {
    this.#undo.splice(0).forEach((each) => each());
  }
}

function watch_buffers(replacements: Replacements, { buffer, of_node }: Listener): void {
  const { ArrayBuffer: Plain, SharedArrayBuffer: Shared } = globalThis;
  const is_view = ([first]: readonly unknown[]): boolean => first instanceof Plain || first instanceof Shared;
  const size = (made: object): number => (made as { byteLength: number }).byteLength;
  const heard: Made = (make, given) => {
    const made = make();
    if (!is_view(given)) buffer(size(made));
    return made;
  };
  const typed = Object.getOwnPropertyNames(globalThis).filter((name) =>
    /^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(name),
  );
  replacements.constructors(globalThis, ['ArrayBuffer', 'SharedArrayBuffer', ...typed], heard);
  const methods = (Object.getPrototypeOf(Uint8Array) as { prototype: object }).prototype;
  replacements.functions(methods, ['slice', 'map', 'filter'], heard);
  for (const { prototype } of [Plain, Shared]) replacements.functions(prototype, ['slice'], heard);

  if (!of_node) return;
  let within = false; // they call each other: the outermost counts
  const heard_of_node: Made = (make, given) => {
    if (within) return make();
    within = true;
    try {
      const made = make();
      if (!is_view(given)) of_node(size(made));
      return made;
    } finally {
      within = false;
    }
  };
  replacements.functions(TextEncoder.prototype, ['encode'], heard_of_node);
  replacements.functions(Buffer, ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'concat', 'from'], heard_of_node); // prettier-ignore
}

function watch_memories(replacements: Replacements, { memory, made, grow, imports }: Listener): void {
  const plain = WebAssembly.Memory;
  replacements.functions(plain.prototype, ['grow'], (make, given) => {
    grow?.(given[0] as number);
    return make();
  });
  replacements.constructors(WebAssembly, ['Memory'], (make) => {
    memory?.();
    const one = make() as WebAssembly.Memory;
    made?.(one);
    return one;
  });
  replacements.constructors(WebAssembly, ['Instance'], (make, given) => {
    const module = given[0] as WebAssembly.Module;
    const own =
      WebAssembly.Module.exports(module).some(({ kind }) => kind === 'memory') &&
      !WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory');
    if (own) memory?.();
    if (imports) (given as unknown[])[1] = { ...(given[1] as WebAssembly.Imports | undefined), ...imports };
    const instance = make() as WebAssembly.Instance;
    if (own) for (const item of Object.values(instance.exports)) if (item instanceof plain) made?.(item);
    return instance;
  });
}

/** How many bytes were asked for from now on, until it is stopped. */
export class AllocationCounter {
  /** All of them, garbage or not. */
  bytes = 0;
  /** The most at a time. */
  largest = 0;
  readonly stop: () => void;

  constructor() {
    const count = (bytes: number): void => {
      this.bytes += bytes;
      this.largest = Math.max(this.largest, bytes);
    };
    this.stop = watch_allocations({
      buffer: count,
      of_node: count,
      made: (memory) => count(memory.buffer.byteLength),
      grow: (pages) => count(pages * 65_536),
    });
  }

  /** From 0 again. */
  reset(): void {
    this.bytes = this.largest = 0;
  }
}
