// out[b, y, x, n] = activation(Σ in[b, y·stride + ky − top, x·stride + kx − left, c] · w[ky, kx, c, n] + bias[n]), zeros
// outside: gemm.wgsl with the patch of a pixel as its row, which is never gathered.
//
//                 half a panel
//               ┌──────┬──────┐
//      4 pixels │ s0…3 │ t0…3 │  a thread's sums; a step is four channels of a tap
//               └──────┴──────┘
// include widen.wgsl
// include finish.wgsl

@group(0) @binding(0) var<uniform> op: Conv2d;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;

// A pixel's patch: the vector at which its picture begins, and the place in it of the upper left tap.
struct Patch { picture: u32, y: i32, x: i32 }

// Of output pixel i; those behind the last repeat it.
fn patch_of(i: u32) -> Patch {
  let pixel = min(i, op.batch * op.out_h * op.out_w - 1u);
  let line = pixel / op.out_w;
  let picture = op.input / 16u + line / op.out_h * op.in_h * op.in_w * (op.lda / 4u);
  return Patch(picture, i32(line % op.out_h * op.stride - op.top), i32(pixel % op.out_w * op.stride - op.left));
}

// Channels 4 q … 4 q + 3 of tap (ky, kx).
fn tap(at: Patch, ky: u32, kx: u32, q: u32) -> vec4<f32> {
  let y = bitcast<u32>(at.y) + ky; // a negative place is out of range too
  let x = bitcast<u32>(at.x) + kx;
  if (y >= op.in_h || x >= op.in_w) { return vec4<f32>(0.0); }
  return arena[at.picture + (y * op.in_w + x) * (op.lda / 4u) + q];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = (wg.x + wg.y * groups.x) * 64u + lane;
  let across = (op.ldc + 7u) / 8u;
  let pixel = index / across * 4u;
  let v = index % across * 2u;
  let pixels = op.batch * op.out_h * op.out_w;
  if (pixel >= pixels) { return; }

  let depth = op.kernel * op.kernel * op.lda;
  let panel = op.weights / 16u + v / 4u * panel_size(depth);
  let left = v % 4u;
  let p0 = patch_of(pixel);
  let p1 = patch_of(pixel + 1u);
  let p2 = patch_of(pixel + 2u);
  let p3 = patch_of(pixel + 3u);
  var s0 = bias_of(panel, left);
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  var t0 = bias_of(panel, left + 1u);
  var t1 = t0;
  var t2 = t0;
  var t3 = t0;
  var k = 0u;
  for (var ky = 0u; ky < op.kernel; ky++) {
    for (var kx = 0u; kx < op.kernel; kx++) {
      for (var q = 0u; q < op.lda / 4u; q++) {
        let w = widened_whole(panel, k, left);
        let u = widened_whole(panel, k, left + 1u);
        k += 4u;
        let x0 = tap(p0, ky, kx, q);
        s0 += w * x0;
        t0 += u * x0;
        let x1 = tap(p1, ky, kx, q);
        s1 += w * x1;
        t1 += u * x1;
        let x2 = tap(p2, ky, kx, q);
        s2 += w * x2;
        t2 += u * x2;
        let x3 = tap(p3, ky, kx, q);
        s3 += w * x3;
        t3 += u * x3;
      }
    }
  }

  var sums = array<array<vec4<f32>, 2>, 4>(array(s0, t0), array(s1, t1), array(s2, t2), array(s3, t3));
  let count = min(4u, pixels - pixel);
  let vectors = min(2u, op.ldc / 4u - v);
  for (var i = 0u; i < count; i++) {
    for (var j = 0u; j < vectors; j++) {
      arena[op.out / 16u + (pixel + i) * (op.ldc / 4u) + v + j] = finished(sums[i][j], (v + j) * 4u, op.n);
    }
  }
}
