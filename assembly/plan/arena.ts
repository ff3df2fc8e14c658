// Activation memory, planned before anything runs: tensors that never live at the same time share bytes.
// Largest first, each into the smallest gap that fits among its contemporaries (as in XNNPACK's memory planner).

import { Tensor } from './tensor';
import { ALIGNMENT } from './op';

/** Gives every tensor its offset; the arena's size in bytes. */
export function plan_arena(tensors: Array<Tensor>): f64 {
  const order = tensors.slice(0);
  order.sort((a, b) => {
    if (a.bytes != b.bytes) return a.bytes < b.bytes ? 1 : -1;
    return a.id - b.id;
  });
  const placed = new Array<Tensor>(); // in order of offset
  let size: u64 = 0;
  for (let i = 0; i < order.length; i++) {
    const tensor = order[i];
    tensor.offset = smallest_gap(placed, tensor);
    size = max(size, tensor.offset + tensor.bytes);
    let at = placed.length;
    placed.push(tensor);
    for (; at > 0 && placed[at - 1].offset > tensor.offset; at--) placed[at] = placed[at - 1];
    placed[at] = tensor;
  }
  return <f64>size;
}

function smallest_gap(placed: Array<Tensor>, tensor: Tensor): u64 {
  let best: u64 = u64.MAX_VALUE;
  let best_size: u64 = u64.MAX_VALUE;
  let end: u64 = 0; // of everything passed that lives at the same time
  for (let i = 0; i < placed.length; i++) {
    const other = placed[i];
    if (other.last < tensor.first || tensor.last < other.first) continue;
    if (other.offset >= end + tensor.bytes && other.offset - end < best_size) {
      best = end;
      best_size = other.offset - end;
    }
    end = max(end, other.offset + other.bytes);
  }
  return best_size == u64.MAX_VALUE ? end : best;
}

/** Bytes rounded up to the alignment that every tensor and block keeps. */
export function aligned(bytes: u64): u64 {
  return (bytes + ALIGNMENT - 1) & ~<u64>(ALIGNMENT - 1);
}
