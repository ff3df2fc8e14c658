// out[i, j] = a[i] · b[j] / temperature (the weight), zeros from column n on.
//
// LANES threads share four outputs of a row, and with them its vector of the result: each takes every LANES-th vector of
// a[i] and of the four rows of b.
// include reduce.wgsl

@group(0) @binding(0) var<uniform> op: Similarity;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let index = ((wg.x + wg.y * groups.x) * THREADS + thread) / LANES;
  let lane = thread % LANES;
  let across = op.ldo / 4u;
  let vectors = op.k / 4u;
  let a = op.a / 16u + min(index / across, op.m - 1u) * vectors;
  let column = index % across * 4u + vec4(0u, 1u, 2u, 3u);
  let b = op.b / 16u + min(column, vec4(op.n - 1u)) * vectors;
  var s = mat4x4<f32>();
  for (var t = lane; t < vectors; t += LANES) {
    let x = arena[a + t];
    s[0] += x * arena[b.x + t];
    s[1] += x * arena[b.y + t];
    s[2] += x * arena[b.z + t];
    s[3] += x * arena[b.w + t];
  }
  let dots = row_sums(thread, vec4(sum_lanes(s[0]), sum_lanes(s[1]), sum_lanes(s[2]), sum_lanes(s[3])));
  if (lane > 0u || index >= op.m * across) { return; }
  arena[op.out / 16u + index] = select(vec4(0.0), dots / weights[op.weights / 16u].x, column < vec4(op.n));
}
