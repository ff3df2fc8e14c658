// A tower of a model in a Worker: loads it from a URL or from R2 and embeds the body of the request. `look` is where somebody
// looks at the heap from outside; he is told how much memory the instances of WebAssembly had at most since the last time.

import { Align } from 'align-wasm';

/** Memories of instances that nobody has collected yet. */
const memories = new Set();
let peak = 0;

function count() {
  let bytes = 0;
  for (const ref of memories) bytes += ref.deref()?.buffer.byteLength ?? 0;
  peak = Math.max(peak, bytes);
  return bytes;
}

const { Instance, Memory } = WebAssembly;
const { grow } = Memory.prototype;
Memory.prototype.grow = function (pages) {
  const before = grow.call(this, pages);
  count();
  return before;
};
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    for (const value of Object.values(this.exports))
      if (value instanceof Memory) memories.add(new WeakRef(value));
    count();
  }
};

/** An object of R2 as a byte source; every read is looked at while it is in memory. */
async function from_r2(bucket, key, look) {
  const { size } = await bucket.head(key);
  const read = async (start, end) => {
    const object = await bucket.get(key, { range: { offset: start, length: end - start } });
    const bytes = new Uint8Array(await object.arrayBuffer());
    await look();
    return bytes;
  };
  return { name: key, size, read };
}

export default {
  async fetch(request, { MODELS }) {
    const { searchParams } = new URL(request.url);
    const key = searchParams.get('key');
    if (request.method === 'PUT') {
      await MODELS.put(key, request.body);
      return new Response(null, { status: 204 });
    }
    const look = async (phase = '') => {
      const bytes = count();
      await fetch(`${searchParams.get('look')}?wasm=${peak}&phase=${phase}`);
      if (phase) peak = bytes;
    };
    const options = JSON.parse(searchParams.get('options'));
    try {
      const model = searchParams.get('model') ?? (await from_r2(MODELS, key, look));
      const align = await Align.load(model, options);
      await look('load');
      const embedding =
        options.towers === 'text'
          ? await align.embed_text(await request.text())
          : await align.embed_image(await request.arrayBuffer());
      await look('answer');
      align.dispose();
      return Response.json({ embedding: Array.from(embedding) });
    } catch ({ code, message, detail }) {
      return Response.json({ code, message, detail });
    }
  },
};
