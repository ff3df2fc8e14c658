// A product of 8-bit activations and 8-bit weights: exact sums in 32-bit integers, then
// c[m, n] = activation(f32(sum) · (scale of the row · scale of the column) + bias[n]) + residual[m, n].
//
//   row of a:  scale | 12 bytes unused | k = 0, 1: i16[2] | …  (kernels/quantize.ts): a vector is eight steps, zeros at last
//   panel:     bias f32[16], scale f32[16] | k = 0, 1: i8[16][2] | …
//
//               half a panel
//             ┌──────┬──────┐
//      4 rows │ s0…3 │ t0…3 │  a thread's sums, as in gemm.wgsl; in registers alone
//             └──────┴──────┘
// include integers.wgsl
// include finish.wgsl

@group(0) @binding(0) var<uniform> op: Gemm;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;

// Steps between two additions to the sums.
const CHUNK: u32 = 1024u;

// #if packed_dot
alias Partial = vec4<i32>;

// Eight steps of four columns, four steps a word.
struct Block { first: vec4<u32>, second: vec4<u32> }

// A column's bytes from two pairs of steps.
fn joined(first: vec2<u32>, second: vec2<u32>) -> vec4<u32> {
  let low = (first & vec2<u32>(0xffffu)) | (second << vec2<u32>(16u));
  let high = (first >> vec2<u32>(16u)) | (second & vec2<u32>(0xffff0000u));
  return vec4<u32>(low.x, high.x, low.y, high.y);
}

fn block_of(b0: vec2<u32>, b1: vec2<u32>, b2: vec2<u32>, b3: vec2<u32>) -> Block {
  return Block(joined(b0, b1), joined(b2, b3));
}

fn dot4(x: u32, w: vec4<u32>) -> vec4<i32> {
  return vec4<i32>(dot4I8Packed(x, w.x), dot4I8Packed(x, w.y), dot4I8Packed(x, w.z), dot4I8Packed(x, w.w));
}

fn dot8(x: vec4<u32>, w: Block) -> Partial {
  let bytes = (x & vec4<u32>(0xffu)) | ((x >> vec4<u32>(8u)) & vec4<u32>(0xff00u));
  let steps = bytes.xz | (bytes.yw << vec2<u32>(16u));
  return dot4(steps.x, w.first) + dot4(steps.y, w.second);
}
// #else
// Sums of CHUNK products of 8-bit integers stay below 2²⁴, so floats add them up exactly, and nearly all processors
// multiply floats faster than integers.
alias Partial = vec4<f32>;

// Eight steps of four columns: the even ones and the odd ones.
struct Block { even: mat4x4<f32>, odd: mat4x4<f32> }

fn block_of(b0: vec2<u32>, b1: vec2<u32>, b2: vec2<u32>, b3: vec2<u32>) -> Block {
  return Block(
    mat4x4<f32>(first_bytes(b0), first_bytes(b1), first_bytes(b2), first_bytes(b3)),
    mat4x4<f32>(second_bytes(b0), second_bytes(b1), second_bytes(b2), second_bytes(b3)));
}

fn dot8(x: vec4<u32>, w: Block) -> Partial {
  return w.even * fields(x, vec4<u32>(0xffffu), vec4<u32>(0x8000u), vec4<f32>(1.0))
    + w.odd * fields(x, vec4<u32>(0xffff0000u), vec4<u32>(0x80000000u), vec4<f32>(0x1p-16));
}
// #end

// Where row i of a begins; rows behind the last repeat it.
fn place(i: u32) -> u32 {
  return op.a / 16u + min(i, op.m - 1u) * (op.lda / 4u);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = (wg.x + wg.y * groups.x) * 64u + lane;
  let across = (op.ldc + 7u) / 8u;
  let row = index / across * 4u;
  let v = index % across * 2u;
  if (row >= op.m) { return; }

  let panel = op.weights / 16u + v / 4u * (2u * ((op.k + 1u) / 2u + 4u));
  let p0 = place(row);
  let p1 = place(row + 1u);
  let p2 = place(row + 2u);
  let p3 = place(row + 3u);
  var s0 = vec4<i32>();
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  var t0 = s0;
  var t1 = s0;
  var t2 = s0;
  var t3 = s0;
  for (var start = 0u; start < op.k; start += CHUNK) {
    var f0 = Partial();
    var f1 = f0;
    var f2 = f0;
    var f3 = f0;
    var g0 = f0;
    var g1 = f0;
    var g2 = f0;
    var g3 = f0;
    for (var k = start; k < min(op.k, start + CHUNK); k += 8u) {
      let at = panel + 8u + k + v % 4u / 2u;
      let b0 = weights[at];
      let b1 = weights[at + 2u];
      let b2 = weights[at + 4u];
      let b3 = weights[at + 6u];
      let w = block_of(b0.xy, b1.xy, b2.xy, b3.xy);
      let u = block_of(b0.zw, b1.zw, b2.zw, b3.zw);
      let q = 1u + k / 8u;
      let x0 = arena[p0 + q];
      f0 += dot8(x0, w);
      g0 += dot8(x0, u);
      let x1 = arena[p1 + q];
      f1 += dot8(x1, w);
      g1 += dot8(x1, u);
      let x2 = arena[p2 + q];
      f2 += dot8(x2, w);
      g2 += dot8(x2, u);
      let x3 = arena[p3 + q];
      f3 += dot8(x3, w);
      g3 += dot8(x3, u);
    }
    s0 += vec4<i32>(f0);
    s1 += vec4<i32>(f1);
    s2 += vec4<i32>(f2);
    s3 += vec4<i32>(f3);
    t0 += vec4<i32>(g0);
    t1 += vec4<i32>(g1);
    t2 += vec4<i32>(g2);
    t3 += vec4<i32>(g3);
  }

  var sums = array<array<vec4<i32>, 2>, 4>(array(s0, t0), array(s1, t1), array(s2, t2), array(s3, t3));
  let rows = min(4u, op.m - row);
  let vectors = min(2u, op.ldc / 4u - v);
  for (var i = 0u; i < rows; i++) {
    let scale = bitcast<f32>(arena[place(row + i)].x);
    for (var j = 0u; j < vectors; j++) {
      let head = panel + v % 4u + j;
      let both = scale * bitcast<vec4<f32>>(weights[head + 4u]);
      let sum = vec4<f32>(sums[i][j]) * both + bitcast<vec4<f32>>(weights[head]);
      var y = finished(sum, (v + j) * 4u, op.n);
      if (op.residual != NONE) { y += bitcast<vec4<f32>>(arena[op.residual / 16u + (row + i) * (op.ldr / 4u) + v + j]); }
      arena[op.c / 16u + (row + i) * (op.ldc / 4u) + v + j] = bitcast<vec4<u32>>(y);
    }
  }
}
