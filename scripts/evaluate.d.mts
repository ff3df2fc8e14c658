import type { Align } from '../src/host/align.ts';

/** Hits at two ranks. */
type Hits = [number, number];

export interface Counts {
  pictures: number;
  'top 100': Hits;
  'top 500': Hits;
  'picture to text': Hits;
  'text to picture': Hits;
}

export interface HeldOutSet {
  readonly names: readonly string[];
  readonly pictures: readonly (readonly [name: number, png: Uint8Array])[];
}

export function read_held_out(): Promise<Map<string, HeldOutSet>>;
export function evaluate(align: Align): Promise<Record<string, Counts>>;
export function read_reference(): Promise<Record<string, Counts>>;
