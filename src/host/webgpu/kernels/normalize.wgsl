// out[i] = x[i] / ‖x[i]‖₂. No epsilon: a zero row becomes NaN, as in transformers.
//
// LANES threads take a row's vectors of four columns in turn.
// include reduce.wgsl

@group(0) @binding(0) var<uniform> op: Normalize;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = ((wg.x + wg.y * groups.x) * THREADS + thread) / LANES;
  let lane = thread % LANES;
  let vectors = op.ldc / 4u;
  let x = op.x / 16u + min(row, op.rows - 1u) * vectors;
  var s = vec4(0.0);
  for (var i = lane; i < vectors; i += LANES) { s += arena[x + i] * arena[x + i]; }
  let norm = sqrt(sum_lanes(row_sums(thread, s)));
  if (row >= op.rows) { return; }
  let out = op.out / 16u + row * vectors;
  for (var i = lane; i < vectors; i += LANES) {
    let column = i * 4u + vec4(0u, 1u, 2u, 3u);
    arena[out + i] = select(vec4(0.0), arena[x + i] / norm, column < vec4(op.width));
  }
}
