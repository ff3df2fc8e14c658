// The training loss, for those who compare or fine-tune elsewhere.

import { AlignError, show } from './errors.ts';
import { Tensor } from './tensor.ts';

const LABEL_SMOOTHING = 0.1;

/**
 * align_loss in modeling_align.py: the mean of the two cross entropies, rows and columns, each against its own index
 * with label smoothing 0.1. In doubles.
 * @param logits_per_text [n, n]
 * @throws AlignError `invalid_argument` unless it is square
 */
export function align_loss(logits_per_text: Tensor): number {
  if (!(logits_per_text instanceof Tensor))
    throw new AlignError('invalid_argument', `align_loss takes a Tensor, not ${show(logits_per_text)}`);
  const [rows, columns] = logits_per_text.dims;
  if (logits_per_text.dims.length !== 2 || rows !== columns || rows === 0) {
    throw new AlignError(
      'invalid_argument',
      `align_loss needs as many texts as images, logits_per_text is ${show(logits_per_text.dims)}`,
      {
        detail: { dims: logits_per_text.dims },
        hint: 'leave return_loss out, or give pairs',
      },
    );
  }
  const n = rows!;
  const logits = Array.from(logits_per_text.data, Number);
  return (cross_entropy(logits, n, n, 1) + cross_entropy(logits, n, 1, n)) / 2;
}

/** Mean over i of the smoothed cross entropy of x[i · row + j · column], j < n, against i. */
function cross_entropy(x: readonly number[], n: number, row: number, column: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let largest = -Infinity;
    let mean = 0;
    for (let j = 0; j < n; j++) {
      const v = x[i * row + j * column]!;
      if (!(v <= largest)) largest = v; // a NaN stays
      mean += v / n;
    }
    let total = 0;
    for (let j = 0; j < n; j++) total += Math.exp(x[i * row + j * column]! - largest);
    const log_sum = largest + Math.log(total);
    sum += (1 - LABEL_SMOOTHING) * (log_sum - x[i * (row + column)]!) + LABEL_SMOOTHING * (log_sum - mean);
  }
  return sum / n;
}
