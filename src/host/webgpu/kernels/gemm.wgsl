// c[m, n] = activation((a · gate)[m, k] · w[k, n] + bias[n]) + residual[m, n], in registers alone: no barrier, no shared
// memory, which software drivers pay for dearly.
//
//             half a panel
//           ┌──────┬──────┐
//    8 rows │ s0…7 │ t0…7 │  a thread's sums; the next thread has the next eight columns of the same rows
//           └──────┴──────┘
//
// Written out row by row: arrays in a loop take twice the time on SwiftShader.
// include widen.wgsl
// include finish.wgsl

@group(0) @binding(0) var<uniform> op: Gemm;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

// Whether there is a gate: tested in the innermost loop it would cost those without.
override GATED: u32 = 0u;

// Where row i of a and of its gate begin; rows behind the last repeat it.
fn places(i: u32) -> vec2<u32> {
  let row = min(i, op.m - 1u);
  let stride = op.lda / 4u;
  return vec2<u32>(op.a / 16u + row * stride, select(0u, op.gate / 16u + row / op.pixels * stride, GATED != 0u));
}

fn step_of(place: vec2<u32>, q: u32) -> vec4<f32> {
  if (GATED != 0u) { return arena[place.x + q] * arena[place.y + q]; }
  return arena[place.x + q];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = (wg.x + wg.y * groups.x) * 64u + lane;
  let across = (op.ldc + 7u) / 8u;
  let row = index / across * 8u;
  let v = index % across * 2u;
  if (row >= op.m) { return; }

  let panel = op.weights / 16u + v / 4u * panel_size(op.k);
  let left = v % 4u;
  let p0 = places(row);
  let p1 = places(row + 1u);
  let p2 = places(row + 2u);
  let p3 = places(row + 3u);
  let p4 = places(row + 4u);
  let p5 = places(row + 5u);
  let p6 = places(row + 6u);
  let p7 = places(row + 7u);
  var s0 = bias_of(panel, left);
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  var s4 = s0;
  var s5 = s0;
  var s6 = s0;
  var s7 = s0;
  var t0 = bias_of(panel, left + 1u);
  var t1 = t0;
  var t2 = t0;
  var t3 = t0;
  var t4 = t0;
  var t5 = t0;
  var t6 = t0;
  var t7 = t0;
  for (var k = 0u; k < op.k; k += 4u) {
    let w = widened(panel, k, left, op.k);
    let u = widened(panel, k, left + 1u, op.k);
    let q = k / 4u;
    let x0 = step_of(p0, q);
    s0 += w * x0;
    t0 += u * x0;
    let x1 = step_of(p1, q);
    s1 += w * x1;
    t1 += u * x1;
    let x2 = step_of(p2, q);
    s2 += w * x2;
    t2 += u * x2;
    let x3 = step_of(p3, q);
    s3 += w * x3;
    t3 += u * x3;
    let x4 = step_of(p4, q);
    s4 += w * x4;
    t4 += u * x4;
    let x5 = step_of(p5, q);
    s5 += w * x5;
    t5 += u * x5;
    let x6 = step_of(p6, q);
    s6 += w * x6;
    t6 += u * x6;
    let x7 = step_of(p7, q);
    s7 += w * x7;
    t7 += u * x7;
  }

  var sums = array<array<vec4<f32>, 2>, 8>(
    array(s0, t0), array(s1, t1), array(s2, t2), array(s3, t3),
    array(s4, t4), array(s5, t5), array(s6, t6), array(s7, t7));
  let rows = min(8u, op.m - row);
  let vectors = min(2u, op.ldc / 4u - v);
  for (var i = 0u; i < rows; i++) {
    for (var j = 0u; j < vectors; j++) {
      var y = finished(sums[i][j], (v + j) * 4u, op.n);
      if (op.residual != NONE) { y += arena[op.residual / 16u + (row + i) * (op.ldr / 4u) + v + j]; }
      arena[op.c / 16u + (row + i) * (op.ldc / 4u) + v + j] = y;
    }
  }
}
