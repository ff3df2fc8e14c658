// For every token and head: softmax(q · kᵀ · scale, masked) · v over the tokens of its sequence, zeros for tokens of none.
//
//   workgroup:  one token, one head; every thread a key of 64 at a time
//   1.  largest score of all keys
//   2.  64 keys at a time: e^(score − largest) of each thread's key, shared; then every thread adds up one column of v
//
// Scores are computed anew in the second pass where there are more than 64 keys: nothing here depends on how many there
// are. A masked key has the weight 0 exactly, or all of them the same where every key is masked.
// include math.wgsl

// 1: a thread has a token and a head to itself, and there is no barrier, which is dear where a processor imitates a GPU.
override ALONE: u32 = 0u;

const THREADS: u32 = 64u;

// The score of a masked key: so low that its exponential is 0 beside any other's, and no difference overflows.
const LOWEST: f32 = -1.7e38;

@group(0) @binding(0) var<uniform> op: Attention;
@group(0) @binding(1) var<storage, read_write> arena: array<f32>;

var<workgroup> weights: array<f32, THREADS>;
var<workgroup> partial: array<f32, THREADS>;
var<workgroup> keys: u32;

// Where what a token and a head need lies, in floats.
struct Place {
  token: u32,
  head: u32,
  sequence: u32,
  // The sequence's tokens; none: the token belongs to no sequence.
  first: u32,
  count: u32,
  q: u32,
  out: u32,
  probs: u32,
}

fn word(place: u32) -> u32 {
  return bitcast<u32>(arena[place]);
}

fn place_of(index: u32) -> Place {
  var p: Place;
  p.token = index / op.heads;
  p.head = index % op.heads;
  let starts = op.starts / 4u;
  // The last sequence that begins at or before the token; empty ones begin where the next does.
  var low = 0u;
  var high = op.sequences;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (word(starts + middle) <= p.token) { low = middle; } else { high = middle; }
  }
  p.sequence = low;
  p.first = word(starts + low);
  p.count = select(0u, word(starts + low + 1u) - p.first, p.token < word(starts + op.sequences));
  p.q = op.qkv / 4u + p.token * op.ldq + p.head * op.d;
  p.out = op.out / 4u + p.token * op.ldo + p.head * op.d;
  p.probs = op.probs / 4u + ((p.sequence * op.heads + p.head) * op.length + p.token - p.first) * op.ldp;
  return p;
}

fn score(p: Place, key: u32) -> f32 {
  if (word(op.mask / 4u + p.first + key) == 0u) { return LOWEST; }
  let k = op.qkv / 4u + (p.first + key) * op.ldq + (op.heads + p.head) * op.d;
  var sum = 0.0;
  for (var t = 0u; t < op.d; t++) { sum += arena[p.q + t] * arena[k + t]; }
  return sum * op.scale;
}

fn value(p: Place, key: u32, column: u32) -> f32 {
  return arena[op.qkv / 4u + (p.first + key) * op.ldq + (2u * op.heads + p.head) * op.d + column];
}

fn exponential(x: f32) -> f32 {
  let v = vec4(x);
  return keep_nan(v, exp4(v)).x;
}

// Zeros in the columns behind the last head's.
fn pad(p: Place) {
  if (p.head + 1u < op.heads) { return; }
  for (var j = op.heads * op.d; j < op.ldo; j++) { arena[op.out / 4u + p.token * op.ldo + j] = 0.0; }
}

fn alone(p: Place) {
  for (var c = 0u; c < op.d; c++) { arena[p.out + c] = 0.0; }
  pad(p);
  if (p.count == 0u) { return; }
  var largest = LOWEST;
  for (var key = 0u; key < p.count; key++) { largest = max(largest, score(p, key)); }
  var total = 0.0;
  for (var key = 0u; key < p.count; key++) {
    let e = exponential(score(p, key) - largest);
    total += e;
    if (op.probs != NONE) { arena[p.probs + key] = e; }
    for (var c = 0u; c < op.d; c++) { arena[p.out + c] += e * value(p, key, c); }
  }
  for (var c = 0u; c < op.d; c++) { arena[p.out + c] /= total; }
  if (op.probs == NONE) { return; }
  for (var key = 0u; key < op.ldp; key++) {
    if (key < p.count) { arena[p.probs + key] /= total; } else { arena[p.probs + key] = 0.0; }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let group = wg.x + wg.y * groups.x;
  let most = op.tokens * op.heads;
  if (ALONE == 1u) {
    if (group * THREADS + thread < most) { alone(place_of(group * THREADS + thread)); }
    return;
  }
  let p = place_of(min(group, most - 1u));
  if (thread == 0u) { keys = p.count; }
  let count = workgroupUniformLoad(&keys); // as the compiler cannot see that all threads found the same

  var largest = LOWEST;
  var own = LOWEST;
  for (var key = thread; key < count; key += THREADS) {
    own = score(p, key);
    largest = max(largest, own);
  }
  partial[thread] = largest;
  workgroupBarrier();
  for (var i = 0u; i < THREADS; i++) { largest = max(largest, partial[i]); }

  // Columns thread, thread + 64, …: more than one round where a head is wider than the workgroup.
  var total = 0.0;
  for (var round = 0u; round < op.d; round += THREADS) {
    let column = round + thread;
    total = 0.0;
    var sum = 0.0;
    for (var base = 0u; base < count; base += THREADS) {
      let key = base + thread;
      var e = 0.0;
      if (key < count) {
        if (count > THREADS) { own = score(p, key); }
        e = exponential(own - largest);
      }
      workgroupBarrier(); // all have read the weights of the keys before
      weights[thread] = e;
      workgroupBarrier();
      for (var j = 0u; j < min(THREADS, count - base); j++) {
        total += weights[j];
        if (column < op.d) { sum += weights[j] * value(p, base + j, column); }
      }
    }
    if (column < op.d && group < most) { arena[p.out + column] = select(0.0, sum / total, count > 0u); }
  }
  if (group >= most) { return; }
  if (thread == 0u) { pad(p); }
  if (op.probs == NONE || count == 0u) { return; }
  for (var key = thread; key < op.ldp; key += THREADS) {
    var e = 0.0;
    if (key < count) {
      if (count > THREADS) { own = score(p, key); }
      e = exponential(own - largest) / total;
    }
    arena[p.probs + key] = e;
  }
}
