// Several threads: the bits of one, and no hang, whatever becomes of a thread or a call.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import binaryen from 'binaryen';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AlignError } from '../../src/host/errors.ts';
import { AlignModel } from '../../src/host/models.ts';
import { platform } from '../../src/host/platform/node.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { bits, Random, random_config, random_inputs, random_model } from '../support/random_models.ts';
import { watch_threads } from '../support/threads.ts';

const TEXT = { input_ids: ids([[1, 2, 3, 4]]) };
const PICTURE = { pixel_values: pixels(1, 33, 47) };
const LARGE = { pixel_values: pixels(8, 160, 160) };
const TAPS = { output_hidden_states: true, output_attentions: true };

const load = (threads: number): Promise<AlignModel> => AlignModel.from_pretrained(golden('odd'), { threads });
const everything = async (model: AlignModel): Promise<object> =>
  bits(await model.forward({ ...TEXT, ...PICTURE, ...TAPS }));
const soon = (): Promise<void> => new Promise((resume) => setTimeout(resume, 3));

let model: AlignModel;
afterEach(() => {
  vi.restoreAllMocks();
  model.dispose();
});

/** What one thread gives. */
async function expected(): Promise<object> {
  const one = await load(1);
  expect(one.threads).toBe(1);
  const outputs = await everything(one);
  one.dispose();
  return outputs;
}

describe('The same bits as one thread', () => {
  test.each([2, 3, 16])('with %i threads, run after run', async (threads) => {
    model = await load(threads);
    expect(model.threads).toBe(threads);
    const outputs = await expected();
    for (let i = 0; i < 5; i++) expect(await everything(model)).toEqual(outputs);
  });

  test.each(Array.from({ length: 24 }, (_, seed) => seed))('random model %i', async (seed) => {
    const random = new Random(5000 + seed);
    const config = random_config(random);
    const inputs = { ...random_inputs(random, config), ...TAPS };
    const one = await random_model(config);
    const whole = bits(await one.forward(inputs));
    const features = bits(await one.get_text_features(inputs));
    one.dispose();
    model = await random_model(config, { threads: random.integer(2, 3) });
    expect(bits(await model.forward(inputs))).toEqual(whole);
    expect(bits(await model.get_text_features(inputs))).toEqual(features);
    expect(bits(await model.forward(inputs, { yield_ms: 1 }))).toEqual(whole);
  });

  test('with several models at once', async () => {
    const outputs = await expected();
    const models = await Promise.all([load(2), load(3), load(2)]);
    const runs = models.flatMap((each) => [everything(each), everything(each)]);
    for (const run of await Promise.all(runs)) expect(run).toEqual(outputs);
    models.forEach((each) => each.dispose());
  });

  test('when memory grows under the threads', async () => {
    const one = await load(1);
    const large = bits(await one.get_image_features(LARGE));
    one.dispose();
    model = await load(2);
    const { total } = model.memory;
    expect(bits(await model.get_image_features(LARGE))).toEqual(large);
    expect(model.memory.total).toBeGreaterThan(total);
    expect(await everything(model)).toEqual(await expected());
  });
});

describe('A lost thread', () => {
  test('during a run is worker_lost; the others end, and the next call starts new ones', async () => {
    const threads = watch_threads();
    model = await load(3);
    const running = refused('worker_lost', ['A thread is gone'], () =>
      model.get_image_features(LARGE, { yield_ms: 1 }),
    );
    await soon();
    await threads.started[1]!.end();
    await running;
    expect(threads.gone).toBe(2);
    expect(await everything(model)).toEqual(await expected());
    expect(threads.started).toHaveLength(4);
  });

  test('is noticed while the caller waits for it', async () => {
    const threads = watch_threads();
    model = await load(2);
    const running = refused('worker_lost', [], () => model.get_image_features(LARGE));
    void threads.started[0]!.end();
    await running;
    expect(await everything(model)).toEqual(await expected());
  });

  test('between calls is replaced', async () => {
    const threads = watch_threads();
    model = await load(3);
    await everything(model);
    await threads.started[0]!.end();
    expect(await everything(model)).toEqual(await expected());
    expect(threads.started).toHaveLength(4);
    expect(threads.gone).toBe(2);
  });

  test('at every moment of a run ends in an error or the right bits', async () => {
    const threads = watch_threads();
    model = await load(2);
    const outputs = await expected();
    for (let turns = 0; turns < 12; turns++) {
      const run = model.forward({ ...TEXT, ...PICTURE, ...TAPS }, { yield_ms: 0.01 });
      const outcome = run.then(bits, (error: unknown) => (error as AlignError).code);
      for (let i = 0; i < turns; i++) await new Promise((resume) => setImmediate(resume));
      await threads.started.at(-1)!.end();
      expect(['worker_lost', outputs]).toContainEqual(await outcome);
      expect(await everything(model)).toEqual(outputs);
    }
  });
});

