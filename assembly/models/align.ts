// AlignModel's head: unit vectors of both towers' features, and their similarities divided by the temperature.

import { AlignConfig } from './config';
import { Plan } from '../plan/plan';
import { Tensor } from '../plan/tensor';
import { Weights } from '../plan/weights';

/** Records text_features and image_features -> text_embeds, image_embeds and, with both, logits_per_text; 0 rows: that side is absent. */
export function align(plan: Plan, weights: Weights, config: AlignConfig): void {
  const temperature = weights.scalar('temperature');
  const dim = config.projection_dim;
  const text = config.texts ? unit(plan, 'text', config.texts, dim) : null;
  const image = config.images ? unit(plan, 'image', config.images, dim) : null;
  if (text && image) plan.output(plan.similarity(text, image, temperature, 'logits_per_text'), 'logits_per_text');
}

function unit(plan: Plan, side: string, rows: u32, dim: u32): Tensor {
  const embeds = plan.normalize(plan.input(`${side}_features`, rows, 1, 1, dim), `${side}_embeds`);
  plan.output(embeds, `${side}_embeds`);
  return embeds;
}
