// What is soaked, and how much: for a release, and in npm run test:long.

export interface Volume {
  /** Cycles; of servers, seconds. */
  readonly cycles: number;
  readonly quick: number;
}

const loads = (quick: number): Volume => ({ cycles: 1000, quick });
const CALLS: Volume = { cycles: 10_000, quick: 800 };
const BASE: Volume = { cycles: 50, quick: 6 };
const SERVER: Volume = { cycles: 60, quick: 10 };

export const VOLUMES = {
  load: loads(100),
  'load, never disposed': loads(100),
  'load, threads: 2': loads(60),
  'load, worker: true': loads(40),
  'load, webgpu': loads(30),
  calls: CALLS,
  'calls, threads: 2': CALLS,
  'calls, worker: true': CALLS,
  'calls, webgpu': CALLS,
  'align-base': BASE,
  'align-base, threads: 2': BASE,
  'align-base, worker: true': BASE,
  'Deno.serve': SERVER,
  Worker: SERVER,
} as const satisfies Record<string, Volume>;

export type Name = keyof typeof VOLUMES;

export const NAMES = Object.keys(VOLUMES) as readonly Name[];
