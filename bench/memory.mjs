// The most memory that loading and running once takes, in a process of its own: WebAssembly memory, JavaScript heap and
// array buffers together. Node's `external` is no help: whether it counts WebAssembly memory depends on the version.

const memories = new Set();
let peak = 0;

/** Takes one look: every WebAssembly.Memory, the heap, and every buffer outside it. */
function look() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  let bytes = heapUsed + arrayBuffers;
  for (const memory of memories) bytes += memory.buffer.byteLength;
  peak = Math.max(peak, bytes);
}

/** Sees every memory that is made or exported from here on, and looks whenever one grows. */
function watch() {
  const { Memory, Instance, instantiate } = WebAssembly;
  const { grow } = Memory.prototype;
  Memory.prototype.grow = function (pages) {
    const before = grow.call(this, pages);
    look();
    return before;
  };
  const keep_exports = (instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof Memory) memories.add(value);
    return instance;
  };
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor);
      memories.add(this);
    }
  };
  WebAssembly.Instance = class extends Instance {
    constructor(module, imports) {
      super(module, imports);
      keep_exports(this);
    }
  };
  WebAssembly.instantiate = async (source, imports) => {
    const result = await instantiate(source, imports);
    keep_exports(result.instance ?? result);
    return result;
  };
}

/** Bytes at the peak of opening a contestant and running it once, and of the whole process as the system saw it. */
export async function measure_peak(module, work, options) {
  watch();
  const sampling = setInterval(look, 1);
  const contestant = await import(module);
  await contestant.open(work, options);
  look();
  await contestant.run();
  look();
  clearInterval(sampling);
  return { peak, resident: process.resourceUsage().maxRSS * 1024, arena: contestant.arena?.() ?? 0 };
}
