// What the tests use of evaluate.mjs.

import type { Align } from '../src/host/align.ts';

/** Hits at rank 1, 5 and 10, both ways, for each set and template. */
export type Evaluation = Record<string, { image_to_text: number[]; text_to_image: number[]; count: number }>;

export declare function read_held_out(): Promise<Map<string, [name: string, png: Uint8Array][]>>;
export declare function evaluate(align: Align): Promise<Evaluation>;
export declare function read_reference(): Promise<Evaluation>;
