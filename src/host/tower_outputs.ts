// A tower's raw outputs, by plan name, as transformers' output objects.

import type { AlignTextConfig } from './config.ts';
import type { Outputs } from './executor.ts';
import type { TextBatch } from './inputs.ts';
import { ModelOutput } from './outputs.ts';
import { Tensor } from './tensor.ts';

type Float = Tensor<'float32'>;

/** Text outputs come as rows of tokens; here they get their batch and length back. `pooled`: what pooler_output is. */
export function text_output(
  config: AlignTextConfig,
  { batch, length }: TextBatch,
  raw: Outputs,
  pooled: 'pooler_output' | 'features' = 'pooler_output',
): ModelOutput {
  const heads = config.num_attention_heads;
  const shaped =
    (dims: readonly number[]) =>
    (tensor: Float): Float =>
      new Tensor('float32', tensor.data, dims);
  const states = shaped([batch, length, config.hidden_size]);
  const last = raw.get('last_hidden_state');
  return new ModelOutput({
    last_hidden_state: last && states(last),
    pooler_output: raw.get(pooled),
    hidden_states: taps(raw, 'hidden_states', last)?.map(states),
    attentions: taps(raw, 'attentions')?.map(shaped([batch, heads, length, length])),
  });
}

export function vision_output(raw: Outputs): ModelOutput {
  const last = raw.get('last_hidden_state');
  return new ModelOutput({
    last_hidden_state: last,
    pooler_output: raw.get('pooler_output'),
    hidden_states: taps(raw, 'hidden_states', last),
  });
}

/** `name.0`, `name.1` …; the last hidden state has one place in the arena, under its own name. */
function taps(raw: Outputs, name: string, last?: Float): Float[] | null {
  const found: Float[] = [];
  for (let i = 0; raw.has(`${name}.${i}`); i++) found.push(raw.get(`${name}.${i}`)!);
  if (found.length === 0) return null;
  return last ? [...found, last] : found;
}
