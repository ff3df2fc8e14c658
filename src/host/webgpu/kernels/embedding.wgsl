// out[t] = table[ids[t] − first], or out[t] += it: the word, token type and position tables. An id outside of the rows that
// the op has, first … first + rows − 1, gives zeros: a large table is several ops.
//
// A thread looks up four columns. Rows in narrow formats (assembly/plan/formats.ts) get the bits that they have in WASM.

@group(0) @binding(0) var<uniform> op: Embedding;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let vectors = op.ldc / 4u;
  let index = (wg.x + wg.y * groups.x) * 64u + thread;
  if (index >= op.tokens * vectors) { return; }
  let t = index / vectors;
  let row = arena[op.ids / 16u + t / 4u][t % 4u] - op.first;
  let here = row < op.rows;
  let out = op.out / 16u + index;
  if (op.accumulate == 0u) {
    arena[out] = select(vec4(0u), row_vector(row, index % vectors), here);
  } else if (here) {
    arena[out] = bitcast<vec4<u32>>(bitcast<vec4<f32>>(arena[out]) + bitcast<vec4<f32>>(row_vector(row, index % vectors)));
  }
}

// Bits of the columns 4 v … 4 v + 3 of a row.
fn row_vector(row: u32, v: u32) -> vec4<u32> {
  let base = op.weights / 16u;
  let groups = (op.ldc + 31u) / 32u;
  switch op.format {
    case Format_F32: { return weights[base + row * (op.ldc / 4u) + v]; }
    case Format_F16, Format_BF16: {
      let pair = weights[base + row * ((op.ldc + 7u) / 8u) + v / 2u];
      let words = select(pair.xy, pair.zw, (v & 1u) == 1u);
      let numbers = vec4(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
      if (op.format == Format_BF16) { return numbers << vec4(16u); }
      return from_halves(numbers);
    }
    case Format_Q4: {
      let heads = (groups + 7u) / 8u; // vectors of scales
      let at = base + row * (heads + groups);
      let g = v / 8u;
      let scales = weights[at + g / 8u][g / 2u % 4u];
      let scale = bitcast<f32>(from_halves(vec4((scales >> (g % 2u * 16u)) & 0xffffu)).x);
      let left = vec4(28u, 20u, 12u, 4u) - (v & 4u);
      let q = bitcast<vec4<i32>>(vec4(weights[at + heads + g][v % 4u]) << left) >> vec4(28u);
      // A scale may be negative, and pad lanes are never −0.
      return select(bitcast<vec4<u32>>(vec4<f32>(q) * scale), vec4(0u), q == vec4(0));
    }
    default: {
      let at = base + row * (1u + (op.ldc + 15u) / 16u);
      let scale = bitcast<f32>(weights[at].x);
      let q = bitcast<vec4<i32>>(vec4(weights[at + 1u + v / 4u][v % 4u]) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u);
      return bitcast<vec4<u32>>(vec4<f32>(q) * scale);
    }
  }
}

// Four halves as floats, in integers but for subnormals, as unpack2x16float may flush those.
fn from_halves(h: vec4<u32>) -> vec4<u32> {
  let magnitude = h & vec4(0x7fffu);
  var f = (magnitude << vec4(13u)) + select(vec4(0x38000000u), vec4(0x70000000u), magnitude >= vec4(0x7c00u));
  f = select(f, bitcast<vec4<u32>>(vec4<f32>(magnitude) * 5.9604644775390625e-8), magnitude < vec4(0x400u));
  return f | ((h & vec4(0x8000u)) << vec4(16u));
}
