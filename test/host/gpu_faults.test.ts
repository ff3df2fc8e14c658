// Whatever a GPU does, a call ends in the right result or in a typed error, the memory is given back, and the model can be
// used afterwards as far as the GPU can.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AlignError, type AlignErrorCode } from '../../src/host/errors.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { test_gpu } from '../kernels/support/gpu.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { bits } from '../support/random_models.ts';
import { WatchedGpu, type Failure, type Fault } from '../support/watched_gpu.ts';

const INPUTS = { input_ids: ids([[1, 2, 3, 4]]), pixel_values: pixels(1, 33, 33) };

/** What a fault may end in. */
const TYPED: readonly AlignErrorCode[] = [
  'gpu_unavailable',
  'device_lost',
  'out_of_memory',
  'limit_exceeded',
  'trap',
  'aborted',
];

let watched: WatchedGpu;
let expected: object;
let on_wasm: object;
let model: AlignModel | undefined;

const load = async (options: LoadOptions = {}): Promise<AlignModel> =>
  (model = await AlignModel.from_pretrained(golden('tiny'), {
    device: 'webgpu',
    gpu: watched.gpu,
    ...options,
  }));
const forward = async (signal?: AbortSignal): Promise<object> =>
  bits(await model!.forward(INPUTS, { signal }));

/** The error of `task`, which must come soon and have a code. */
async function fault_of(task: Promise<unknown>): Promise<AlignError | null> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('it hangs')), 10_000).unref();
  });
  const error = await Promise.race([task.then(() => null), late]).catch((reason: unknown) => reason);
  if (error === null) return null;
  expect(error).toBeInstanceOf(AlignError);
  expect(TYPED).toContain((error as AlignError).code);
  return error as AlignError;
}

beforeAll(async () => {
  watched = await WatchedGpu.open(test_gpu());
  await load();
  expected = await forward();
  model!.dispose();
  await load({ device: 'wasm' });
  on_wasm = await forward();
});

beforeEach(() => {
  watched.watch();
  watched.present = true;
  watched.info = undefined;
  watched.limits = {};
});

afterEach(() => {
  model?.dispose();
  model = undefined;
  expect(watched.buffers.size).toBe(0);
});

/** Where a load and two runs may fail: the first, second and last call of each name. */
async function call_sites(): Promise<{ call: string; nth: number }[]> {
  watched.watch();
  await load();
  const loading = new Map(watched.calls.map((call) => [call, watched.count(call)]));
  await forward();
  await forward();
  const sites = [...new Set(watched.calls)].flatMap((call) => {
    const [all, first] = [watched.count(call), loading.get(call) ?? 0];
    return [...new Set([1, 2, first, first + 1, all])]
      .filter((nth) => nth >= 1 && nth <= all)
      .map((nth) => ({ call, nth }));
  });
  model!.dispose();
  // Freeing does not fail, and what is asked after an error is asked in vain.
  return sites.filter(({ call }) => !/\.(destroy|unmap|getCompilationInfo)$/.test(call));
}

/** Calls that answer later. */
const PROMISED =
  /requestAdapter|requestDevice|createComputePipelineAsync|popErrorScope|mapAsync|onSubmittedWorkDone/;

