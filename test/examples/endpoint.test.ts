// examples/endpoint.js by itself: limits that the examples set too high to be met in a test.

import { expect, test, vi } from 'vitest';
import { picture_endpoint } from '../../examples/endpoint.js';
import { AlignError } from '../../src/host/errors.ts';

type Classify = (picture: Uint8Array, options: { signal: AbortSignal }) => Promise<unknown>;

const LIMITS = { about: {}, max_bytes: 1000, max_held: 2000, max_ms: 50, max_requests: 4 };
const size: Classify = (picture) => Promise.resolve(picture.length);

/** The status, the code or labels, and Retry-After of an answer. */
async function ask(answer: ReturnType<typeof picture_endpoint>, body: BodyInit): Promise<unknown[]> {
  const init = { method: 'POST', body, duplex: 'half' };
  const response = await answer(new Request('http://localhost/', init));
  const { labels, error } = (await response.json()) as { labels?: unknown; error?: { code: string } };
  return [response.status, labels ?? error?.code, response.headers.get('retry-after')];
}

/** A body of chunks, each filled with its number, which ends when `end` does. */
const chunks = (sizes: readonly number[], end: Promise<void> = Promise.resolve()): ReadableStream =>
  new ReadableStream({
    async start(controller) {
      for (const [i, n] of sizes.entries()) controller.enqueue(new Uint8Array(n).fill(i));
      await end;
      controller.close();
    },
  });

/** A promise with its `resolve`. */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

test('a body is put together from its chunks, up to the last byte allowed', async () => {
  const answer = picture_endpoint({ ...LIMITS, classify: (picture) => Promise.resolve([...picture]) });
  const sizes = [1, 2, 300, 600, 97];
  const bytes = sizes.flatMap((n, i) => Array<number>(n).fill(i));
  expect(await ask(answer, chunks(sizes))).toEqual([200, bytes, null]);
  expect(await ask(answer, chunks([1, 999, 1]))).toEqual([413, 'too_large', null]);
  expect(await ask(answer, new Uint8Array(1001))).toEqual([413, 'too_large', null]);
});

test('an address that is none is at fault itself: nothing is logged', async () => {
  const log = vi.spyOn(console, 'error');
  const answer = picture_endpoint({ ...LIMITS, classify: size });
  for (const method of ['GET', 'POST']) {
    // As Deno makes it of "Host: [".
    const request = Object.defineProperty(new Request('http://localhost/', { method }), 'url', {
      value: 'http://[/',
    });
    const response = await answer(request);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'invalid_argument' } },
    ]);
  }
  expect(log).not.toHaveBeenCalled();
  log.mockRestore();
});

test('a body that does not come in time is given up, as is a picture that takes too long', async () => {
  const { promise, resolve } = deferred();
  const answer = picture_endpoint({ ...LIMITS, classify: size });
  expect(await ask(answer, chunks([10], promise))).toEqual([408, 'aborted', null]);
  const slow: Classify = (_, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new AlignError('aborted', 'The call was aborted'))),
    );
  expect(await ask(picture_endpoint({ ...LIMITS, classify: slow }), 'a picture')).toEqual([503, 'busy', '1']);
  resolve();
});

test('more requests than may be there at a time are turned away, and later ones answered', async () => {
  const { promise, resolve } = deferred();
  const answer = picture_endpoint({ ...LIMITS, max_ms: 10_000, classify: size });
  const first = Array.from({ length: 4 }, () => ask(answer, chunks([10], promise)));
  expect(await ask(answer, 'a picture')).toEqual([503, 'busy', '1']);
  resolve();
  for (const each of first) expect(await each).toEqual([200, 10, null]);
  expect(await ask(answer, 'a picture')).toEqual([200, 9, null]);
});

test('where the memory for all is in use, large pictures are turned away and small ones are not', async () => {
  const { promise, resolve } = deferred();
  const answer = picture_endpoint({ ...LIMITS, max_ms: 10_000, classify: size });
  const first = [1000, 1000].map((n) => ask(answer, chunks([n], promise)));
  await vi.waitFor(async () => expect(await ask(answer, chunks([501]))).toEqual([503, 'busy', '1']));
  expect(await ask(answer, chunks([500]))).toEqual([200, 500, null]);
  resolve();
  for (const each of first) expect(await each).toEqual([200, 1000, null]);
  expect(await ask(answer, chunks([1000]))).toEqual([200, 1000, null]);
});

test('what is not about the picture is not told to the client, but logged', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const fault = new AlignError('trap', 'memory access out of bounds');
  const answer = picture_endpoint({ ...LIMITS, classify: () => Promise.reject(fault) });
  expect(await ask(answer, 'a picture')).toEqual([500, 'internal', null]);
  expect(log).toHaveBeenCalledExactlyOnceWith(fault);
  log.mockRestore();
});
