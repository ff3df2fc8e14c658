// out[i] = x[rows[i]]
//
// A thread copies four floats of a row, pad lanes along with them.

@group(0) @binding(0) var<uniform> op: Gather;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let vectors = op.ldc / 4u;
  let index = (wg.x + wg.y * groups.x) * 64u + lane;
  if (index >= op.count * vectors) { return; }
  let i = index / vectors;
  let row = arena[op.rows / 16u + i / 4u][i % 4u];
  arena[op.out / 16u + index] = arena[op.x / 16u + row * vectors + index % vectors];
}
