// What a kernel says of itself to the host.

import type { Features } from '../shader.ts';

/** Fields of an op's record by name. */
export type Fields = Readonly<Record<string, number>>;

/** Workgroups along x, y and z. */
export type Workgroups = readonly [x: number, y: number, z: number];

export interface Kernel {
  /** Its .wgsl file. */
  readonly stem: string;
  /** Values of the shader's `override` constants; every distinct set is a pipeline of its own. */
  constants?(op: Fields, features: Features): Readonly<Record<string, number>>;
  workgroups(op: Fields, features: Features): Workgroups;
}

/** WebGPU's limit along a dimension. */
const MOST = 65535;

/** `groups` workgroups in a row, or a rectangle of at least as many: a shader leaves out those beyond the end. */
export function grid(groups: number): Workgroups {
  if (groups <= MOST) return [groups, 1, 1];
  const lines = Math.ceil(groups / MOST);
  return [Math.ceil(groups / lines), lines, 1];
}
