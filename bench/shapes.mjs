// Ops of plans by the names that make_models.py gives them, and the inputs of plans.

/** An op that is two in one as the two; any other as itself. */
export function halves(op) {
  if (!op.second) return [op];
  return [
    { ...op, kind: 'Gemm', second: null },
    { ...op, kind: 'Depthwise', fields: op.second, second: null },
  ];
}

/** What make_models.py calls an op of this shape; the names of both where it is two in one. */
export function name_of(op) {
  const { kind, fields: f, shape } = op;
  if (op.second) return halves(op).map(name_of).join(' + ');
  switch (kind) {
    case 'Gemm':
      return `gemm_${f.m}_${f.k}_${f.n}`;
    case 'Conv2d':
      return `conv2d_${f.in_h}_${f.n}_${f.kernel}_${f.stride}`;
    case 'Depthwise':
      return `depthwise_${f.in_h}_${f.channels}_${f.kernel}_${f.stride}`;
    case 'Pool':
      return `pool_${f.h}_${f.ldc}`;
    case 'Attention':
      return `attention_${f.tokens}_${f.heads}_${f.d}`;
    case 'LayerNorm':
      return `layernorm_${f.rows}_${f.width}`;
    default:
      return `${kind.toLowerCase()}_${shape.replaceAll('×', '_')}`;
  }
}

/** gemm_64_768_768 as people read it. */
export const readable = (name) => name.replaceAll(/([a-z])_/g, '$1 ').replaceAll(/(\d)_/g, '$1 · ');

/** What the plan of a tower takes as its inputs, for the work's inputs. */
export function plan_inputs({ tower, make }) {
  const { inputs, dims } = make();
  if (tower === 'vision') return inputs;
  const ints = Object.entries(inputs).map(([name, values]) => [name, Int32Array.from(values, Number)]);
  const position_ids = Int32Array.from({ length: dims[1] }, (_, i) => i);
  return { ...Object.fromEntries(ints), position_ids, starts: Int32Array.of(0, dims[1]) };
}

/** Adds the numbers of `values` to what is under `key`. */
export function add(sums, key, texts, values) {
  const sum = sums.get(key) ?? { ...texts };
  for (const [name, value] of Object.entries(values)) sum[name] = (sum[name] ?? 0) + value;
  sums.set(key, sum);
}
