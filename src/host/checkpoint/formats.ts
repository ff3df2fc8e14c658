// How a model's weights are stored: the formats of single blocks (enum Format in assembly/plan/op.ts), and which block
// takes which of them under each `dtype`.

import { Format } from '../plan/layout.ts';
import type { WeightRequest } from '../plan/plan.ts';

/** What `dtype` may be when a model is loaded or converted. */
export const WEIGHT_DTYPES = ['fp32', 'fp16', 'bf16', 'q8', 'q4'] as const;
export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

/** Names of the formats, as packed files and `inspect` give them, each at its number. */
export const FORMAT_NAMES: readonly string[] = Object.keys(Format).map((name) => name.toLowerCase());

/** The formats that a dtype wants for blocks whose names match, the best first; a block takes the first that it can have. */
interface Rule {
  readonly names: RegExp;
  readonly formats: readonly number[];
}

const RULES: Readonly<Record<WeightDtype, readonly Rule[]>> = {
  fp32: [],
  fp16: [{ names: /./, formats: [Format.F16] }],
  bf16: [{ names: /./, formats: [Format.BF16] }],
  q8: [
    // One row a picture: reading the weights is what takes the time, and quantising the row would only add an op.
    { names: /squeeze_excite/, formats: [Format.Q8] },
    { names: /./, formats: [Format.Q8D, Format.Q8] },
  ],
  q4: [{ names: /./, formats: [Format.Q4] }],
};

/** The format of each block under `dtype`: of the first rule that names it; fp32 where it can have none of the rule's. */
export function choose_formats(requests: readonly WeightRequest[], dtype: WeightDtype): Uint8Array {
  return Uint8Array.from(requests, ({ name, accepts }) => {
    const rule = RULES[dtype].find(({ names }) => names.test(name));
    return rule?.formats.find((format) => (accepts & (1 << format)) !== 0) ?? Format.F32;
  });
}
