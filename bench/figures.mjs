// What the measurements are for: each figure that is aimed at, ours beside the peer's, their ratio, the target.
//
// Ratios are of medians of runs that alternated, except for ops, of which the best times count.

/** How the number that is compared with the target comes about. */
const RATIO = {
  /** Times as fast as `theirs`. */
  faster: (ours, theirs) => theirs / ours,
  /** Time over the time of `theirs`. */
  slower: (ours, theirs) => ours / theirs,
  /** The figure itself. */
  itself: (ours) => ours,
};

const faster = (what, ours, theirs, target) => ({ what, ours, theirs, ratio: 'faster', at_least: target });
const within = (what, ours, theirs, target) => ({ what, ours, theirs, ratio: 'slower', at_most: target });
const at_most = (what, ours, target, field) => ({ what, ours, ratio: 'itself', at_most: target, field });
const at_least = (what, ours, target, field) => ({ what, ours, ratio: 'itself', at_least: target, field });

/** The same figure for both towers. */
const towers = (make) => ['vision', 'text'].flatMap(make);

const FIGURES = [
  ...Object.entries({ node: 2.8, newest: 2.8, chromium: 2.5 }).map(([where, target]) =>
    faster('vision', `vision | ${where} | align-wasm`, `vision | ${where} | onnxruntime-web`, target),
  ),
  within('vision', 'vision | node | align-wasm', 'vision | node | onnxruntime native', 1.9),
  ...['node', 'newest', 'chromium'].map((where) =>
    faster('text', `text | ${where} | align-wasm`, `text | ${where} | onnxruntime-web`, 1.9),
  ),
  within('text', 'text | node | align-wasm', 'text | node | onnxruntime native', 2),

  ...['node', 'chromium'].flatMap((where) => [
    faster(
      '1 label',
      `label | ${where} | align-wasm`,
      `label | ${where} | onnxruntime-web, on the padded input`,
      10,
    ),
    at_most('1 label, padded against trimmed', `label | ${where} | align-wasm`, 1e-6, 'padding'),
    faster(
      '64 labels',
      `labels | ${where} | align-wasm`,
      `labels | ${where} | onnxruntime-web, on the padded input`,
      8,
    ),
  ]),

  ...['newest', 'chromium'].flatMap((where) => [
    ...towers((work) => [
      faster(
        `${work}, precision: 'fast'`,
        `${work} | ${where} | precision: 'fast'`,
        `${work} | ${where} | align-wasm`,
        1.2,
      ),
    ]),
    faster(
      "vision, precision: 'fast'",
      `vision | ${where} | precision: 'fast'`,
      `vision | ${where} | onnxruntime-web`,
      3,
    ),
  ]),

  ...['node', 'chromium'].flatMap((where) =>
    towers((work) => [
      faster(
        `${work}, dtype: 'q8'`,
        `${work} | ${where} | dtype: 'q8'`,
        `${work} | ${where} | align-wasm`,
        1,
      ),
    ]),
  ),
  faster("text, dtype: 'q8'", "text | node | dtype: 'q8'", 'text | node | onnxruntime-web, int8', 1.5),
  at_least('q8, cosine to fp32, embedded model', 'quality | q8', 0.999),

  ...['node', 'chromium'].flatMap((where) =>
    towers((work) => [
      faster(
        `${work}, threads: 2`,
        `${work} | ${where} | threads: 2`,
        `${work} | ${where} | align-wasm`,
        1.8,
      ),
      at_most(`${work}, threads: 2, difference`, `${work} | ${where} | threads: 2`, 0, 'difference'),
    ]),
  ),

  ...Object.entries({ node: 'exact', newest: 'fast' }).flatMap(([where, precision]) => [
    at_least(
      `GEMM together, share of chains (${precision})`,
      `gemm together | ${where} | ${precision}`,
      0.9,
      'share',
    ),
    at_least(
      `GEMM slowest, share of chains (${precision})`,
      `gemm slowest | ${where} | ${precision}`,
      0.9,
      'share',
    ),
    at_least(
      `GEMM together, share of the tile (${precision})`,
      `gemm together | ${where} | ${precision}`,
      0.9,
      'share_of_tile',
    ),
  ]),
  faster('depthwise', 'depthwise | align-wasm', 'depthwise | onnxruntime-web', 2),
  at_most('swish, ns an element', 'swish | align-wasm', 1.1),

  ...[100_000, 1_000_000].flatMap((size) => [
    faster(
      `search ${size} x 640, int8`,
      `search | ${size} | align-wasm, int8`,
      `search | ${size} | plain loop`,
      10,
    ),
    faster(
      `search ${size} x 640, int8`,
      `search | ${size} | align-wasm, int8`,
      `search | ${size} | Orama`,
      10,
    ),
  ]),
  at_most('search 1000000 x 640, int8, ms', 'search | 1000000 | align-wasm, int8', 100),
  at_most(
    'search 1000000 x 640, int8, MB',
    'search memory | 1000000 | align-wasm, int8: the whole process',
    1074,
  ),

  at_most('load, Hugging Face file', 'load | hf', 1500),
  at_most('load, packed file', 'load | packed', 500),
  faster('load, Hugging Face file', 'load | hf', 'load | onnxruntime-web', 1),
  ...towers((work) => [
    at_most(`peak memory over weights, ${work}`, `memory | ${work} | align-wasm`, 1.08, 'over_weights'),
  ]),
  at_most('arena of one picture, MB', 'arena | align-wasm', 14),
  at_most('compile + instantiate + plan', 'start | plan', 15),
  ...['align', 'align.relaxed', 'align.threads', 'align.relaxed.threads'].map((name) =>
    at_most(`size of ${name}.wasm, kB`, `size | ${name}.wasm`, 100),
  ),
];

/** The number of a row that a figure is about. */
const number_of = (row, field) => row?.[field ?? (row.median === undefined ? 'best' : 'median')];

/**
 * The figures of which something was measured.
 * @param rows measurements, see results.mjs
 * @returns [{ what, where, ours, theirs, peer, ratio, target, reached, note }]; `ours` is null, and `note` says why, where a
 *   contestant failed
 */
export function figures_of(rows) {
  const by_id = new Map(rows.map((row) => [row.id, row]));
  return FIGURES.flatMap(({ what, field, at_least, at_most, ...figure }) => {
    const ours = by_id.get(figure.ours);
    const theirs = figure.theirs && by_id.get(figure.theirs);
    if (!ours || (figure.theirs && !theirs)) return [];
    const [a, b] = [number_of(ours, field), theirs && number_of(theirs, field)];
    const ratio = RATIO[figure.ratio](a, b);
    const common = {
      what,
      where: ours.where,
      peer: theirs?.who ?? null,
      target: at_least === undefined ? `≤ ${at_most}` : `≥ ${at_least}`,
    };
    const error = ours.error ?? theirs?.error;
    if (error) return [{ ...common, ours: null, theirs: null, ratio: null, reached: false, note: error }];
    const reached = at_least === undefined ? ratio <= at_most : ratio >= at_least;
    return [{ ...common, ours: a, theirs: b ?? null, ratio, reached }];
  });
}
