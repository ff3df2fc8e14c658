// The worker's side: a model is loaded and computes here, pictures are decoded and resized here.

import { AlignTextConfig, AlignVisionConfig } from '../config.ts';
import type { Outputs } from '../executor.ts';
import { AlignError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { plane_reader, type ReadPlanes } from '../processor/image_processor.ts';
import type { Progress, ProgressInfo } from '../progress.ts';
import { load_runtime } from '../load_runtime.ts';
import type { Runtime } from '../runtime.ts';
import { compile } from '../wasm/module.ts';
import { Channel, type Answer, type Handler, type Post } from './channel.ts';
import { asked_folder } from './folder.ts';
import type {
  LoadAnswer,
  LoadQuestion,
  Memory,
  PlanesQuestion,
  ProfileAnswer,
  ProgressNote,
  RunAnswer,
  RunQuestion,
  SentPlan,
  State,
} from './protocol.ts';

/** Serves the thread that `post` speaks to; gives what hears it. */
export function serve(post: Post): (message: unknown) => void {
  const handlers: Record<string, Handler> = {};
  const channel = new Channel(post, handlers);
  Object.assign(handlers, model_handlers(channel));
  return (message) => channel.receive(message);
}

function model_handlers(channel: Channel): Record<string, Handler> {
  const plans = new Map<number, Plan>();
  let runtime: Runtime | null = null;
  let read_planes: ReadPlanes | null = null;
  let wasm: WebAssembly.Module | undefined;

  const executor = (): Runtime['executor'] => {
    if (runtime === null) throw new AlignError('disposed', 'The model was disposed');
    return runtime.executor;
  };
  const memory = (): Memory => executor().memory();
  const plan_of = ({ id, plan, forget }: SentPlan): Plan => {
    if (forget !== null) plans.delete(forget);
    if (plan !== null) plans.set(id, plan);
    return plans.get(id)!;
  };

  return {
    async load(question: LoadQuestion): Promise<Answer> {
      wasm = question.options.wasm;
      runtime = await load(question, channel);
      runtime.text?.close(); // rows of words are read where the model's files are
      return [describe(runtime)];
    },

    async run({ plan: sent, inputs, yield_ms }: RunQuestion, signal): Promise<Answer> {
      const outputs = await executor().run(plan_of(sent), inputs, { signal, yield_ms });
      return run_answer(outputs, memory());
    },

    async warm(sent: readonly SentPlan[]): Promise<Answer> {
      await executor().warm(sent.map(plan_of));
      return [{ memory: memory() } satisfies State];
    },

    async profile({ plan: sent, inputs }: RunQuestion): Promise<Answer> {
      const times = await executor().profile(plan_of(sent), inputs);
      return [{ times, memory: memory() } satisfies ProfileAnswer];
    },

    async planes({ picture, settings, max_pixels }: PlanesQuestion, signal): Promise<Answer> {
      read_planes ??= plane_reader(await compile(wasm));
      const planes = await read_planes(picture, settings, { max_pixels, signal });
      return [planes, [planes.values.buffer as ArrayBuffer]];
    },

    close(): Answer {
      runtime?.executor.dispose();
      runtime = null;
      return [null];
    },
  };
}

function load(question: LoadQuestion, channel: Channel): Promise<Runtime> {
  const { name, text, vision, add_pooling_layer, projection_dim, options } = question;
  const parts = {
    text: text ? new AlignTextConfig(text) : undefined,
    vision: vision ? new AlignVisionConfig(vision) : undefined,
    add_pooling_layer,
    projection_dim,
  };
  const tell = (note: ProgressNote): void => void channel.ask('progress', note).catch(() => undefined);
  const folder = asked_folder(name, channel);
  if (question.progress === null) return load_runtime(folder, parts, options);
  const heard = { ...options, progress_callback: (info: ProgressInfo) => tell({ info }) };
  if (question.progress === 'events') return load_runtime(folder, parts, heard);
  return load_runtime({ ...folder, progress: told_progress(tell) }, parts, heard);
}

/** A Progress whose calls go over. */
function told_progress(tell: (note: ProgressNote) => void): Progress {
  const calls: Record<string, (...values: unknown[]) => void> = {};
  for (const call of ['begin', 'add', 'total', 'done', 'ready'] as const)
    calls[call] = (...values) => tell({ call, values });
  return calls as unknown as Progress;
}

function describe(runtime: Runtime): LoadAnswer {
  const { executor, recorder, text, vision, dtype, precision, loading_info, places, words } = runtime;
  return {
    device: executor.device,
    threads: executor.threads,
    limits: executor.limits,
    dtype,
    precision,
    loading_info,
    recorder: recorder.options,
    text: text !== null,
    vision: vision !== null,
    places,
    words,
    recovers: runtime.recover !== null,
    memory: executor.memory(),
  };
}

function run_answer(outputs: Outputs, memory: Memory): Answer {
  const sent = Array.from(outputs, ([name, { data, dims }]) => [name, data, dims] as const);
  return [{ outputs: sent, memory } satisfies RunAnswer, sent.map(([, data]) => data.buffer as ArrayBuffer)];
}
