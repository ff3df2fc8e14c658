// gemm.wgsl for one or a few rows, squeeze-and-excitation's and the pooler's: there is nothing to share but a row of a,
// so the weights are read once a row, and on a real GPU the inner size is split, as there are few columns.
//
//            v = 0   1   2   3
//          ┌───┬───┬───┬───┐
//   slices │   │   │   │   │  a thread adds up every SLICES-th step of four columns; the first slice adds up the slices
//          └───┴───┴───┴───┘
//              a panel
// include widen.wgsl
// include finish.wgsl

@group(0) @binding(0) var<uniform> op: Gemm;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

// Whether there is a gate, as in gemm.wgsl.
override GATED: u32 = 0u;
override SLICES: u32 = 1u;

var<workgroup> partial: array<vec4<f32>, 4u * SLICES>;

@compute @workgroup_size(4u, SLICES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let index = wg.x + wg.y * groups.x;
  let panels = (op.ldc + 15u) / 16u;
  let row = index / panels;
  let v = local.x;
  let column = index % panels * 16u + 4u * v;
  let panel = op.weights / 16u + index % panels * panel_size(op.k);
  let stride = op.lda / 4u;
  let a = op.a / 16u + row * stride;

  var sum = vec4<f32>(0.0);
  let k = select(0u, op.k, row < op.m); // a workgroup beyond the end meets the barrier all the same
  for (var q = local.y; q * 4u < k; q += SLICES) {
    var x = arena[a + q];
    if (GATED != 0u) { x *= arena[op.gate / 16u + row / op.pixels * stride + q]; }
    sum += widened(panel, q * 4u, v, op.k) * x;
  }
  if (SLICES > 1u) {
    partial[local.y * 4u + v] = sum;
    workgroupBarrier();
    if (local.y > 0u) { return; }
    for (var slice = 1u; slice < SLICES; slice++) { sum += partial[slice * 4u + v]; }
  }
  if (row >= op.m || column >= op.ldc) { return; }

  var y = finished(sum + bias_of(panel, v), column, op.n);
  if (op.residual != NONE) { y += arena[(op.residual / 4u + row * op.ldr + column) / 4u]; }
  arena[(op.c / 4u + row * op.ldc + column) / 4u] = y;
}
