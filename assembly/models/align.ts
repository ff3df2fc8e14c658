// AlignModel's head: unit vectors of both towers' features, and their similarities divided by the temperature.

import { AlignConfig } from './config';
import { Plan } from '../plan/plan';
import { Tensor } from '../plan/tensor';
import { Weights } from '../plan/weights';

/**
 * Records text_features and image_features -> text_embeds, image_embeds and, with both, logits_per_text; 0 rows: that side
 * is absent.
 */
export function align(plan: Plan, weights: Weights, config: AlignConfig): void {
  const temperature = weights.scalar('temperature');
  const text = config.texts ? embeds(plan, 'text', config.texts, config) : null;
  const image = config.images ? embeds(plan, 'image', config.images, config) : null;
  if (text && image) plan.output(plan.similarity(text, image, temperature, 'logits_per_text'), 'logits_per_text');
}

function embeds(plan: Plan, side: string, rows: u32, config: AlignConfig): Tensor {
  const features = plan.input(`${side}_features`, rows, 1, 1, config.projection_dim);
  if (config.unit) return features;
  const normalized = plan.normalize(features, `${side}_embeds`);
  plan.output(normalized, `${side}_embeds`);
  return normalized;
}
