// A tower of a model in a Worker: loads it from a URL or from R2, embeds the body of the request, and says how much memory
// all instances of WebAssembly that were alive had at most. The JavaScript heap is watched from outside.

import { Align } from 'align-wasm';

/** Memories of instances that nobody has collected yet. */
const memories = new Set();
let peak = 0;

function look() {
  let bytes = 0;
  const all = Array.from(memories, (ref) => ref.deref()?.buffer.byteLength ?? 0);
  for (const b of all) bytes += b;
  if (bytes > peak) console.log(...all);
  peak = Math.max(peak, bytes);
}

const { Instance, Memory } = WebAssembly;
const { grow } = Memory.prototype;
Memory.prototype.grow = function (pages) {
  const before = grow.call(this, pages);
  look();
  return before;
};
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    for (const value of Object.values(this.exports))
      if (value instanceof Memory) memories.add(new WeakRef(value));
    look();
  }
};

/** An object of R2 as a byte source. */
async function from_r2(bucket, key) {
  const { size } = await bucket.head(key);
  const read = async (start, end) => {
    const object = await bucket.get(key, { range: { offset: start, length: end - start } });
    return new Uint8Array(await object.arrayBuffer());
  };
  return { name: key, size, read };
}

export default {
  async fetch(request, { MODELS }) {
    const { searchParams } = new URL(request.url);
    if (request.method === 'PUT') {
      await MODELS.put(searchParams.get('key'), request.body);
      return new Response(null, { status: 204 });
    }
    const model = searchParams.get('model') ?? (await from_r2(MODELS, searchParams.get('key')));
    const options = JSON.parse(searchParams.get('options'));
    peak = 0;
    try {
      const align = await Align.load(model, options);
      const embedding =
        options.towers === 'text'
          ? await align.embed_text(await request.text())
          : await align.embed_image(await request.arrayBuffer());
      look();
      align.dispose();
      return Response.json({ embedding: Array.from(embedding), wasm: peak });
    } catch ({ code, message, detail }) {
      return Response.json({ code, message, detail, wasm: peak });
    }
  },
};