describe('At every call', () => {
  const failures: [Failure, RegExp][] = [
    ['throw', /./],
    ['reject', PROMISED],
    ['lose', /^(device|queue|buffer|encoder|pass)\./],
    ['validation', /^(device|queue|buffer|encoder|pass)\./],
    ['out-of-memory', /^device\.createBuffer|^queue\./],
    ['internal', /^queue\.submit/],
  ];
  test.each(failures)('%s: a typed error, and the next call is right', async (how, where) => {
    const sites = (await call_sites()).filter(({ call }) => where.test(call));
    expect(sites.length).toBeGreaterThan(0);
    for (const site of sites) {
      const what = `${how} ${site.call} ${site.nth}`;
      watched.watch({ ...site, how });
      const failed = await fault_of(load());
      if (failed) {
        expect(watched.buffers.size, what).toBe(0);
        continue;
      }
      const errors: (AlignError | null)[] = [];
      for (let run = 0; run < 3; run++) errors.push(await fault_of(forward()));
      expect(errors.filter(Boolean), what).not.toEqual([]);
      if (how === 'lose') {
        expect(errors.at(-1)?.code, what).toBe('device_lost');
        expect((await refused('device_lost', ['was lost'], forward)).hint).toContain('rebuild');
      } else expect(await forward(), what).toEqual(expected);
      model!.dispose();
      expect(watched.buffers.size, what).toBe(0);
    }
  });

  test('no answer: an abort is heard, and the next call is right', async () => {
    const sites = (await call_sites()).filter(({ call }) => PROMISED.test(call));
    for (const site of sites) {
      const what = `hang ${site.call} ${site.nth}`;
      watched.watch({ ...site, how: 'hang' });
      const failed = await fault_of(load({ signal: AbortSignal.timeout(400) }));
      if (failed) {
        expect([failed.code, watched.buffers.size], what).toEqual(['aborted', 0]);
        continue;
      }
      const codes: (string | undefined)[] = [];
      for (let run = 0; run < 2; run++) codes.push((await fault_of(forward(AbortSignal.timeout(400))))?.code);
      expect(codes.sort(), what).toEqual(['aborted', undefined]);
      expect(await forward(), what).toEqual(expected);
      model!.dispose();
      expect(watched.buffers.size, what).toBe(0);
    }
  });
});

