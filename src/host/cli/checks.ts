// What `align-wasm doctor` looks at. A check says what it found; what it throws is what is wrong.

import { readdir, readFile, stat } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import v8 from 'node:v8';
import { gpus, pictures, platform } from '#platform';
import { Align } from '../align.ts';
import { unless_aborted } from '../abort.ts';
import { AlignError } from '../errors.ts';
import { ABI_VERSION } from '../plan/layout.ts';
import { compile, Instance } from '../wasm/module.ts';
import { relaxed_simd } from '../wasm/relaxed.ts';
import { threads_available } from '../wasm/threads.ts';
import { open_device } from '../webgpu/adapter.ts';
import { message_of } from './io.ts';
import { answer_of } from './self_test.ts';
import { bytes_text, counted } from './text.ts';

/** What a check found. */
export interface Found {
  /** Without what is `missing` the package works; with what has `failed` it does not. */
  readonly state: 'ok' | 'missing' | 'failed';
  /** For people. */
  readonly text: string;
  /** What to do about what is missing or failed. */
  readonly hint?: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** One look; whatever it throws makes what it looks at `missing`, or `failed` where nothing works without it. */
export interface Check {
  readonly needed: boolean;
  /** The facts where there are none. */
  readonly facts: Found['facts'];
  readonly look: (signal: AbortSignal) => Promise<Found> | Found;
}

/** Milliseconds in which a GPU answers, or is none. */
const GPU_MS = 10_000;

const ok = (text: string, facts: Found['facts'] = {}): Found => ({ state: 'ok', text, facts });
const missing = (text: string, hint: string, facts: Found['facts'] = {}): Found => ({
  state: 'missing',
  text,
  hint,
  facts,
});

/** () => v128.const 0, and a drop. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
]);

/** In the order in which they are printed; the model comes last, as it needs most of the others. */
export const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['simd', { needed: true, look: simd, facts: {} }],
  ['relaxed_simd', { needed: false, look: relaxed, facts: {} }],
  [
    'threads',
    { needed: false, look: threads, facts: { cores: null, shared_memory: false, may_wait: false } },
  ],
  [
    'webgpu',
    { needed: false, look: webgpu, facts: { adapter: null, software: null, features: [], limits: {} } },
  ],
  ['memory', { needed: false, look: memory, facts: { total: null, free: null, limit: null, heap: null } }],
  ['cache', { needed: false, look: cache, facts: { place: null, bytes: null, writable: false } }],
  ['pictures', { needed: false, look: decoders, facts: { png: true, jpeg: false, webp: false } }],
  ['module', { needed: true, look: wasm, facts: { abi: null, expected_abi: ABI_VERSION, bytes: null } }],
  ['model', { needed: true, look: model, facts: { dtype: null, answer: null, known: null } }],
]);

/** What went wrong, and what to do about it: where Deno denies something, to allow it. */
export function failure(error: unknown, needed: boolean): Found {
  const state = needed ? 'failed' : 'missing';
  const denied = [error, (error as { cause?: unknown }).cause].find(
    (one) => (one as { name?: unknown } | undefined)?.name === 'NotCapable',
  );
  const flag = denied === undefined ? undefined : /--allow-\w+/.exec(message_of(denied))?.[0];
  if (flag !== undefined) return { state, text: 'denied', hint: `run it with ${flag}`, facts: {} };
  const hint = error instanceof AlignError ? error.hint : undefined;
  const text = message_of(error).split('\n')[0]!.replace(` (${hint})`, '');
  return { state, text, ...(hint !== undefined && { hint }), facts: {} };
}

function simd(): Found {
  if (WebAssembly.validate(SIMD)) return ok('yes');
  throw new AlignError('not_found', 'this runtime has no WebAssembly SIMD', {
    hint: 'use a newer version of it; every current one has it',
  });
}

async function relaxed(): Promise<Found> {
  if (await relaxed_simd()) return ok("yes, for precision 'fast'");
  return missing('no', "only precision 'fast' would use it: use a newer version of this runtime");
}

function threads(): Found {
  const cores = os.availableParallelism();
  const shared_memory = typeof SharedArrayBuffer !== 'undefined';
  const facts = { cores, shared_memory, may_wait: threads_available() };
  if (facts.may_wait) return ok(`yes, ${counted(cores, 'core')}`, facts);
  return missing(shared_memory ? 'this thread may not wait' : 'no shared memory', 'use one thread', facts);
}