describe('A run that ends early leaves the threads at rest', () => {
  test('aborted', async () => {
    const threads = watch_threads();
    model = await load(3);
    const outputs = await expected();
    for (let i = 0; i < 5; i++) {
      const { signal, abort } = aborter();
      const running = refused('aborted', [], () => model.get_image_features(LARGE, { signal, yield_ms: 1 }));
      await soon();
      abort();
      await running;
      expect(await everything(model)).toEqual(outputs);
    }
    expect(threads.started).toHaveLength(2);
  });

  test('by a trap in every share', async () => {
    const threads = watch_threads();
    model = await load(2);
    const { executor } = model.runtime;
    const plan = model.plan('vision', { height: 47, width: 33 });
    const broken = { ...plan, ops: plan.ops.slice() };
    broken.ops.fill(0xf0, 3 * 256 + 32, 3 * 256 + 36); // the first operand of the fourth op lies outside of memory
    const inputs = { pixel_values: PICTURE.pixel_values.data as Float32Array };
    for (let i = 0; i < 3; i++) await refused('trap', [], () => executor.run(broken, inputs));
    expect(await everything(model)).toEqual(await expected());
    expect(threads.started).toHaveLength(1);
  });

  test("by a trap in a thread's share", async () => {
    const trapping = trapping_module();
    const threads = watch_threads((setup) => ({ ...(setup as object), module: trapping }));
    model = await load(2);
    for (let i = 0; i < 3; i++)
      await refused('trap', ['unreachable'], () => model.get_image_features(PICTURE, { yield_ms: i }));
    vi.restoreAllMocks();
    await threads.started[0]!.end();
    expect(await everything(model)).toEqual(await expected());
  });

  test('disposed', async () => {
    const threads = watch_threads();
    model = await load(3);
    const running = refused('disposed', [], () => model.get_image_features(LARGE, { yield_ms: 1 }));
    await soon();
    model.dispose();
    await running;
    await vi.waitFor(() => expect(threads.gone).toBe(2));
    expect(model.memory).toEqual({ weights: 0, arena: 0, total: 0 });
  });
});

describe('Threads end', () => {
  test('with their model: 200 of them leave none', async () => {
    const threads = watch_threads();
    for (let i = 0; i < 200; i++) {
      model = await load(2);
      if (i % 20 === 0) await model.get_text_features(TEXT);
      model.dispose();
    }
    expect(threads.started).toHaveLength(200);
    await vi.waitFor(() => expect(threads.gone).toBe(200));
  });

  test('when loading fails', async () => {
    const threads = watch_threads();
    const signal = AbortSignal.abort();
    const progress_callback = ({ status }: { status: string }): void => {
      if (status === 'progress') throw new Error('enough');
    };
    await expect(
      AlignModel.from_pretrained(golden('odd'), { threads: 3, progress_callback }),
    ).rejects.toThrow('enough');
    await refused('aborted', [], () => AlignModel.from_pretrained(golden('odd'), { threads: 3, signal }));
    expect(threads.started).toHaveLength(2);
    await vi.waitFor(() => expect(threads.gone).toBe(2));
  });

  test('with the process, which does not wait for them', async () => {
    const script = fileURLToPath(new URL('../support/live_threads.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 50_000 });
    expect(stdout).toBe('2 threads\n');
  });
});

describe('Without threads', () => {
  test('a runtime that has none computes with one', async () => {
    const { spawn } = platform;
    delete platform.spawn;
    try {
      model = await load(4);
    } finally {
      Object.assign(platform, { spawn });
    }
    expect(model.threads).toBe(1);
    expect(await everything(model)).toEqual(await expected());
  });

  test('a thread that cannot be started is an error', async () => {
    const denied = new Error('access denied');
    const spawn = vi.spyOn(platform as Required<typeof platform>, 'spawn');
    spawn.mockImplementation(() => {
      throw denied;
    });
    await refused('worker_lost', ['cannot be started', 'access denied', 'threads: 1'], () => load(2));
    spawn.mockImplementation(({ lost }) => {
      queueMicrotask(() => lost(denied));
      return { post: () => undefined, unref: () => undefined, end: () => Promise.resolve() };
    });
    await refused('worker_lost', ['cannot be started', 'access denied', 'threads: 1'], () => load(3));
  });

  test('the build for threads is no module for the option wasm', async () => {
    const wasm = readFileSync(new URL('../../dist/align.threads.wasm', import.meta.url));
    await refused('invalid_argument', ['wasm'], () => AlignModel.from_pretrained(golden('odd'), { wasm }));
  });
});

function aborter(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** What a thread is given in place of align.threads.wasm. */
function trapping_module(): WebAssembly.Module {
  const module = binaryen.parseText(`(module
    (import "env" "memory" (memory 1 65536 shared))
    (func (export "bind") (param i32 i32))
    (func (export "execute_part") (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))`);
  module.setFeatures(binaryen.Features.Atomics);
  return new WebAssembly.Module(Uint8Array.from(module.emitBinary()));
}
