// Loading on a GPU.

import { falls_back, open_gpu, type OpenGpu } from './gpu.ts';
import { image_size, is_deep, usual_tokens } from './placement.ts';
import { plan_macs } from './plan/describe.ts';
import type { Plan } from './plan/plan.ts';
import { Recorder } from './plan/recorder.ts';
import { close_runtime, load, load_on_wasm, type Order, type Runtime } from './runtime.ts';
import { compile, Instance } from './wasm/module.ts';

/**
 * Loads a model on the GPU that the options ask for; null where it is for WASM.
 * @throws AlignError as {@link open_gpu}, and what loading throws where WASM must not stand in
 */
export async function load_on_gpu(order: Order): Promise<Runtime | null> {
  const open = await open_gpu(order.options, () => pays(order));
  if (!open) return null;
  try {
    return await load_opened(order, open);
  } catch (error) {
    open.gpu.close();
    if (falls_back(order.options, error)) return null;
    throw error;
  }
}

/**
 * Multiply-accumulates of a text or a picture from which on a GPU pays: 50 ms on WASM, of which its hundreds of dispatches
 * and the way there and back take a good part.
 */
const PAYS = 1e9;

/** Whether a text or a picture is work enough for a GPU. */
async function pays({ parts, options }: Order): Promise<boolean> {
  if (is_deep(parts)) return true; // whatever its files hold, which nobody has looked at yet
  const recorder = new Recorder(new Instance(await compile(options.wasm)));
  const place = { shard: 0, offset: 0, prefixed: true };
  const plans: Plan[] = [];
  if (parts.text) {
    const length = usual_tokens(parts.text);
    const call = { sequences: 1, length, tokens: length, inputs_embeds: false, features: false };
    const wanted = { last_hidden_state: true, hidden_states: false, attentions: false };
    plans.push(
      recorder.text(parts.text, { pooler: false, projection_dim: 0 }, place, { ...call, ...wanted }),
    );
  }
  if (parts.vision) {
    const [height, width] = image_size(parts.vision);
    const call = { batch: 1, height, width, last_hidden_state: false, hidden_states: false };
    plans.push(recorder.vision(parts.vision, place, call));
  }
  return plans.some((plan) => plan_macs(plan) >= PAYS);
}

async function load_opened(order: Order, { webgpu, gpu }: OpenGpu): Promise<Runtime> {
  const { options, again } = order;
  const { device = 'auto', signal, max_memory } = options;
  const module = await compile(options.wasm);
  const limits = { shard_limit: gpu.binding_limit, fuse: false, parts: 1 };
  const runtime = await load(order, module, limits, (layout, checkpoint, loading) =>
    webgpu.load(gpu, layout, new Instance(module), checkpoint, { ...loading, max_memory }),
  );
  const { on_device_lost = device === 'auto' ? 'wasm' : 'error' } = options;
  const quiet = { ...options, progress_callback: undefined };
  if (options.verify) {
    const reference = await load_on_wasm({ ...order, options: { ...quiet, precision: 'exact', threads: 1 } });
    try {
      await webgpu.verify(runtime, reference, runtime.dtype, signal);
    } catch (error) {
      runtime.text?.close();
      throw error;
    } finally {
      close_runtime(reference);
    }
  }
  const recover: Runtime['recover'] = (later) =>
    again({
      ...quiet,
      signal: later,
      device: on_device_lost === 'wasm' ? 'wasm' : device,
    });
  return { ...runtime, precision: 'fast', recover: on_device_lost === 'error' ? null : recover };
}