describe('A lost device', () => {
  const sites: [string, Fault | null][] = [
    ['before a run', null],
    ['while uploading', { call: 'queue.writeBuffer', nth: 2, how: 'lose' }],
    ['before the submit', { call: 'queue.submit', nth: 1, how: 'lose' }],
    ['while encoding', { call: 'pass.dispatchWorkgroups', nth: 5, how: 'lose' }],
    ['while waiting', { call: 'buffer.mapAsync', nth: 1, how: 'lose' }],
  ];
  const lose = async (fault: Fault | null): Promise<void> => {
    watched.watch(fault);
    if (fault) return;
    watched.device!.lose('unknown');
    await Promise.resolve();
  };

  test.each(sites)('%s: error, again and again, until it is disposed', async (_, fault) => {
    await load();
    await lose(fault);
    await refused('device_lost', ['was lost (unknown)'], forward);
    await refused('device_lost', ['was lost (unknown)'], forward);
    expect(model!.device).toBe('webgpu');
    model!.dispose();
    await refused('disposed', [], forward);
  });

  test.each(sites)('%s: rebuild opens another and goes on', async (_, fault) => {
    await load({ on_device_lost: 'rebuild' });
    await lose(fault);
    expect(await forward()).toEqual(expected);
    expect(watched.count('adapter.requestDevice')).toBe(1);
    expect(model!.device).toBe('webgpu');
    expect(await forward()).toEqual(expected);
  });

  test.each(sites)('%s: wasm takes over', async (_, fault) => {
    await load({ on_device_lost: 'wasm' });
    await lose(fault);
    expect(await forward()).toEqual(on_wasm);
    expect([model!.device, watched.buffers.size]).toEqual(['wasm', 0]);
    expect(model!.memory.weights).toBeGreaterThan(0);
    expect(await forward()).toEqual(on_wasm);
  });

  test('in the second of several runs: the call starts anew', async () => {
    const pictures = { pixel_values: pixels(3, 33, 33) };
    const embed = async (): Promise<object> => bits(await model!.embed_image(pictures, { batch_size: 1 }));
    await load({ on_device_lost: 'rebuild' });
    const right = await embed();
    watched.watch({ call: 'queue.submit', nth: 2, how: 'lose' });
    expect(await embed()).toEqual(right);
    expect(watched.count('adapter.requestDevice')).toBe(1);
  });

  test.each(['resident', 'rows'] as const)(
    'rebuild that finds no adapter says so, and finds it later (embeddings: %s)',
    async (embeddings) => {
      await load({ on_device_lost: 'rebuild', embeddings });
      expect(await forward()).toEqual(expected);
      watched.device!.lose('unknown');
      watched.present = false;
      await refused('gpu_unavailable', ['no GPU adapter'], forward);
      await refused('gpu_unavailable', ['no GPU adapter'], forward);
      watched.present = true;
      expect(await forward()).toEqual(expected);
    },
  );

  test('rebuild may be aborted, and done by the next call', async () => {
    await load({ on_device_lost: 'rebuild' });
    watched.device!.lose('unknown');
    watched.watch({ call: 'adapter.requestDevice', nth: 1, how: 'hang' });
    await refused('aborted', [], () => forward(AbortSignal.timeout(100)));
    expect(await forward()).toEqual(expected);
  });

  test('rebuild while the model is disposed leaves nothing behind', async () => {
    await load({ on_device_lost: 'rebuild' });
    watched.device!.lose('unknown');
    const call = forward();
    await new Promise((soon) => setTimeout(soon, 2));
    model!.dispose();
    await refused('disposed', [], () => call);
    expect(watched.buffers.size).toBe(0);
  });

  test('a device that was handed over cannot be rebuilt', async () => {
    const device = await (await watched.gpu.requestAdapter())!.requestDevice();
    await refused('invalid_argument', ['on_device_lost "rebuild"', 'GPUDevice'], () =>
      load({ gpu: device, on_device_lost: 'rebuild' }),
    );
    await load({ gpu: device, on_device_lost: 'wasm' });
    expect(await forward()).toEqual(expected);
    watched.device!.lose('destroyed');
    expect(await forward()).toEqual(on_wasm);
  });

  test('a device that is lost before or while loading: an error, or WASM', async () => {
    for (const fault of [null, { call: 'queue.writeBuffer', nth: 3, how: 'lose' } as const])
      for (const on_device_lost of ['error', 'wasm'] as const) {
        const device = await (await watched.gpu.requestAdapter())!.requestDevice();
        await lose(fault);
        const loading = (): Promise<AlignModel> => load({ gpu: device, on_device_lost });
        if (on_device_lost === 'error') await refused('device_lost', ['was lost'], loading);
        else {
          await loading();
          expect([model!.device, await forward()]).toEqual(['wasm', on_wasm]);
          model!.dispose();
        }
        expect(watched.buffers.size).toBe(0);
      }
  });

  test('for real: destroyed before and during a run', async () => {
    const adapter = (await test_gpu().requestAdapter())!;
    const device = await adapter.requestDevice();
    await load({ gpu: device, on_device_lost: 'wasm', towers: 'vision' });
    const picture = { pixel_values: INPUTS.pixel_values };
    const right = bits(await model!.embed_image(picture));
    const running = model!.embed_image(picture);
    device.destroy();
    const after = bits(await running);
    expect(model!.device).toBe('wasm');
    expect(Object.keys(after)).toEqual(Object.keys(right));
    expect(bits(await model!.embed_image(picture))).toEqual(after);
  });
});

