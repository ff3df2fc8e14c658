// What becomes of a model whose worker ends, whose calls are aborted, that is disposed: never a hang, never a worker left.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { ByteSource } from '../../src/host/checkpoint/source.ts';
import type { AlignError } from '../../src/host/errors.ts';
import { AlignModel } from '../../src/host/models.ts';
import { serve_folder } from '../../src/host/offload/folder.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import type { ModelWorker } from '../../src/host/platform/platform.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { crash, watch_workers } from '../support/model_workers.ts';
import { bits } from '../support/random_models.ts';

const TEXT = { input_ids: ids([[1, 2, 3, 4]]) };
const PICTURE = { pixel_values: pixels(1, 33, 47) };
const LARGE = { pixel_values: pixels(8, 160, 160) };
const PHOTO = fileURLToPath(new URL('../runtimes/photos/rotated.jpg', import.meta.url));
const NONE = { weights: 0, arena: 0, total: 0 };

const load = (options: LoadOptions = {}): Promise<AlignModel> =>
  AlignModel.from_pretrained(golden('odd'), { device: 'wasm', worker: true, ...options });
const everything = async (model: AlignModel): Promise<object> =>
  bits(await model.forward({ ...TEXT, ...PICTURE, output_hidden_states: true }));
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resume) => setImmediate(resume));
};
const soon = (): Promise<void> => new Promise((resume) => setTimeout(resume, 10));

let model: AlignModel;
afterEach(() => {
  vi.restoreAllMocks();
  model.dispose();
});

describe('An abort', () => {
  test('at many points of a run is heard, and the model goes on', async () => {
    const workers = watch_workers();
    model = await load();
    const expected = await everything(model);
    let aborted = 0;
    for (let count = 0; count < 60; count += 3) {
      const controller = new AbortController();
      const { signal } = controller;
      const run = model.get_image_features(LARGE, { signal, yield_ms: 0.01 });
      const outcome = run.then(
        () => 'done',
        (error: unknown) => (error as AlignError).code,
      );
      await turns(count);
      controller.abort(new Error('enough'));
      const how = await outcome;
      expect(['done', 'aborted']).toContain(how);
      if (how === 'aborted') aborted++;
      expect(await everything(model)).toEqual(expected);
    }
    expect(aborted).toBeGreaterThan(5);
    expect(workers.started).toHaveLength(1);
  });

  test('says why, ends what waits, and leaves what is behind it', async () => {
    model = await load();
    const expected = await everything(model);
    const controller = new AbortController();
    const running = refused('aborted', [], () =>
      model.get_image_features(LARGE, { signal: controller.signal }),
    );
    const waiting = refused('aborted', [], () => model.embed_text(TEXT, { signal: controller.signal }));
    const behind = everything(model);
    await soon();
    controller.abort(new Error('enough'));
    expect(String((await running).cause)).toContain('enough');
    await waiting;
    expect(await behind).toEqual(expected);
  });

  test('of loading ends the worker', async () => {
    const workers = watch_workers();
    model = await load();
    for (let count = 0; count < 40; count += 8) {
      const controller = new AbortController();
      const loading = load({ signal: controller.signal });
      const outcome = loading.then(
        (loaded) => loaded.dispose(),
        (error: unknown) => (error as AlignError).code,
      );
      await turns(count);
      controller.abort();
      expect([undefined, 'aborted']).toContain(await outcome);
    }
    let heard = 0;
    const { signal, abort } = aborter();
    await refused('aborted', [], () =>
      load({
        signal,
        progress_callback: ({ status }) => {
          if (status === 'progress' && ++heard === 3) abort();
        },
      }),
    );
    expect(heard).toBe(3);
    await vi.waitFor(() => expect(workers.gone).toBe(workers.started.length - 1));
  });

  test('of loading closes a file that is being opened', async () => {
    const close = vi.fn(() => Promise.resolve());
    const source: ByteSource = { name: 'a file', size: 0, read: () => Promise.reject(new Error()), close };
    const nothing = (): Promise<null> => Promise.resolve(null);
    const folder = { name: 'a folder', open: () => Promise.resolve(source), text: nothing, json: nothing };
    const served = serve_folder(folder, undefined);
    const opening = served.handlers['open']!('model.safetensors' as never, undefined);
    served.close();
    await opening;
    expect(close).toHaveBeenCalledOnce();
  });

  test('of pictures on their way', async () => {
    const align = await Align.load(undefined, { device: 'wasm', worker: true });
    model = align.model;
    const photo = await readFile(PHOTO);
    const expected = await align.embed_image(photo);
    for (let count = 0; count < 30; count += 5) {
      const { signal, abort } = aborter();
      const run = align.embed_image(Array<Uint8Array>(20).fill(photo), { signal });
      const stopped = refused('aborted', [], () => run);
      await turns(count);
      abort();
      await stopped;
      expect(await align.embed_image(photo)).toEqual(expected);
    }
  });
});

