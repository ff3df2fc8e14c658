// What may be passed to loading and to calls, and the one place that checks it. An option is never ignored: a name
// that is not known, or a value that this version cannot honour, is refused with the value in the message.

import { WEIGHT_DTYPES, type WeightDtype } from './checkpoint/formats.ts';
import type { OpenOptions } from './checkpoint/model_files.ts';
import { AlignError, show } from './errors.ts';
import type { WebGpu } from './gpu.ts';
import { MAX_PARTS } from './plan/layout.ts';
import { REMOTE_RULES } from './remote_options.ts';
import type { WasmInput } from './wasm/module.ts';

export type { ProgressInfo } from './progress.ts';

/** What a transparent pixel becomes: `'drop'` discards alpha, as Pillow does; or a ground colour, 0 … 255 each. */
export type Background = 'drop' | readonly [number, number, number];

/** What `device` may be. */
export const DEVICES = ['wasm', 'webgpu', 'auto'] as const;

/** Options of everything that loads a model. */
export interface LoadOptions extends OpenOptions {
  /**
   * Where the model runs. `'auto'` (the default) takes WebGPU where there is a real GPU and the model is work enough for it,
   * or `gpu` hands one over; and WASM where there is none, where the GPU fails while loading, or where `precision: 'exact'`
   * asks for the same bits everywhere. `'webgpu'` takes a software adapter too, and throws `gpu_unavailable` where there is
   * none at all.
   */
  device?: (typeof DEVICES)[number] | undefined;
  /**
   * The GPU to run on, in place of the runtime's own. A device is left alive when the model is disposed; in Node keep the GPU
   * that it came from, too: Dawn ends the process when that is collected first.
   */
  gpu?: GPU | GPUDevice | undefined;
  /** The module `align-wasm/webgpu`, where it does not come along: in Bun, on Workers, in the bundle. */
  webgpu?: WebGpu | { readonly default: WebGpu } | undefined;
  /**
   * What a call does that finds the GPU lost: `'error'` throws `device_lost`, as does every call after it; `'rebuild'` opens
   * a new device and loads the weights again, `'wasm'` loads them into WebAssembly, and then the call is run again. A GPU that
   * is lost while loading throws, too, but with `'wasm'`. Default `'error'`; with `device: 'auto'` `'wasm'`.
   */
  on_device_lost?: 'error' | 'rebuild' | 'wasm' | undefined;
  /**
   * Before first use, compare every tensor of a small forward pass on the GPU with WASM's, for which the weights are loaded
   * there for a moment. A GPU that is off throws `gpu_mismatch`; with `device: 'auto'` WASM is taken. Default false.
   */
  verify?: boolean | undefined;
  /**
   * How weights are held. Default: as a packed file has them, else `'fp32'`. `'fp16'`, `'bf16'` and `'q4'` (groups of 32)
   * are widened while they are multiplied; `'q8'` multiplies 8-bit integers. Layer norms and convolutions of more than a
   * pixel stay in fp32. A packed file can be had in its own dtype only.
   */
  dtype?: WeightDtype | undefined;
  /**
   * `'exact'` (the default): the same bits in every runtime. `'fast'`: fused multiply-add where the runtime has relaxed
   * SIMD, within 1e-4 of the largest value of every output; where it has not, the exact build.
   */
  precision?: 'exact' | 'fast' | undefined;
  /**
   * Threads that compute, the calling one among them: 1 (the default) to 16. The same bits as with one. Where there is no
   * SharedArrayBuffer, on a browser's main thread, in Firefox without `worker` and on Workers it stays one; the model's
   * `threads` says how many there are.
   * Engines do not count shared memory, so that of models disposed of may stay until something else has garbage collected
   * (Node held four models of 690 MB): a program that loads large ones again and again adds `worker`, whose memory goes at once.
   */
  threads?: number | undefined;
  /**
   * Computes in a worker of its own, so that the calling thread, a page's main thread above all, never waits for a run or for
   * a picture to be decoded. Everything else stays as it is: the same bits, the same errors. With `threads` the worker is one
   * of them, on a page's main thread, too. A model whose worker ends says `worker_lost` to the call under way; the next call
   * loads it again in a new one. Refused where there are no workers (Cloudflare Workers, an extension's service worker, a worker
   * of Firefox), and with `gpu`, which cannot go over. Default false.
   */
  worker?: boolean | undefined;
  /** align.wasm as a Module, bytes, a Response or a URL, where the package's own cannot be found. Threads use its own. */
  wasm?: WasmInput | undefined;
  /** Load one tower alone to save its memory. Default `'both'`. */
  towers?: 'both' | 'text' | 'vision' | undefined;
  /** Bytes that weights and activations may take together; batches are split to stay below. */
  max_memory?: number | undefined;
  /** Largest picture to decode, in pixels. */
  max_pixels?: number | undefined;
  /** Ground for transparent pixels, over the one in preprocessor_config.json. */
  background?: Background | undefined;
  /**
   * `'rows'`: the word table, often the largest part of a text tower, is not loaded. Each call reads the rows that its ids
   * need from where the model lies, and keeps some of them; the same bits as `'resident'`, the default.
   */
  embeddings?: 'resident' | 'rows' | undefined;
}

