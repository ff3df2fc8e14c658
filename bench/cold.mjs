// One cold start, phase by phase, in ms: in Node and Deno a process of its own (`node cold.mjs ours`), in a browser a worker.

const here = (path) => new URL(path, import.meta.url);
const in_browser = here('').protocol !== 'file:';
const read = async (url) =>
  in_browser
    ? new Uint8Array(await (await fetch(url)).arrayBuffer())
    : (await import('node:fs/promises')).readFile(url);

/** Times what is awaited, one after the other. */
function stopwatch() {
  const times = {};
  return {
    times,
    async time(phase, work) {
      const begin = performance.now();
      const value = await work();
      times[phase] = performance.now() - begin;
      return value;
    },
  };
}

/** The package and its embedded model. */
export async function ours() {
  const { times, time } = stopwatch();
  const picture = await read(here('../examples/pictures/sailboat.png'));
  const bytes = await read(here('../dist/align.wasm'));
  const { Align } = await time(
    'import',
    () => import(in_browser ? '../dist/bundle/index.js' : '../dist/index.js'),
  );
  const wasm = await time('compile + instantiate', async () => {
    const module = await WebAssembly.compile(bytes);
    await WebAssembly.instantiate(module);
    return module;
  });
  const align = await time('load the embedded model', () => Align.load(undefined, { wasm, device: 'wasm' }));
  await time('first answer, a text', () => align.embed_text('a sailboat'));
  await time('first answer, a picture', () => align.embed_image(picture));
  return times;
}

/** onnxruntime-web with the least model there is, y = x: what it takes without any weights. */
export async function onnxruntime_web() {
  const { times, time } = stopwatch();
  const name = in_browser
    ? './peers/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs'
    : './peers/onnxruntime_web.mjs';
  const ort = await time('import', async () => {
    const module = await import(name);
    return module.default ?? module;
  });
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const session = await time('compile + instantiate', () => ort.InferenceSession.create(identity_model()));
  const x = new ort.Tensor('float32', new Float32Array(4), [4]);
  await time('first answer, a text', () => session.run({ x }));
  return times;
}

/** An ONNX file by hand: ir_version 8, opset 13, one Identity from x to y, both float [4]. */
export function identity_model() {
  const field = (number, bytes) => [(number << 3) | 2, bytes.length, ...bytes];
  const integer = (number, value) => [number << 3, value];
  const text = (value) => [...new TextEncoder().encode(value)];
  const shape = field(2, field(1, integer(1, 4)));
  const value = (name) => [...field(1, text(name)), ...field(2, field(1, [...integer(1, 1), ...shape]))];
  const node = [...field(1, text('x')), ...field(2, text('y')), ...field(4, text('Identity'))];
  const graph = [
    ...field(1, node),
    ...field(2, text('g')),
    ...field(11, value('x')),
    ...field(12, value('y')),
  ];
  return new Uint8Array([...integer(1, 8), ...field(7, graph), ...field(8, integer(2, 13))]);
}

if (!in_browser && globalThis.process?.argv[1] === here('').pathname) {
  const times = await { ours, onnxruntime_web }[process.argv[2]]();
  console.log(JSON.stringify(times));
  process.exit(0);
}
