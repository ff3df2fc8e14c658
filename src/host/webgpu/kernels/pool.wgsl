// out[b, c] = Σ over y, x of in[b, y, x, c] / count, or their maximum; NaN where there is one.
//
//   8 vectors of four channels →       a workgroup: each thread goes from left to right through every LINES-th line of
//   line 0           ▪ ▪ ▪ ▪ …         the map, and the first ones add up what they all have, line by line
//   line 1           ▪ ▪ ▪ ▪ …
//   … LINES − 1
//
// LINES is 1 for processors that imitate a GPU, which then need no barrier.
// include math.wgsl

override LINES: u32 = 16u;

const VECTORS: u32 = 8u;

@group(0) @binding(0) var<uniform> op: Pool;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

var<workgroup> partial: array<vec4<f32>, 128>;

@compute @workgroup_size(VECTORS, LINES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let vectors = op.ldc / 4u;
  let across = (vectors + VECTORS - 1u) / VECTORS;
  let group = wg.x + wg.y * groups.x;
  let b = min(group / across, op.batch - 1u);
  let v = group % across * VECTORS + local.x;
  let map = op.input / 16u + b * op.h * op.w * vectors + min(v, vectors - 1u);
  var total = arena[map]; // the maximum may meet it twice
  if (op.pooling == Pooling_Mean) { total = vec4(0.0); }
  for (var y = local.y; y < op.h; y += LINES) {
    let first = map + y * op.w * vectors;
    var line = arena[first];
    for (var x = 1u; x < op.w; x++) { line = joined(line, arena[first + x * vectors]); }
    total = joined(total, line);
  }
  if (LINES > 1u) {
    partial[local.y * VECTORS + local.x] = total;
    workgroupBarrier();
    if (local.y > 0u) { return; }
    for (var i = 1u; i < min(LINES, op.h); i++) { total = joined(total, partial[i * VECTORS + local.x]); }
  }
  if (v >= vectors || group / across >= op.batch) { return; }
  if (op.pooling == Pooling_Mean) { total /= f32(op.count); }
  arena[op.out / 16u + b * vectors + v] = total;
}

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  if (op.pooling == Pooling_Mean) { return a + b; }
  return keep_nan(a, keep_nan(b, max(a, b)));
}
