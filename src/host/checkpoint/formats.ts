// How a model's weights are stored: the formats of single blocks (enum Format in assembly/plan/op.ts), and which block
// takes which of them under each `dtype`.

import { Format } from '../plan/layout.ts';
import type { WeightRequest } from '../plan/plan.ts';

/** What `dtype` may be when a model is loaded or converted. */
export const WEIGHT_DTYPES = ['fp32', 'fp16', 'bf16', 'q8', 'q4'] as const;
export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

/** Names of the formats, as packed files and `inspect` give them, each at its number. */
export const FORMAT_NAMES: readonly string[] = Object.keys(Format).map((name) => name.toLowerCase());

/**
 * What a dtype wants for blocks of a name and of fewer bytes in fp32 than `below`: the first of `formats` that the block can
 * have. The first rule that fits a block counts.
 */
interface Rule {
  readonly names?: RegExp;
  readonly below?: number;
  readonly formats: readonly number[];
}

// Measured on embedded models with icons that they were not trained on. What is rounded in the first blocks, which are small,
// is multiplied on the way: with every product in 8 bits the worst of 2,014 icons fell to a cosine of 0.93. A projection reads
// activations that gates have spread wide: with its rows rounded to 8 bits, too, the worst of 500 icons has 0.9979, with its
// weights alone 0.9998; an expansion makes no such difference (0.9998 both ways). Gates and the text projection take one row a
// picture or text: reading their weights is what costs, and quantising the row would only add an op.
const GATES = /squeeze_excite/;
const ONE_ROW = /squeeze_excite|text_projection/;
const PROJECTIONS = /project_conv/;
/** Added to every token, and small beside the words. */
const SMALL_TABLES = /(position|token_type)_embeddings/;
const CONVOLUTIONS = /(expand|project)_conv/;

const RULES: Readonly<Record<WeightDtype, readonly Rule[]>> = {
  fp32: [],
  fp16: [{ formats: [Format.F16] }],
  bf16: [{ formats: [Format.BF16] }],
  q8: [
    { names: ONE_ROW, below: 16_384, formats: [] },
    { names: ONE_ROW, formats: [Format.Q8] },
    { names: CONVOLUTIONS, below: 49_152, formats: [] },
    { names: CONVOLUTIONS, below: 65_536, formats: [Format.F16] },
    { names: PROJECTIONS, formats: [Format.Q8] },
    { formats: [Format.Q8D, Format.Q8] },
  ],
  // 4 bits in the small blocks and the gates cost the pictures twice as much (1 − cosine 0.009) as in all the others (0.004).
  q4: [
    { names: GATES, formats: [Format.Q8] },
    { names: SMALL_TABLES, formats: [Format.Q8] },
    { names: CONVOLUTIONS, below: 65_536, formats: [Format.Q8] },
    { formats: [Format.Q4] },
  ],
};

/** Gives each block its format; `requests` are those of a recording in fp32. */
export type ChooseFormats = (requests: readonly WeightRequest[]) => Uint8Array;

/** The formats of blocks under `dtype`. */
export function choose_formats(requests: readonly WeightRequest[], dtype: WeightDtype): Uint8Array {
  return Uint8Array.from(requests, ({ name, bytes, accepts }) => {
    const rule = RULES[dtype].find(({ names = /^/, below = Infinity }) => names.test(name) && bytes < below);
    return rule?.formats.find((format) => (accepts & (1 << format)) !== 0) ?? Format.F32;
  });
}
