// Activations to 8 bits, a scale a row, times a squeeze-and-excitation's gate where there is one.
//
//   row of out:  scale | 12 bytes unused | i16[k], zeros up to a multiple of 8
//
// LANES threads take eight columns each in turn: the largest |v|, by its bits as WASM has it (NaN above infinity), then
// the integers. A row whose largest is no number gets the scale NaN, which no product with it survives.
// include reduce.wgsl

@group(0) @binding(0) var<uniform> op: Quantize;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;

// Below it 127 / largest has no meaning: 2⁻¹⁰⁰.
const TINY: f32 = 7.888609052210118e-31;

const INFINITY_BITS: i32 = 0x7f800000;
const NAN_BITS: u32 = 0x7fc00000u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = ((wg.x + wg.y * groups.x) * THREADS + thread) / LANES;
  let row = min(index, op.rows - 1u);
  let lane = thread % LANES;
  let eights = op.ldo / 4u - 1u;
  var largest = vec4(0);
  for (var i = lane; i < eights; i += LANES) {
    largest = max(largest, max(magnitude(value(row, 2u * i)), magnitude(value(row, 2u * i + 1u))));
  }
  largest = row_maxima(thread, largest);
  if (index >= op.rows) { return; }
  let bits = max(max(largest.x, largest.y), max(largest.z, largest.w));
  let most = bitcast<f32>(min(bits, INFINITY_BITS - 1));
  let small = most < TINY;
  let scale = select(most / 127.0, 0.0, small);
  let factor = select(127.0 / most, 0.0, small);
  let out = op.out / 16u + row * (eights + 1u);
  if (lane == 0u) {
    arena[out] = vec4(select(bitcast<u32>(scale), NAN_BITS, bits >= INFINITY_BITS), 0u, 0u, 0u);
  }
  for (var i = lane; i < eights; i += LANES) {
    let low = packed(value(row, 2u * i) * factor);
    let high = packed(value(row, 2u * i + 1u) * factor);
    arena[out + 1u + i] = vec4(low, high);
  }
}

// Columns 4 j … 4 j + 3 of a row; zeros behind its last vector.
fn value(row: u32, j: u32) -> vec4<f32> {
  let vectors = op.ldx / 4u;
  if (j >= vectors) { return vec4(0.0); }
  let v = bitcast<vec4<f32>>(arena[op.x / 16u + row * vectors + j]);
  if (op.gate == NONE) { return v; }
  return v * bitcast<vec4<f32>>(arena[op.gate / 16u + row / op.pixels * vectors + j]);
}

fn magnitude(v: vec4<f32>) -> vec4<i32> {
  return bitcast<vec4<i32>>(v) & vec4(0x7fffffff);
}

// Four numbers to the nearest integers, ties to even, in 16 bits each.
fn packed(v: vec4<f32>) -> vec2<u32> {
  let q = bitcast<vec4<u32>>(vec4<i32>(round(v))) & vec4(0xffffu);
  return vec2(q.x | (q.y << 16u), q.z | (q.w << 16u));
}
