// Where the bytes of a picture come from, when that goes wrong: streams that stall or give something else, sources that were
// read before, that are too large, or that are gone; and the caller's own memory, which may change meanwhile.

import { execFileSync } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawImage, type ImageInput } from '../../src/host/image.ts';
import { image_bytes, MAX_IMAGE_BYTES } from '../../src/host/processor/image_bytes.ts';
import { refused } from '../support/bad_calls.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';
import { make_png } from '../support/png.ts';

const kind = { width: 1, height: 1, colour: 0, depth: 8, interlaced: false };
const PNG = new Uint8Array(make_png(kind, [deflateSync(Uint8Array.of(0, 7))]));
const FILE = "The picture's file";

let folder: string;
let server: HostileServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-image-bytes-'));
  server = await hostile_server({ '/a.png': PNG });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A stream that gives `parts` and then nothing, neither more nor its end. */
function stalled(parts: readonly Uint8Array[] = [], cancel?: () => void | Promise<void>): ReadableStream {
  return new ReadableStream({
    start: (controller) => parts.forEach((part) => controller.enqueue(part)),
    pull: () => new Promise(() => undefined),
    ...(cancel && { cancel }),
  });
}

const stream_of = (...parts: unknown[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      parts.forEach((part) => controller.enqueue(part));
      controller.close();
    },
  });

describe('An abort is heard', () => {
  /** Aborts once the call waits, and is refused before the test's time is up. */
  async function aborted(input: ImageInput): Promise<void> {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await refused('aborted', [], () => RawImage.read(input, { signal: controller.signal }));
  }

  test('by a stream that stalls, which is cancelled and free again', async () => {
    for (const parts of [[], [PNG.subarray(0, 20)]]) {
      let cancelled = false;
      const stream = stalled(parts, () => void (cancelled = true));
      await aborted(stream);
      expect([cancelled, stream.locked]).toEqual([true, false]);
    }
  });

  test('by a stream whose cancelling never ends', () =>
    aborted(stalled([], () => new Promise(() => undefined))));

  test('by a response that stalls', () => aborted(new Response(stalled([PNG.subarray(0, 20)]))));

  test('by a Blob that is never read', async () => {
    class Slow extends Blob {
      override arrayBuffer = (): Promise<ArrayBuffer> => new Promise(() => undefined);
    }
    await aborted(new Slow([PNG]));
  });

  test('by a URL without an answer, or without an end, whose connection is closed', async () => {
    for (const answer of [false, true]) {
      server.fault = ({ response }) => {
        if (answer) response.writeHead(200).write(PNG.subarray(0, 20));
        return true;
      };
      await aborted(`${server.url}/a.png`);
      await expect.poll(() => server.under_way.size).toBe(0);
    }
    server.fault = null;
    expect((await RawImage.read(`${server.url}/a.png`)).data[0]).toBe(7);
  });

  test('by a path that is a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await aborted(pipe);
    await (await open(pipe, 'r+')).close(); // whoever still opens it goes on
  });

  test('by a stream of empty parts without end', () =>
    aborted(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(0)) })));

  test('by raw samples', async () => {
    const signal = AbortSignal.abort();
    const raw = { data: new Uint8Array(3), width: 1, height: 1 };
    await refused('aborted', [], () => RawImage.read(raw, { signal }));
  });
});

describe('A stream', () => {
  test('in parts of any size gives the same bytes', async () => {
    const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
    const cuts = [0, 0, 1, 2, 2, 70_000, 70_001, 136_000, 299_999, 300_000, 300_000];
    const parts = cuts.slice(1).map((end, i) => large.subarray(cuts[i], end));
    expect(await image_bytes(stream_of(...parts))).toEqual(large);
    const bytes = Array.from(PNG, (byte) => Uint8Array.of(byte));
    expect(await image_bytes(stream_of(...bytes))).toEqual(PNG);
    expect(await image_bytes(stream_of(PNG.buffer.slice(0, 20), new DataView(PNG.buffer, 20)))).toEqual(PNG);
  });

  test('of many parts lets timers fire', async () => {
    let fired = false;
    setTimeout(() => (fired = true), 1);
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (fired) controller.close();
        else controller.enqueue(new Uint8Array(0));
      },
    });
    await refused('corrupt_image', ['no bytes'], () => RawImage.read(stream));
  });

  test.each([
    ['abc', '"abc"'],
    [5, '5'],
    [null, 'null'],
    [{ length: -5 }, 'Object'],
    [[1, 2], '[1, 2]'],
    [10n, '10'],
    [Symbol('a'), 'Symbol(a)'],
  ])('of %o is refused, naming it', async (part, shown) => {
    await refused('invalid_argument', [`${FILE} is a stream of ${shown}, not of bytes`], () =>
      RawImage.read(stream_of(part)),
    );
  });

  test('that breaks off is a network error that says why', async () => {
    const stream = new ReadableStream({ start: (controller) => controller.error(new Error('lost')) });
    await refused('network', ['broke off', 'lost'], () => RawImage.read(stream));
  });

  test('that was read before, or is being read, is refused, as is a response', async () => {
    const consumed = new Response(PNG);
    await consumed.arrayBuffer();
    const read_body = new Response(PNG);
    read_body.body!.getReader();
    const locked = stream_of(PNG);
    locked.getReader();
    const twice = stream_of(PNG);
    const reading = RawImage.read(twice);
    for (const input of [twice, consumed, read_body, locked])
      await refused('invalid_argument', ['reader already', 'only once'], () => RawImage.read(input));
    expect((await reading).data[0]).toBe(7);
  });
});