async function webgpu(signal: AbortSignal): Promise<Found> {
  const gpu = await gpus.gpu();
  if (gpu === null || gpus.webgpu === null) return missing('no', gpus.gpu_hint);
  const { device, description, software } = await unless_aborted(
    open_device(gpu, { signal: AbortSignal.any([signal, AbortSignal.timeout(GPU_MS)]) }),
    signal,
  );
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const features = ['shader-f16', 'subgroups', 'timestamp-query'].filter((name) => device.features.has(name));
  const facts = {
    adapter: description,
    software,
    features,
    limits: { maxBufferSize, maxStorageBufferBindingSize },
  };
  device.destroy();
  const what = [description, ...features, `${bytes_text(maxStorageBufferBindingSize)} a binding`].join(', ');
  if (!software) return ok(what, facts);
  return missing(
    what,
    "a processor's imitation: install the driver of a GPU, or leave it; 'auto' uses WASM",
    facts,
  );
}

function memory(): Found {
  const [total, free] = [os.totalmem(), os.freemem()];
  // Bun and Node say with very large numbers that there is no limit.
  const constrained = (process as { constrainedMemory?: () => number }).constrainedMemory?.() ?? 0;
  const limit = constrained > 0 && constrained < total ? constrained : null;
  const heap = v8.getHeapStatistics().heap_size_limit;
  const limited = limit === null ? '' : `, this process may have ${bytes_text(limit)}`;
  return ok(`${bytes_text(free)} free of ${bytes_text(total)}${limited}`, { total, free, limit, heap });
}

async function cache(): Promise<Found> {
  const store = await platform.cache();
  if (store === null) return missing('no', 'remote models are fetched at every load');
  const { place } = store;
  const bytes = await folder_bytes(place);
  const facts = { place, bytes, writable: false };
  try {
    await store.put('doctor/probe', new Uint8Array(1));
    await store.delete('doctor');
  } catch (error) {
    const { hint = 'set ALIGN_WASM_CACHE, or the option cache, to a folder that may be written' } = failure(
      error,
      false,
    );
    return missing(`${place} cannot be written, so remote models are fetched at every load`, hint, facts);
  }
  return ok(`${place}${bytes === null ? '' : `, ${bytes_text(bytes)} used`}`, { ...facts, writable: true });
}

/** Bytes of the files below a folder; null for what is none, or must not be read. */
async function folder_bytes(place: string): Promise<number | null> {
  if (!place.includes('/') && !place.includes('\\')) return null;
  const names = await readdir(place, { recursive: true }).catch((error: unknown) =>
    (error as { code?: unknown }).code === 'ENOENT' ? [] : null,
  );
  if (names === null) return null;
  const sizes = names.map((name) =>
    stat(join(place, name)).then(
      (file) => (file.isFile() ? file.size : 0),
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function decoders(): Promise<Found> {
  const reason = (error: unknown): Found => failure(error, false);
  const jpeg = await pictures.jpeg_wasm().then(() => null, reason);
  const webp = await pictures.webp().catch(() => null);
  const facts = { png: true, jpeg: jpeg === null, webp: webp !== null };
  const found = ['PNG', facts.jpeg && 'JPEG', facts.webp && 'WebP'].filter(Boolean).join(', ');
  if (jpeg) return missing(found, jpeg.hint ?? jpeg.text, facts);
  return webp ? ok(found, facts) : missing(found, 'for WebP: npm install @jsquash/webp', facts);
}

async function wasm(): Promise<Found> {
  const { exports } = new Instance(await compile());
  const bytes = await built_file('align.wasm').then(
    ({ length }) => length,
    () => null,
  );
  const abi = exports.abi_version();
  const size = bytes === null ? '' : `${bytes_text(bytes)}, `;
  return ok(`align.wasm, ${size}ABI ${abi}`, { abi, expected_abi: ABI_VERSION, bytes });
}

async function model(signal: AbortSignal): Promise<Found> {
  const { answer: known } = JSON.parse(new TextDecoder().decode(await built_file('known_answer.json'))) as {
    answer: string;
  };
  const load = async (threads: number): Promise<{ answer: string; dtype: string; used: number }> => {
    const align = await Align.load(undefined, { device: 'wasm', threads, signal });
    try {
      return { answer: await answer_of(align), dtype: align.model.dtype, used: align.model.threads };
    } finally {
      align.dispose();
    }
  };
  const { answer, dtype } = await load(1);
  const facts = { dtype, answer, known };
  if (answer !== known)
    throw new AlignError('integrity', `the embedded model answers ${answer}, not ${known}`, {
      detail: facts,
      hint: 'install the package again; if it stays so, this runtime computes wrong: please report it',
    });
  if (threads_available() && (await load(2)).answer !== known)
    throw new AlignError('integrity', 'the embedded model answers otherwise by two threads', {
      hint: 'use one thread, and please report it',
    });
  return ok(`align-icons, ${dtype}, gives the known answer`, facts);
}

/** A file beside the built package's modules, as platform/node_base.ts finds them. */
function built_file(name: string): Promise<Uint8Array> {
  const place = import.meta.url.endsWith('.ts') ? '../../../dist/' : '../';
  return readFile(new URL(place + name, import.meta.url));
}
