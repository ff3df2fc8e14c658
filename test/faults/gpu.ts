// A GPU that is lost before any dispatch of a run of pictures and texts, whatever is to become of the model then.

import { test_gpu } from '../kernels/support/gpu.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { WatchedGpu } from '../support/watched_gpu.ts';
import { also_count, census } from './census.ts';
import { Tally, type At, type FaultKind, type Row } from './harness.ts';
import { forward } from './tiny.ts';

const DISPATCH = 'pass.dispatchWorkgroups';
const FATES = ['error', 'rebuild', 'wasm'] as const;
type Dispatch = GPUComputePassEncoder['dispatchWorkgroups'];
type Fate = (typeof FATES)[number];

const load = (gpu: LoadOptions['gpu'], options: LoadOptions = {}): Promise<AlignModel> =>
  AlignModel.from_pretrained(golden('tiny'), { device: 'webgpu', gpu, ...options });

const on_wasm = async (): Promise<string> => {
  using model = await AlignModel.from_pretrained(golden('tiny'), { device: 'wasm' });
  return await forward(model);
};

/** What the call and the next one may give: a model that is lost for good says so again, and another one is right. */
function expectations(
  fate: Fate,
  model: AlignModel,
  fresh: () => Promise<string>,
): { next: () => Promise<string>; codes: readonly ['device_lost'] | readonly [] } {
  if (fate !== 'error') return { next: () => forward(model), codes: [] };
  const next = async (): Promise<string> => {
    const again = await forward(model).then(
      () => 'it runs again',
      (error: unknown) => (error as { code?: string }).code,
    );
    if (again !== 'device_lost') throw new Error(`a lost device is not said to be one: ${again}`);
    model.dispose();
    return fresh();
  };
  return { next, codes: ['device_lost'] };
}

/** Every dispatch, on a device whose pipelines are kept: lost as a driver loses it. */
async function lost(fate: Fate, watched: WatchedGpu, at: At): Promise<Row> {
  const fresh = async (): Promise<string> => {
    using model = await load(watched.gpu);
    return await forward(model);
  };
  const right = fate === 'wasm' ? await on_wasm() : await fresh();
  const after = fate === 'wasm' ? right : await fresh();
  watched.watch();
  await fresh();
  const count = watched.count(DISPATCH);
  const before = await census();
  const tally = new Tally(`gpu: lost before each dispatch, on_device_lost ${fate}`, [], at);
  for (let nth = 1; nth <= count; nth++) {
    watched.watch();
    using model = await load(watched.gpu, { on_device_lost: fate });
    watched.watch({ call: DISPATCH, nth, how: 'lose' });
    const { next, codes } = expectations(fate, model, fresh);
    await tally.point(`dispatch ${nth} of ${count}`, () => forward(model), right, next, {
      afterwards: after,
      codes,
    });
    watched.watch();
  }
  return tally.finish(before);
}

/** The real GPU's devices, the last one first. */
function watched_devices(): { gpu: GPU; devices: GPUDevice[] } {
  const devices: GPUDevice[] = [];
  const adapter_of = (adapter: GPUAdapter): GPUAdapter =>
    new Proxy(adapter, {
      get: (target, name) => {
        if (name !== 'requestDevice') return Reflect.get(target, name, target) as unknown;
        return async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
          const device = await target.requestDevice(descriptor);
          devices.unshift(device);
          return device;
        };
      },
    });
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await test_gpu().requestAdapter(options);
    return adapter && adapter_of(adapter);
  };
  return { gpu: { requestAdapter } as unknown as GPU, devices };
}

/**
 * The real device is destroyed before each dispatch, with WASM to take over; and before one of them with the other fates, as
 * every device compiles everything anew.
 */
async function destroyed(fate: Fate, dispatches: readonly number[], at: At): Promise<Row> {
  const { gpu, devices } = watched_devices();
  const fresh = async (): Promise<string> => {
    using model = await load(gpu);
    return await forward(model);
  };
  const right = await (fate === 'wasm' ? on_wasm() : fresh());
  const { prototype } = GPUComputePassEncoder;
  const dispatch: Dispatch = Reflect.get(prototype, 'dispatchWorkgroups');
  const before = await census();
  const tally = new Tally(`gpu: destroyed for real, on_device_lost ${fate}`, [], at);
  for (const nth of dispatches) {
    using model = await load(gpu, { on_device_lost: fate });
    let seen = 0;
    prototype.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...size: number[]) {
      if (++seen === nth) devices[0]!.destroy();
      Reflect.apply(dispatch, this, size);
    };
    const { next, codes } = expectations(fate, model, fresh);
    await tally.point(`dispatch ${nth}`, () => forward(model), right, next, { codes });
    if (seen < nth) tally.wrong(`dispatch ${nth}: there were only ${seen}`);
    prototype.dispatchWorkgroups = dispatch;
    devices.length = 0;
  }
  return tally.finish(before);
}

export const gpu: FaultKind = {
  name: 'gpu',
  async run(at) {
    const watched = await WatchedGpu.open(test_gpu());
    also_count('GPU buffers', () => watched.buffers.size);
    const rows: Row[] = [];
    for (const fate of FATES) rows.push(await lost(fate, watched, at));
    const count = rows[0]!.points;
    const all = Array.from({ length: count }, (_, i) => i + 1);
    for (const fate of FATES) rows.push(await destroyed(fate, fate === 'wasm' ? all : [count >> 1], at));
    return rows;
  },
};
