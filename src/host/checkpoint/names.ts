// What a checkpoint's tensor names say about it.

import type { Checkpoint } from './checkpoint.ts';

/** Whether a tower's tensors carry its name: always in a whole model, in a tower's own checkpoint as it was saved. */
export function is_prefixed(checkpoint: Checkpoint, tower: 'text' | 'vision'): boolean {
  for (const name of checkpoint.names()) if (name.startsWith(`${tower}_model.`)) return true;
  return false;
}

/** Whether the text tower, whose names are `prefixed` or not, has a pooler. */
export function has_pooler(checkpoint: Checkpoint, prefixed: boolean): boolean {
  // A packed file has one block of weight and bias.
  const name = `${prefixed ? 'text_model.' : ''}pooler.dense`;
  return checkpoint.get(checkpoint.packing ? name : `${name}.weight`) !== undefined;
}