/** Options of every call. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Most items computed in one run of a tower. Does not change a bit of the results. */
  batch_size?: number | undefined;
  /**
   * Longest time in ms to compute, to the end of the op under way, before the event loop gets a turn, so that timers, other
   * requests and aborts are not kept waiting. 0 never yields. Default 16 between batches, while loading, and for calls with a
   * `signal`; without one a run of a tower is computed in one go. With `worker` the turns are the worker's: the
   * caller's event loop is free anyway.
   */
  yield_ms?: number | undefined;
  background?: Background | undefined;
}

/** What one option accepts. `expects` completes the sentence "batch_size must be …". */
export interface Rule {
  readonly expects: string;
  accepts(value: unknown): boolean;
}

/** The rules of a set of options, by option name. */
export type Rules<T> = { readonly [K in keyof T]-?: Rule };

/** One of a few literal values. */
export function one_of(...values: readonly (string | number)[]): Rule {
  return {
    expects: values.map(show).join(' or '),
    accepts: (value) => (values as unknown[]).includes(value),
  };
}

export const positive_integer: Rule = {
  expects: 'a positive integer',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};

export const flag: Rule = { expects: 'true or false', accepts: (value) => typeof value === 'boolean' };

/** A text with a place for the label. */
export const template: Rule = {
  expects: 'a text with {} where the label goes',
  accepts: (value) => typeof value === 'string' && value.includes('{}'),
};

const background: Rule = {
  expects: '"drop" or [red, green, blue] of integers 0 to 255',
  accepts: (value) =>
    value === 'drop' ||
    (Array.isArray(value) &&
      value.length === 3 &&
      Array.from<unknown>(value).every(
        (v) => Number.isInteger(v) && (v as number) >= 0 && (v as number) <= 255,
      )),
};

const signal: Rule = {
  expects: 'an AbortSignal',
  accepts: (value) =>
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof (value as AbortSignal).addEventListener === 'function' &&
    typeof (value as AbortSignal).removeEventListener === 'function',
};

const LOAD_RULES: Rules<LoadOptions> = {
  device: one_of(...DEVICES),
  dtype: one_of(...WEIGHT_DTYPES),
  precision: one_of('exact', 'fast'),
  threads: {
    expects: `an integer from 1 to ${MAX_PARTS}`,
    accepts: (value) => positive_integer.accepts(value) && (value as number) <= MAX_PARTS,
  },
  // Its kind is checked where it is compiled.
  wasm: { expects: 'a Module, bytes, a Response or a URL', accepts: (value) => value !== null },
  gpu: {
    expects: 'a GPU or a GPUDevice',
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      ('requestAdapter' in value || ['queue', 'limits', 'features', 'lost'].every((name) => name in value)),
  },
  // What it is made of is checked where it is used.
  webgpu: {
    expects: 'the module align-wasm/webgpu',
    accepts: (value) => typeof value === 'object' && value !== null,
  },
  on_device_lost: one_of('error', 'rebuild', 'wasm'),
  verify: flag,
  worker: flag,
  towers: one_of('both', 'text', 'vision'),
  max_memory: positive_integer,
  max_pixels: positive_integer,
  background,
  embeddings: one_of('resident', 'rows'),
  ...REMOTE_RULES,
  signal,
  progress_callback: {
    expects: 'a function',
    accepts: (value) => value === null || typeof value === 'function',
  },
};

