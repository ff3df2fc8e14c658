// Which tests a mutant meets, and in which order: those that name its file first, as most mutants die there, then those of
// everything that runs on it. None of them needs a GPU, fails by the clock, or runs another build than align.wasm.

const kernels = (...names: string[]): string[] => names.map((name) => `test/kernels/${name}.test.ts`);
const host = (...names: string[]): string[] => names.map((name) => `test/host/${name}.test.ts`);
const processor = (...names: string[]): string[] => names.map((name) => `test/processor/${name}.test.ts`);
const suite = (...names: string[]): string[] => names.map((name) => `test/mutation/suite/${name}.ts`);

const KERNELS = kernels('gemm', 'conv2d', 'depthwise', 'expand_depthwise', 'pool', 'activation', 'attention', 'rows', 'quantized', 'formats', 'pack'); // prettier-ignore
const MODELS = [...host('plan', 'plan_formats'), ...suite('goldens', 'random_models'), ...host('models', 'scores', 'dtypes', 'checkpoint', 'packed', 'align')]; // prettier-ignore
const SEARCH = [...kernels('search'), ...host('search', 'search_calls', 'search_file', 'search_recall')];
const CHECKED = ['test/checked/checked.test.ts'];
const PROCESSOR = processor('resize', 'memory', 'tokenizer', 'image', 'image_processor', 'processor');

/** By the beginning of a path. What comes first in a list is tried first; the first path that fits counts. */
const FIRST: readonly (readonly [path: string, tests: readonly string[]])[] = [
  ['assembly/kernels/tile', kernels('gemm')],
  ['assembly/kernels/layernorm', kernels('rows')],
  ['assembly/kernels/normalize', kernels('rows')],
  ['assembly/kernels/similarity', kernels('rows')],
  ['assembly/kernels/embedding', suite('table')],
  ['assembly/kernels/gather', suite('table')],
  ['assembly/kernels/slide', kernels('depthwise')],
  ['assembly/kernels/dot', kernels('quantized')],
  ['assembly/kernels/quantize', kernels('quantized')],
  ['assembly/kernels/widen', kernels('quantized', 'formats')],
  ['assembly/pack', kernels('pack', 'formats')],
  ['assembly/plan', [...kernels('gemm'), ...host('plan', 'plan_formats')]],
  ['assembly/models', [...host('plan'), ...suite('goldens')]],
  ['assembly/processor/filters', processor('resize')],
  ['assembly/processor/resize', processor('resize')],
  ['assembly/processor', processor('tokenizer')],
  ['assembly/search', SEARCH],
  ['assembly/simd/math', kernels('activation', 'math')],
  ['assembly/simd/half', kernels('formats', 'quantized', 'search')],
  ['assembly/simd/eight_bits', kernels('formats', 'quantized', 'search')],
];

/** What a file does not reach: tests that are not run for it. */
const NOT_REACHED: readonly (readonly [path: string, tests: readonly string[]])[] = [
  ['assembly/search', [...KERNELS, ...suite('table'), ...MODELS, ...CHECKED, ...PROCESSOR]],
  ['assembly/processor', [...KERNELS, ...suite('table'), ...CHECKED, ...SEARCH]],
  ['assembly/simd', PROCESSOR],
  ['assembly/kernels/dot', PROCESSOR],
  ['assembly/kernels/tile', PROCESSOR],
  ['assembly', [...PROCESSOR, ...SEARCH]],
];

const of = (table: typeof FIRST, file: string): readonly string[] =>
  table.find(([path]) => file.startsWith(path))?.[1] ?? [];

/** Test files for a mutant of `file`, in order; each list has a process of its own. */
export function tests_of(file: string): string[][] {
  const own = kernels(/([^/]+)\.ts$/.exec(file)![1]!).filter((path) => KERNELS.includes(path));
  const table = file.startsWith('assembly/kernels/') ? suite('table') : [];
  const near = [...of(FIRST, file), ...own, ...table];
  const all = [...near, ...KERNELS, ...suite('table'), ...MODELS, ...PROCESSOR, ...SEARCH];
  const unreached = new Set(of(NOT_REACHED, file));
  return [[...new Set(all)], CHECKED].map((list) => list.filter((path) => !unreached.has(path)));
}
