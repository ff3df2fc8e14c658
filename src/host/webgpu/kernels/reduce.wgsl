// Sums and maxima over the LANES threads that share a row; a workgroup of 64 has 64 / LANES rows.
//
//   thread  0 … LANES − 1 │ LANES … 2 LANES − 1 │ …        lane = thread mod LANES
//   row     0             │ 1                   │ …
//
// LANES is 1 (nothing to do, no barrier: for processors that imitate a GPU), 8 or 64; a row is summed in one order,
// wherever it lies. All threads of the workgroup must take part.

const THREADS: u32 = 64u;
override LANES: u32 = 64u;

var<workgroup> partial: array<vec4<i32>, 64>;

fn sum_of(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  return bitcast<vec4<i32>>(bitcast<vec4<f32>>(a) + bitcast<vec4<f32>>(b));
}

// Each lane's sum of the four floats' counterparts in all lanes of its row.
fn row_sums(thread: u32, x: vec4<f32>) -> vec4<f32> {
  if (LANES == 1u) { return x; }
// #if subgroups
  if (LANES == THREADS) {
    partial[thread] = bitcast<vec4<i32>>(subgroupAdd(x));
    let size = subgroupAdd(1u);
    workgroupBarrier();
    var total = bitcast<vec4<f32>>(partial[0]);
    for (var i = size; i < THREADS; i += size) { total += bitcast<vec4<f32>>(partial[i]); }
    workgroupBarrier();
    return total;
  }
// #end
  let lane = thread % LANES;
  let row = thread - lane;
  partial[thread] = bitcast<vec4<i32>>(x);
  workgroupBarrier();
  if (LANES > 8u) {
    if (lane < 8u) {
      var s = partial[thread];
      for (var i = 8u; i < LANES; i += 8u) { s = sum_of(s, partial[thread + i]); }
      partial[thread] = s;
    }
    workgroupBarrier();
  }
  var total = partial[row];
  for (var i = 1u; i < 8u; i++) { total = sum_of(total, partial[row + i]); }
  workgroupBarrier();
  return bitcast<vec4<f32>>(total);
}

// The same with the largest integers.
fn row_maxima(thread: u32, x: vec4<i32>) -> vec4<i32> {
  if (LANES == 1u) { return x; }
// #if subgroups
  if (LANES == THREADS) {
    partial[thread] = subgroupMax(x);
    let size = subgroupAdd(1u);
    workgroupBarrier();
    var largest = partial[0];
    for (var i = size; i < THREADS; i += size) { largest = max(largest, partial[i]); }
    workgroupBarrier();
    return largest;
  }
// #end
  let lane = thread % LANES;
  let row = thread - lane;
  partial[thread] = x;
  workgroupBarrier();
  if (LANES > 8u) {
    if (lane < 8u) {
      var m = partial[thread];
      for (var i = 8u; i < LANES; i += 8u) { m = max(m, partial[thread + i]); }
      partial[thread] = m;
    }
    workgroupBarrier();
  }
  var largest = partial[row];
  for (var i = 1u; i < 8u; i++) { largest = max(largest, partial[row + i]); }
  workgroupBarrier();
  return largest;
}

fn sum_lanes(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