/** The rules of {@link CallOptions}, to spread into the rules of a call that takes more. */
export const CALL_RULES: Rules<CallOptions> = {
  signal,
  batch_size: positive_integer,
  yield_ms: {
    expects: 'a number of at least 0',
    accepts: (value) => typeof value === 'number' && value >= 0,
  },
  background,
};

/**
 * Checks the options of a call that loads. `call` names it in messages; `more` are the rules of options that only it takes.
 * @throws AlignError `invalid_argument`
 */
export function check_load_options(
  call: string,
  options: unknown,
  more: Readonly<Record<string, Rule>> = {},
): void {
  check_options(call, options, { ...LOAD_RULES, ...more });
}

/** @throws AlignError `invalid_argument` where a processor of its own is asked for a worker, which only a model has */
export function refuse_worker(call: string, { worker }: LoadOptions): void {
  if (worker !== true) return;
  throw new AlignError('invalid_argument', `${call}: worker true is for what loads a model`, {
    detail: { option: 'worker', value: worker },
    hint: 'the processor of Align.load(model, { worker: true }) or of a pipeline reads pictures in the worker',
  });
}

/** Checks the options every call takes; gives a copy. @throws AlignError `invalid_argument` */
export function check_call_options<O>(call: string, options: O): O {
  return check_options(call, options, CALL_RULES);
}

/**
 * Checks `options` against `rules`: no unknown name, no refused value. `undefined` counts as absent, as do missing options.
 * Gives a copy, for calls that come to their options later: a caller may change his.
 * @throws AlignError `invalid_argument`, with the bad name or value in the message and the remedy in the hint
 */
export function check_options<T, O>(call: string, options: O, rules: Rules<T>): O {
  if (options === undefined) return options;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new AlignError('invalid_argument', `${call}: the options must be an object, not ${show(options)}`);
  const given = options as Record<string, unknown>;
  const known = Object.keys(rules);
  const checked: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(given), ...known])) {
    const value = given[name];
    if (value === undefined) continue;
    const detail = { option: name, value };
    const rule = known.includes(name) ? rules[name as keyof T] : undefined;
    if (rule === undefined) {
      const nearest = nearest_name(name, known);
      throw new AlignError('invalid_argument', `${call}: unknown option ${show(name)}`, {
        detail,
        hint: nearest === undefined ? `it takes ${known.join(', ')}` : `did you mean ${nearest}?`,
      });
    }
    if (!rule.accepts(value)) {
      throw new AlignError(
        'invalid_argument',
        `${call}: ${name} ${show(value)} is not supported; it must be ${rule.expects}`,
        { detail },
      );
    }
    checked[name] = value;
  }
  return checked as O;
}

/** A copy of an array argument with something in it. @throws AlignError `invalid_argument` */
export function checked_list<T>(what: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value))
    throw new AlignError('invalid_argument', `${what} must be an array, not ${show(value)}`);
  if (value.length === 0) throw new AlignError('invalid_argument', `${what} is empty: give at least one`);
  return [...(value as readonly T[])];
}

/** A copy of an array argument of texts with something in it. @throws AlignError `invalid_argument` */
export function checked_texts(what: string, value: readonly string[]): readonly string[] {
  const list: readonly unknown[] = checked_list(what, value);
  const bad = list.findIndex((text) => typeof text !== 'string');
  if (bad >= 0)
    throw new AlignError('invalid_argument', `${what}[${bad}] must be a text, not ${show(list[bad])}`);
  return list as readonly string[];
}

/** The name that differs least from `name`, or undefined when none is close (more than a third of its letters differ). */
export function nearest_name(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = edit_distance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements between two words. */
function edit_distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
