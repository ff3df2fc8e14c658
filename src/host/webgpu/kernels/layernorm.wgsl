// out[t] = (x[t] − mean) / √(variance + eps) · gamma + beta, the variance biased, as torch.nn.LayerNorm.
//
//   weights:  gamma[ldc] | beta[ldc]
//
// LANES threads take a row's vectors of four columns in turn, three times: mean, variance, result.
// include reduce.wgsl

@group(0) @binding(0) var<uniform> op: LayerNorm;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let t = ((wg.x + wg.y * groups.x) * THREADS + thread) / LANES;
  let lane = thread % LANES;
  let vectors = op.ldc / 4u;
  let x = op.x / 16u + min(t, op.rows - 1u) * vectors;
  var s = vec4(0.0);
  for (var i = lane; i < vectors; i += LANES) { s += arena[x + i]; }
  let mean = sum_lanes(row_sums(thread, s)) / f32(op.width);
  s = vec4(0.0);
  for (var i = lane; i < vectors; i += LANES) {
    let d = select(vec4(0.0), arena[x + i] - mean, columns(i) < vec4(op.width));
    s += d * d;
  }
  let variance = sum_lanes(row_sums(thread, s)) / f32(op.width);
  if (t >= op.rows) { return; }
  let scale = 1.0 / sqrt(variance + op.eps);
  let out = op.out / 16u + t * vectors;
  let gamma = op.weights / 16u;
  for (var i = lane; i < vectors; i += LANES) {
    let y = (arena[x + i] - mean) * scale * weights[gamma + i] + weights[gamma + vectors + i];
    arena[out + i] = select(vec4(0.0), y, columns(i) < vec4(op.width));
  }
}

fn columns(vector: u32) -> vec4<u32> {
  return vector * 4u + vec4(0u, 1u, 2u, 3u);
}