describe('A lost worker', () => {
  test.each([
    ['that is ended', (worker) => void worker.end()],
    ['that crashes', crash],
  ] as [string, typeof crash][])('%s: worker_lost, and the next call starts another', async (_, lose) => {
    const workers = watch_workers();
    model = await load({ threads: 2 });
    const expected = await everything(model);
    const begun = run_sent(workers.started[0]!);
    const running = refused('worker_lost', ['gone'], () => model.get_image_features(LARGE, { yield_ms: 1 }));
    await begun;
    const waiting = everything(model);
    lose(workers.started[0]!);
    await running;
    expect(await waiting).toEqual(expected); // it had not begun
    expect(await everything(model)).toEqual(expected);
    expect(workers.started).toHaveLength(2);
    expect(model.threads).toBe(2);
    expect(model.memory.weights).toBeGreaterThan(0);
  });

  test('between calls is replaced', async () => {
    const workers = watch_workers();
    const align = await Align.load(undefined, { device: 'wasm', worker: true });
    model = align.model;
    const expected = await align.embed_image(PHOTO);
    await workers.started[0]!.end();
    await turns(3);
    expect(await align.embed_image(PHOTO)).toEqual(expected); // the picture is the first that asks
    await workers.started[1]!.end();
    await turns(3);
    expect((await align.embed_text('dog')).length).toBe(expected.length);
    expect(workers.started).toHaveLength(3);
  });

  test('at every moment of a run ends in an error or the right bits', async () => {
    const workers = watch_workers();
    model = await load();
    const expected = await everything(model);
    for (let count = 0; count < 24; count += 4) {
      const outcome = everything(model).catch((error: unknown) => (error as AlignError).code);
      await turns(count);
      await workers.started.at(-1)!.end();
      expect(['worker_lost', expected]).toContainEqual(await outcome);
      expect(await everything(model)).toEqual(expected);
    }
  });

  test('while loading is worker_lost', async () => {
    const workers = watch_workers();
    model = await load();
    const loading = refused('worker_lost', ['gone'], () => load());
    await vi.waitFor(() => expect(workers.started).toHaveLength(2));
    crash(workers.started[1]!);
    await loading;
  });

  test('that cannot be replaced is worker_lost again, without a hang', async () => {
    const workers = watch_workers();
    model = await load();
    await workers.started[0]!.end();
    await turns(3);
    const { signal } = aborter();
    const again = refused('worker_lost', [], () => model.embed_text(TEXT, { signal }));
    await vi.waitFor(() => expect(workers.started).toHaveLength(2));
    crash(workers.started[1]!);
    await again;
    expect((await model.embed_text(TEXT)).dims).toEqual([1, 27]);
  });
});

describe('Disposing', () => {
  test('ends the worker, what runs and what waits', async () => {
    const workers = watch_workers();
    model = await load({ threads: 2 });
    const running = refused('disposed', [], () => model.get_image_features(LARGE));
    const waiting = refused('disposed', [], () => model.embed_text(TEXT));
    await soon();
    model.dispose();
    model.dispose();
    await Promise.all([running, waiting]);
    await refused('disposed', [], () => model.embed_text(TEXT));
    expect(model.memory).toEqual(NONE);
    await vi.waitFor(() => expect(workers.gone).toBe(1));
  });

  test('by the end of a block', async () => {
    const workers = watch_workers();
    model = await load();
    const { asyncDispose } = Symbol as unknown as { asyncDispose: symbol };
    await (model as unknown as Record<symbol, () => Promise<void>>)[asyncDispose]!();
    await vi.waitFor(() => expect(workers.gone).toBe(1));
  });

  test('100 models leave no worker', async () => {
    const workers = watch_workers();
    for (let round = 0; round < 20; round++) {
      const models = await Promise.all(Array.from({ length: 5 }, () => load()));
      await models[0]!.get_text_features(TEXT);
      models.forEach((each) => each.dispose());
    }
    expect(workers.started).toHaveLength(100);
    await vi.waitFor(() => expect(workers.gone).toBe(100));
  }, 180_000);

  test('is not needed for a process to end, which waits for calls under way alone', async () => {
    const script = fileURLToPath(new URL('../support/live_worker.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 50_000 });
    expect(stdout).toBe('a vector\n');
  });
});

/** Resolves when the worker is sent its next run: then that has begun and cannot be over. */
function run_sent(worker: ModelWorker): Promise<void> {
  const post = worker.post.bind(worker);
  return new Promise((sent) => {
    worker.post = (message, transfer) => {
      post(message, transfer);
      if ((message as { what?: string } | null)?.what === 'run') sent();
    };
  });
}

function aborter(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
