// What each subject does, in a process of its own.

import type { LoadOptions } from '../../src/host/options.ts';
import { serve_deno, serve_workerd } from '../examples/endpoint_servers.ts';
import { SoakedGpu } from './gpu.ts';
import { measure, type Row, type Soak } from './harness.ts';
import { align_base_soak } from './subjects/align_base.ts';
import { calls_soak } from './subjects/calls.ts';
import { load_soak } from './subjects/load.ts';
import { server_row } from './subjects/server.ts';
import { VOLUMES, type Name } from './volumes.ts';
import { Workers } from './workers.ts';

export interface Order {
  readonly name: Name;
  readonly quick: boolean;
  readonly seed: number;
  /** Bytes that each cycle keeps for good, to see that it is found. */
  readonly leak: number;
  /** counted_worker.ts, bundled. */
  readonly counted_worker: string;
}

/** What a soak finds in its process. */
export interface Surroundings {
  readonly workers: Workers;
  readonly gpu: SoakedGpu | null;
  readonly seed: number;
}

const THREADS: LoadOptions = { threads: 2 };
const WORKER: LoadOptions = { worker: true };
const on_gpu = ({ gpu }: Surroundings): LoadOptions => ({ device: 'webgpu', gpu: gpu!.gpu });

/** Those whose memory is counted from inside. */
const SOAKS: Readonly<Record<Exclude<Name, 'Deno.serve' | 'Worker'>, (s: Surroundings) => Promise<Soak>>> = {
  load: (s) => load_soak({}, s),
  'load, never disposed': (s) => load_soak({}, s, { dispose: false }),
  'load, threads: 2': (s) => load_soak(THREADS, s),
  'load, worker: true': (s) => load_soak(WORKER, s),
  'load, webgpu': (s) => load_soak(on_gpu(s), s),
  calls: (s) => calls_soak({}, s),
  'calls, threads: 2': (s) => calls_soak(THREADS, s),
  'calls, worker: true': (s) => calls_soak(WORKER, s),
  'calls, webgpu': (s) => calls_soak(on_gpu(s), s),
  'align-base': (s) => align_base_soak({}, s),
  'align-base, threads: 2': (s) => align_base_soak(THREADS, s),
  'align-base, worker: true': (s) => align_base_soak(WORKER, s),
};

/** Soaks one, in the process that it is called in. */
export async function soak({ name, quick, seed, leak, counted_worker }: Order): Promise<Row> {
  const volume = VOLUMES[name];
  if (name === 'Deno.serve' || name === 'Worker') {
    const load = { quick, seconds: quick ? volume.quick : volume.cycles, seed };
    return server_row(name, name === 'Worker' ? serve_workerd : serve_deno, load);
  }
  const workers = new Workers(new URL(counted_worker));
  const gpu = name.endsWith('webgpu') ? await SoakedGpu.open() : null;
  const soaked = await SOAKS[name]({ workers, gpu, seed });
  return measure(name, leak > 0 ? leaking(soaked, leak) : soaked, volume, quick);
}

/** Keeps so many bytes of every cycle. */
function leaking(soaked: Soak, bytes: number): Soak {
  const kept: Uint8Array[] = [];
  return {
    ...soaked,
    cycle: (i) => {
      kept.push(new Uint8Array(bytes));
      return soaked.cycle(i);
    },
  };
}
