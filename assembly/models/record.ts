// The recorders as the host calls them: a config in memory in, the address of a Recording out.

import { align } from './align';
import { AlignConfig, Placement, TextConfig, VisionConfig } from './config';
import { text } from './text';
import { vision } from './vision';
import { Plan } from '../plan/plan';
import { Places, Weights } from '../plan/weights';

/** Bytes for a config or one of its lists; freed by {@link reset_recorder}. */
export function allocate(bytes: usize): usize {
  return heap.alloc(bytes);
}

/** Forgets every recording and config. Recorders use the module's own heap, so an instance that records holds no model. */
export function reset_recorder(): void {
  heap.reset();
}

export function record_vision(config: usize): usize {
  const c = changetype<VisionConfig>(config);
  const plan = begin(c);
  vision(plan, new Weights(plan, c.prefixed ? 'vision_model.' : ''), c);
  return changetype<usize>(plan.finish());
}

export function record_text(config: usize): usize {
  const c = changetype<TextConfig>(config);
  const plan = begin(c);
  text(plan, new Weights(plan, c.prefixed ? 'text_model.' : ''), new Weights(plan, ''), c);
  return changetype<usize>(plan.finish());
}

export function record_align(config: usize): usize {
  const c = changetype<AlignConfig>(config);
  const plan = begin(c);
  align(plan, new Weights(plan, ''), c);
  return changetype<usize>(plan.finish());
}

function begin(placement: Placement): Plan {
  const places = new Places(placement.shard, placement.offset, <u64>placement.shard_limit);
  return new Plan(places, placement.parts, placement.formats, placement.formats_count);
}