describe('More than 64 MiB', () => {
  const mebibyte = new Uint8Array(2 ** 20);

  test('of a stream without end is read no further', async () => {
    let parts = 0;
    const stream = new ReadableStream({
      pull(controller) {
        parts++;
        controller.enqueue(mebibyte);
      },
    });
    await refused('too_large', [FILE, String(MAX_IMAGE_BYTES)], () => RawImage.read(stream));
    expect(parts).toBeLessThan(70);
  });

  test('behind a URL are read no further', async () => {
    let sent = 0;
    server.fault = ({ response }) => {
      const more = (): void => {
        while (!response.destroyed && sent < 400) {
          sent++;
          if (!response.write(mebibyte)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
      return true;
    };
    await refused('too_large', [String(MAX_IMAGE_BYTES)], () => RawImage.read(`${server.url}/a.png`));
    await expect.poll(() => server.under_way.size).toBe(0);
    expect(sent).toBeLessThan(200);
    server.fault = null;
  });

  test('of bytes or a Blob', async () => {
    const bytes = new Uint8Array(MAX_IMAGE_BYTES + 1);
    await refused('too_large', [FILE], () => RawImage.read(bytes));
    await refused('too_large', [FILE], () => RawImage.read(new Blob([bytes])));
  });
});

describe('What cannot be read', () => {
  test('a file that has changed or is gone since it was chosen', async () => {
    const path = join(folder, 'chosen.png');
    await writeFile(path, PNG);
    const changed = await openAsBlob(path);
    await writeFile(path, new Uint8Array(500));
    await refused('not_found', [`${FILE} cannot be read`], () => RawImage.read(changed));
    const gone = await openAsBlob(path);
    await rm(path);
    await refused('not_found', [`${FILE} cannot be read`], () => RawImage.read(gone));
  });

  test('memory that was given away', async () => {
    const bytes = PNG.slice();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    for (const input of [bytes, bytes.buffer])
      await refused('invalid_argument', [`${FILE} cannot be read`, 'detached'], () => RawImage.read(input));
  });

  test('what only looks like a source', async () => {
    for (const { prototype } of [Blob, Response, ReadableStream, URL])
      await refused('invalid_argument', [`${FILE} cannot be read`], () =>
        RawImage.read(Object.create(prototype) as ImageInput),
      );
  });

  test('an empty path, and URLs that lead to no picture', async () => {
    await refused('invalid_argument', ['path is empty'], () => RawImage.read(''));
    for (const url of ['data:', 'data:x', 'data:image/png;base64,@@', 'javascript:1', 'ftp://a/b'])
      await refused('invalid_argument', [JSON.stringify(url), 'cannot be read'], () => RawImage.read(url));
  });
});

test("the caller's memory may change while its picture is read", async () => {
  const buffer = new (ArrayBuffer as unknown as new (size: number, o: object) => ArrayBuffer)(PNG.length, {
    maxByteLength: 999,
  }) as ArrayBuffer & { resize(size: number): void };
  const bytes = new Uint8Array(buffer);
  bytes.set(PNG);
  const image = RawImage.read(bytes);
  await Promise.resolve();
  buffer.resize(10);
  expect((await image).data[0]).toBe(7);
});

test('bytes of another realm are bytes', async () => {
  const context = { given: PNG };
  for (const code of ['Uint8Array.from(given)', 'Uint8Array.from(given).buffer'])
    expect((await RawImage.read(runInNewContext(code, context) as Uint8Array)).data[0]).toBe(7);
});
