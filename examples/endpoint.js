// What a public endpoint needs around a model: POST a picture, get its labels as JSON. examples/deno and
// examples/cloudflare both answer by this.

/** What a request gets that is not answered: a status, and JSON with a code for programs and a message for people. */
class Refusal extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

/** The statuses of AlignErrors that are about the picture. Any other error is ours. */
const PICTURE = { invalid_argument: 400, too_large: 413, unsupported_image: 415, corrupt_image: 422 };

const busy = (message) => new Refusal(503, 'busy', message, { 'retry-after': '1' });

/**
 * Makes a handler of requests from `classify(bytes, { signal })`; `about` is what GET / says. The limits: bytes of one
 * picture's file and of all that are here, ms until a request is answered or given up, requests at a time.
 */
export function picture_endpoint({ about, classify, max_bytes, max_held, max_ms, max_requests }) {
  const limits = { max_bytes, max_ms };
  let [requests, held] = [0, 0];

  const too_large = () =>
    new Refusal(413, 'too_large', `A picture's file may have ${max_bytes} bytes, this one has more`);

  /** Fills `buffer` with a body as it comes. Chunks are copied: a byte may keep a large buffer of the runtime's alive. */
  async function receive(body, buffer, signal) {
    let count = 0;
    let full = false;
    for (;;) {
      const { done, value } = await body.read(signal);
      if (done && full) throw busy('Too many large pictures are on their way: try again');
      if (done) return;
      const at = count;
      count += value.length;
      if (count > max_bytes) throw too_large();
      // Where the memory for all is in use, small pictures still have their share of it; what is larger is only counted.
      full ||= held + value.length > max_held && count > max_held / max_requests;
      held += full ? -buffer.byteLength : value.length;
      buffer.resize(full ? 0 : count);
      if (!full) new Uint8Array(buffer, at).set(value);
    }
  }

  async function labels_of({ headers }, body) {
    if (Number(headers.get('content-length')) > max_bytes) throw too_large();
    if (body === null) throw new Refusal(400, 'invalid_argument', 'Send the bytes of a picture');
    const signal = AbortSignal.timeout(max_ms);
    const buffer = new ArrayBuffer(0, { maxByteLength: max_bytes });
    try {
      await receive(body, buffer, signal).catch((error) => {
        if (error instanceof Refusal) throw error;
        if (signal.aborted) throw new Refusal(408, 'aborted', `The picture was not here after ${max_ms} ms`);
        throw new Refusal(400, 'invalid_argument', 'The body broke off');
      });
      const picture = await picture_in(buffer, headers.get('content-type'));
      return await classify(picture, { signal }).catch((error) => {
        throw signal.aborted ? busy(`No answer within ${max_ms} ms: try again`) : error;
      });
    } finally {
      held -= buffer.byteLength;
    }
  }

  async function answer(request, body) {
    const { method, url } = request;
    if (!URL.canParse(url)) throw new Refusal(400, 'invalid_argument', 'The address is malformed');
    if (new URL(url).pathname !== '/') throw new Refusal(404, 'not_found', 'There is / alone');
    if (method === 'GET' || method === 'HEAD') return Response.json({ ...about, limits });
    if (method !== 'POST')
      throw new Refusal(405, 'method_not_allowed', 'POST a picture', { allow: 'GET, HEAD, POST' });
    if (requests >= max_requests) throw busy('Too many requests at a time: try again');
    requests++;
    try {
      return Response.json({ labels: await labels_of(request, body) });
    } finally {
      requests--;
    }
  }

  return async (request) => {
    const body = request.body && new Body(request.body);
    try {
      return await answer(request, body);
    } catch (error) {
      await body?.discard();
      return refused(error);
    }
  };
}

/**
 * A body that is read for so long and no longer. A read that nobody waits for is left alone and ends with its connection: of
 * each that is cancelled Deno 2.9 keeps 64 KB for good, and workerd lets nobody release a reader that has one.
 */
class Body {
  #reader;
  #reading = false;

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  /** The next chunk, or a rejection when the signal comes first. */
  read(signal) {
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.throwIfAborted();
      signal.addEventListener('abort', stop);
      this.#reading = true;
      const settled = this.#reader.read().finally(() => {
        this.#reading = false;
        signal.removeEventListener('abort', stop);
      });
      settled.then(resolve, reject);
    });
  }

  /** Reads what is left, for a second: a client that is still sending might miss its answer. */
  async discard() {
    if (this.#reading) return;
    const signal = AbortSignal.timeout(1000);
    try {
      while (!(await this.read(signal)).done);
    } catch {
      // It broke off, or there is more.
    }
  }
}

/** The picture in a body: the body itself, or the first file of a form. */
async function picture_in(buffer, type) {
  if (buffer.byteLength === 0) throw new Refusal(400, 'invalid_argument', 'The picture is empty');
  if (!/^multipart\/form-data\b/i.test(type ?? '')) return new Uint8Array(buffer);
  const form = await new Response(buffer.slice(), { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new Refusal(400, 'invalid_argument', 'The form is malformed');
    });
  const file = [...form.values()].find((value) => value instanceof Blob && value.size > 0);
  if (!file) throw new Refusal(400, 'invalid_argument', 'The form has no file in it');
  return new Uint8Array(await file.arrayBuffer());
}

/** An error as JSON. Of what is not the client's business only that it happened: the log has the rest. */
function refused(error) {
  const { code, message, headers } = error;
  const status = error instanceof Refusal ? error.status : error.name === 'AlignError' && PICTURE[code];
  if (status) return Response.json({ error: { code, message } }, { status, headers });
  console.error(error);
  return Response.json({ error: { code: 'internal', message: 'Something went wrong' } }, { status: 500 });
}