describe('While loading', () => {
  test('no adapter, and what to do', async () => {
    watched.present = false;
    const error = await refused('gpu_unavailable', ['no GPU adapter'], load);
    expect(error.hint).toContain("device 'wasm'");
    await load({ device: 'auto' });
    expect([model!.device, await forward()]).toEqual(['wasm', on_wasm]);
  });

  test("a software adapter is taken by name, and not by 'auto'", async () => {
    await load();
    expect(model!.device).toBe('webgpu');
    model!.dispose();
    watched.watch();
    await load({ device: 'auto' });
    expect([model!.device, watched.count('adapter.requestDevice')]).toEqual(['wasm', 0]);
  });

  test("a GPU that is no software adapter is taken by 'auto', unless the same bits are asked for", async () => {
    watched.info = { vendor: 'test', architecture: 'hardware' };
    await load({ device: 'auto' });
    expect(model!.device).toBe('webgpu');
    expect(model!.precision).toBe('fast');
    model!.dispose();
    await load({ device: 'auto', precision: 'exact' });
    expect(model!.device).toBe('wasm');
    await refused('invalid_argument', ['precision "exact"', '"webgpu"'], () => load({ precision: 'exact' }));
  });

  test.each<[string, Fault]>([
    ['device', { call: 'adapter.requestDevice', nth: 1, how: 'reject' }],
    ['memory', { call: 'device.createBuffer', nth: 1, how: 'out-of-memory' }],
    ['shader', { call: 'device.createComputePipelineAsync', nth: 3, how: 'reject' }],
    ['upload', { call: 'queue.writeBuffer', nth: 3, how: 'lose' }],
  ])("with 'auto', a GPU that fails (%s) leaves the model to WASM", async (_, fault) => {
    watched.info = { vendor: 'test', architecture: 'hardware' };
    watched.watch(fault);
    await load({ device: 'auto' });
    expect([model!.device, watched.buffers.size]).toEqual(['wasm', 0]);
    expect(await forward()).toEqual(on_wasm);
  });

  test("with 'auto', a GPU that is lost later leaves the model to WASM", async () => {
    watched.info = { vendor: 'test', architecture: 'hardware' };
    await load({ device: 'auto' });
    watched.device!.lose('unknown');
    expect(await forward()).toEqual(on_wasm);
  });

  test('an adapter that gives null for a device', async () => {
    const adapter = { features: new Set(), limits: {}, requestDevice: () => Promise.resolve(null) };
    const gpu = { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
    await refused('gpu_unavailable', ['gives no device', 'null'], () => load({ gpu }));
  });

  test('limits that are too small are named', async () => {
    watched.limits = { maxComputeInvocationsPerWorkgroup: 128 };
    const needed = ['maxComputeInvocationsPerWorkgroup is 128', '256'];
    await refused('limit_exceeded', needed, load);
    const device = await (await watched.gpu.requestAdapter())!.requestDevice();
    await refused('limit_exceeded', needed, () => load({ gpu: device }));
  });
});

describe('Aborts and disposal', () => {
  test('50 aborts at various points, each heard, and the next result is right', async () => {
    await load();
    const started = performance.now();
    await forward();
    const whole = performance.now() - started;
    for (let i = 0; i < 50; i++) {
      const aborted = new AbortController();
      const call = forward(aborted.signal);
      const at = (whole * i) / 50;
      const timer = setTimeout(() => aborted.abort(), at);
      const error = await fault_of(call);
      clearTimeout(timer);
      if (error) expect(error.code).toBe('aborted');
      if (i % 5 === 0) expect(await forward()).toEqual(expected);
    }
    expect(await forward()).toEqual(expected);
    expect(watched.buffers.size).toBeLessThan(20);
  });

  test('calls one behind the other, some of them aborted, do not disturb each other', async () => {
    await load();
    const calls = Array.from({ length: 12 }, (_, i) =>
      i % 3 === 1 ? fault_of(forward(AbortSignal.timeout(5 * i))) : forward(),
    );
    for (const [i, call] of calls.entries()) if (i % 3 !== 1) expect(await call).toEqual(expected);
    await Promise.all(calls);
  });

  test.each([0, 1, 2, 4, 8, 16])(
    'disposed %i ms into a run: the call throws, nothing is left',
    async (ms) => {
      await load();
      const call = forward();
      call.catch(() => undefined);
      await new Promise((later) => setTimeout(later, ms));
      model!.dispose();
      expect([watched.buffers.size, model!.memory.total]).toEqual([0, 0]);
      const error = await call.then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) expect(error).toMatchObject({ code: 'disposed' });
      await refused('disposed', [], forward);
    },
  );

  test('a device that was handed over is left alive', async () => {
    const device = await (await watched.gpu.requestAdapter())!.requestDevice();
    await load({ gpu: device });
    const call = forward();
    model!.dispose();
    await refused('disposed', [], () => call);
    expect(watched.count('device.destroy')).toBe(0);
    expect(watched.buffers.size).toBe(0);
    await load({ gpu: device });
    expect(await forward()).toEqual(expected);
  });
});
