// gemm.wgsl for real GPUs: a workgroup computes a square of c, its rows of a and columns of w pass through shared memory
// DEPTH steps at a time.
//
//                   w:  DEPTH × SIDE
//                  ┌───┬───┬─ ⋯ ┐
//                  └───┴───┴─ ⋯ ┘      SIDE = 4 · THREADS
//   a: SIDE × DEPTH  ┌─┬───┬─ ⋯ ┐
//       ┌───┐        │ 4 columns a thread, rows y, y + THREADS, y + 2 · THREADS, y + 3 · THREADS: neighbours then read
//       ⋮   ⋮        ⋮ different banks
//
// include widen.wgsl
// include finish.wgsl

@group(0) @binding(0) var<uniform> op: Gemm;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

// 8: squares of 32 with 64 threads, DEPTH 32; 16: squares of 64 with 256 threads, DEPTH 16. Both fill a · quads in passes
// without remainder and take 9 to 10 KiB of shared memory.
override THREADS: u32 = 8u;
override DEPTH: u32 = 32u;
// Whether there is a gate, as in gemm.wgsl.
override GATED: u32 = 0u;

// Steps of k in fours; a row of the tile has one more, again for the banks.
override QUADS: u32 = DEPTH / 4u;
var<workgroup> tile_a: array<vec4<f32>, 4u * THREADS * (QUADS + 1u)>;
var<workgroup> tile_w: array<vec4<f32>, THREADS * DEPTH>;

// Steps q · 4 … q · 4 + 3 of row i, zeros outside.
fn a_at(i: u32, q: u32) -> vec4<f32> {
  if (i >= op.m || q * 4u >= op.k) { return vec4<f32>(0.0); }
  let stride = op.lda / 4u;
  var x = arena[op.a / 16u + i * stride + q];
  if (GATED != 0u) { x *= arena[op.gate / 16u + i / op.pixels * stride + q]; }
  return x;
}

@compute @workgroup_size(THREADS, THREADS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let index = wg.x + wg.y * groups.x;
  let vectors = (op.ldc + 3u) / 4u;
  let across = (vectors + THREADS - 1u) / THREADS;
  let row = index / across * 4u * THREADS;
  let first = index % across * THREADS;
  let lane = local.y * THREADS + local.x;
  let threads = THREADS * THREADS;
  let panel = panel_size(op.k);
  // A thread beyond the last column reads the last panel; nothing of it is stored.
  let last = (op.n - 1u) / 16u;

  let v = first + local.x;
  let own = op.weights / 16u + min(v / 4u, last) * panel;
  var s0 = bias_of(own, v % 4u);
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  for (var k = 0u; k < op.k; k += DEPTH) {
    for (var i = lane; i < 4u * THREADS * QUADS; i += threads) {
      tile_a[i / QUADS * (QUADS + 1u) + i % QUADS] = a_at(row + i / QUADS, k / 4u + i % QUADS);
    }
    for (var i = lane; i < THREADS * QUADS; i += threads) {
      let to = first + i % THREADS;
      let step = k + i / THREADS * 4u;
      var w = mat4x4<f32>();
      if (step < op.k) { w = widened(op.weights / 16u + min(to / 4u, last) * panel, step, to % 4u, op.k); }
      let at = i / THREADS * 4u * THREADS + i % THREADS;
      tile_w[at] = w[0];
      tile_w[at + THREADS] = w[1];
      tile_w[at + 2u * THREADS] = w[2];
      tile_w[at + 3u * THREADS] = w[3];
    }
    workgroupBarrier();
    for (var q = 0u; q < QUADS; q++) {
      let at = q * 4u * THREADS + local.x;
      let w = mat4x4<f32>(tile_w[at], tile_w[at + THREADS], tile_w[at + 2u * THREADS], tile_w[at + 3u * THREADS]);
      let line = local.y * (QUADS + 1u) + q;
      s0 += w * tile_a[line];
      s1 += w * tile_a[line + THREADS * (QUADS + 1u)];
      s2 += w * tile_a[line + 2u * THREADS * (QUADS + 1u)];
      s3 += w * tile_a[line + 3u * THREADS * (QUADS + 1u)];
    }
    workgroupBarrier();
  }

  if (v >= vectors) { return; }
  var sums = array<vec4<f32>, 4>(s0, s1, s2, s3);
  for (var i = 0u; i < 4u; i++) {
    let line = row + local.y + i * THREADS;
    if (line >= op.m) { break; }
    var y = finished(sums[i], v * 4u, op.n);
    if (op.residual != NONE) { y += arena[op.residual / 16u + line * (op.ldr / 4u) + v]; }
    arena[op.c / 16u + line * (op.ldc / 4u) + v] = y;
  }
}
