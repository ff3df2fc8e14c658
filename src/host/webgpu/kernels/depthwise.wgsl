// out[b, y, x, c] = activation(Σ in[b, y·stride + ky − top, x·stride + kx − left, c] · w[ky, kx, c] + bias[c]), zeros outside
//
//   weights:  a block for each four channels:  bias[4] | tap (0, 0)[4] | tap (0, 1)[4] | …
//
//   x →  ┌────┬────┬────┬────┬──     A workgroup has a line of outputs of some vectors of four channels. A thread takes one
//        │ 0  │ 1  │ 2  │ 0  │       vector, as its neighbours have their vectors side by side, and every `across`-th strip
//        └────┴────┴────┴────┴──     of four outputs: so what it has of the line's sum can be joined at the end.
//
// Of a strip and a line of taps each column of the map is loaded once: with stride 1 the four inputs of a tap move one
// to the left for the next, with stride 2 those of every other tap do. One order: bias, then the taps in row-major order.
// include activation.wgsl

// Literals for the usual shapes, whose loops then unroll; 0: as the record says.
override KERNEL: u32 = 0u;
override STRIDE: u32 = 0u;

// A pipeline for each, as SwiftShader computes every case of a switch on a uniform.
override ACTIVATION: u32 = 0u;

// 1: a thread has whole lines, and there is no barrier, which is dear where a processor imitates a GPU.
override ALONE: u32 = 0u;

const THREADS: u32 = 128u;
const STRIP: u32 = 4u;

// The most threads on one line: fewer than eight vectors side by side are no whole cache line.
const MOST: u32 = 16u;

@group(0) @binding(0) var<uniform> op: Depthwise;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;

var<workgroup> partial: array<vec4<f32>, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let strips = (op.out_w + STRIP - 1u) / STRIP;
  let rounds = (strips + MOST - 1u) / MOST;
  let across = select((strips + rounds - 1u) / rounds, 1u, ALONE == 1u);
  let side = THREADS / across;
  let vectors = op.ldc / 4u;
  let columns = (vectors + side - 1u) / side;
  let group = wg.x + wg.y * groups.x;
  let line = group / columns;
  let v = group % columns * side + thread % side;
  let mine = line < op.batch * op.out_h && v < vectors && thread < side * across;
  var sum = vec4(0.0);
  if (mine) {
    for (var s = thread / side; s < strips; s += across) { sum += strip(line, v, s * STRIP); }
  }
  if (op.sums == NONE) { return; }
  if (ALONE == 0u) {
    partial[thread] = sum;
    workgroupBarrier();
    if (thread >= side) { return; }
    for (var i = thread + side; i < side * across; i += side) { sum += partial[i]; }
  }
  if (mine) { arena[op.sums / 16u + line * vectors + v] = sum; }
}

// Computes the outputs x … x + 3 of a line, as far as they exist, and gives their sum.
fn strip(line: u32, v: u32, x: u32) -> vec4<f32> {
  let k = i32(select(op.kernel, KERNEL, KERNEL > 0u));
  let stride = i32(select(op.stride, STRIDE, STRIDE > 0u));
  let vectors = op.ldc / 4u;
  let top = i32(line % op.out_h) * stride - i32(op.top);
  let left = i32(x) * stride - i32(op.left);
  let picture = op.input / 16u + line / op.out_h * op.in_h * op.in_w * vectors + v;
  let block = op.weights / 16u + v * u32(k * k + 1);
  var c = array<vec4<f32>, 4>(weights[block], weights[block], weights[block], weights[block]);
  for (var ky = max(0, -top); ky < min(k, i32(op.in_h) - top); ky++) {
    let map = picture + u32(top + ky) * op.in_w * vectors;
    var w = block + 1u + u32(ky * k);
    // Inputs of the tap at hand, and with stride 2 of the next.
    var a = array<vec4<f32>, 4>(
      at(map, left), at(map, left + stride), at(map, left + 2 * stride), at(map, left + 3 * stride));
    var b = a;
    if (stride == 2) {
      b = array<vec4<f32>, 4>(at(map, left + 1), at(map, left + 3), at(map, left + 5), at(map, left + 7));
    }
    for (var kx = 0; kx < k; kx++) {
      let tap = weights[w];
      w++;
      c[0] += a[0] * tap;
      c[1] += a[1] * tap;
      c[2] += a[2] * tap;
      c[3] += a[3] * tap;
      let next = left + kx + 1 + 3 * stride;
      if (stride == 1) {
        a = array<vec4<f32>, 4>(a[1], a[2], a[3], at(map, next));
      } else if (stride == 2) {
        let after = array<vec4<f32>, 4>(a[1], a[2], a[3], at(map, next + 1));
        a = b;
        b = after;
      } else {
        a = array<vec4<f32>, 4>(
          at(map, left + kx + 1), at(map, left + kx + 1 + stride), at(map, left + kx + 1 + 2 * stride), at(map, next));
      }
    }
  }
  let count = min(STRIP, op.out_w - x);
  let channels = v * 4u + vec4(0u, 1u, 2u, 3u) < vec4(op.channels);
  let out = op.out / 16u + (line * op.out_w + x) * vectors + v;
  var sum = vec4(0.0);
  for (var i = 0u; i < count; i++) {
    let y = select(vec4(0.0), activate(ACTIVATION, c[i]), channels);
    arena[out + i * vectors] = y;
    sum += y;
  }
  return sum;
}

// The input in column x of a line, zeros outside.
fn at(map: u32, x: i32) -> vec4<f32> {
  let inside = x >= 0 && x < i32(op.in_w);
  return select(vec4(0.0), arena[map + u32(select(0, x, inside)) * (op.ldc / 4u)], inside);
}
