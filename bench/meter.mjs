// Counts what passes between a program and a GPU, at WebGPU's own interface: ours and the peer's are metered alike. Runs in
// a browser's worker, before whoever is metered.

/** Bits of GPUMapMode. */
const READ = 1;

const ZERO = { dispatches: 0, submits: 0, uploaded: 0, read: 0, pipelines: 0, compile: 0 };
let seen = { ...ZERO };

/** Pipelines that are being compiled, and since when there have been any. */
let [pending, since] = [0, 0];

/** Calls `note(this, ...arguments)` at every call of a method, and `done` where what it gives is ready. */
function tap(prototype, name, note, done) {
  const method = prototype[name];
  prototype[name] = function (...given) {
    note(this, ...given);
    const result = method.apply(this, given);
    if (done) result.then(done, done);
    return result;
  };
}

function asked() {
  seen.pipelines++;
  if (pending++ === 0) since = performance.now();
}

function compiled() {
  if (--pending === 0) seen.compile += performance.now() - since;
}

/** Bytes of a writeBuffer: offset and size count elements of a typed array. */
const written = (data, from = 0, size = undefined) => {
  const each = data.BYTES_PER_ELEMENT ?? 1;
  return (size ?? data.byteLength / each - from) * each;
};

/** Begins to count. */
export function start() {
  if (!globalThis.GPUDevice) throw new Error('this browser has no WebGPU');
  tap(GPUDevice.prototype, 'createComputePipelineAsync', asked, compiled);
  tap(GPUDevice.prototype, 'createComputePipeline', () => seen.pipelines++);
  tap(GPUDevice.prototype, 'createBuffer', (_, { size, mappedAtCreation }) => {
    if (mappedAtCreation) seen.uploaded += size;
  });
  tap(GPUQueue.prototype, 'writeBuffer', (_, __, ___, ...data) => (seen.uploaded += written(...data)));
  tap(GPUQueue.prototype, 'submit', () => seen.submits++);
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'])
    tap(GPUComputePassEncoder.prototype, name, () => seen.dispatches++);
  tap(GPUBuffer.prototype, 'mapAsync', (buffer, mode, from = 0, size = buffer.size - from) => {
    if (mode & READ) seen.read += size;
  });
}

/**
 * What was counted since the last call: `dispatches`, `submits`, `uploaded` and `read` in bytes, `pipelines`; `compile`, ms
 * in which pipelines were compiled, of those that were asked for asynchronously (others do not say when they are ready).
 */
export function take() {
  const taken = seen;
  seen = { ...ZERO };
  return taken;
}
