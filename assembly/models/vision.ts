// The EfficientNet tower, step for step AlignVisionModel in transformers/models/align/modeling_align.py.
// Batch norms are folded into the convolutions while these are packed.

import { item, round_filters, round_repeats, VisionConfig } from './config';
import { Activation, Pooling } from '../plan/op';
import { Plan } from '../plan/plan';
import { Tensor } from '../plan/tensor';
import { Weights } from '../plan/weights';

/** Floats of an expanded map above which it is never stored. 100,000 to 2,000,000 took the same time; below 2,000,000 the arena is 10.7 MB, not 13.9. */
const FUSED: u64 = 500_000;

/** Records pixel_values [n, h, w, channels] -> pooler_output [n, 1, 1, out] and what else the call wants. */
export function vision(plan: Plan, weights: Weights, config: VisionConfig): void {
  const pixels = plan.input('pixel_values', config.batch, config.height, config.width, config.num_channels);
  let x = embeddings(plan, weights.at('embeddings'), config, pixels);
  tap(plan, x, config, 0);

  const blocks = weights.at('encoder').at('blocks');
  let index: u32 = 0;
  for (let i: u32 = 0; i < config.stages; i++) {
    const out_dim = round_filters(config, item(config.out_channels, i));
    const repeats = round_repeats(config, item(config.num_block_repeats, i));
    for (let j: u32 = 0; j < repeats; j++, index++) {
      x = block(plan, blocks.at(index.toString()), config, x, i, index, out_dim, j == 0);
      tap(plan, x, config, index + 1);
    }
  }

  if (x.h > config.hidden_dim || x.w > config.hidden_dim) {
    plan.fail(`the last map is ${x.h} × ${x.w}, more than the pooling window of hidden_dim = ${config.hidden_dim}`);
  }
  if (config.last_hidden_state) plan.output(x, 'last_hidden_state');
  plan.output(plan.pool(x, config.pooling_type, x.h * x.w, 'pooler'), 'pooler_output');
}

/** AlignVisionEmbeddings: zeros to the right and below, 3 × 3 convolution with stride 2. */
function embeddings(plan: Plan, w: Weights, config: VisionConfig, x: Tensor): Tensor {
  const out = round_filters(config, 32);
  const stem = w.conv('convolution', 'batchnorm', out, x.c, 3, config.batch_norm_eps);
  const h = out_size(plan, x.h, 1, 3, 2);
  const width = out_size(plan, x.w, 1, 3, 2);
  return plan.conv2d(x, stem, out, 3, 2, 0, 0, h, width, config.hidden_act);
}

/** AlignVisionBlock: expand, filter each channel, gate each channel, project. */
function block(plan: Plan, w: Weights, config: VisionConfig, x: Tensor, stage: u32, index: u32, out_dim: u32, first: bool): Tensor {
  const eps = config.batch_norm_eps;
  const in_dim = x.c;
  const kernel = item(config.kernel_sizes, stage);
  const stride: u32 = first ? item(config.strides, stage) : 1;
  const dim = in_dim * item(config.expand_ratios, stage);

  // Stride 2 pads by correct_pad and convolves 'valid'; stride 1 convolves 'same'.
  const half = kernel >> 1;
  let before: u32 = (kernel - 1) >> 1;
  let around: u32 = kernel - 1;
  if (stride == 2) {
    const adjust = !padded_squarely(config, index);
    before = adjust ? half - 1 : half;
    around = adjust ? 2 * half - 1 : 2 * half;
  }
  const h = out_size(plan, x.h, around, kernel, stride);
  const width = out_size(plan, x.w, around, kernel, stride);
  const sums = plan.tensor(x.n, h, 1, dim);
  const filters = w.at('depthwise_conv');
  let y: Tensor;
  if (dim == in_dim) {
    const filter = filters.depthwise('depthwise_conv', 'depthwise_norm', dim, kernel, eps);
    y = plan.depthwise(x, filter, kernel, stride, before, h, width, config.hidden_act, sums);
  } else {
    const expansion = w.at('expansion').conv('expand_conv', 'expand_bn', dim, in_dim, 1, eps);
    const filter = filters.depthwise('depthwise_conv', 'depthwise_norm', dim, kernel, eps);
    if (config.fuse && <u64>x.h * x.w * dim > FUSED) {
      y = plan.expand_depthwise(x, expansion, dim, filter, kernel, stride, before, h, width, config.hidden_act, sums);
    } else {
      y = plan.gemm(x, expansion, dim, config.hidden_act);
      y = plan.depthwise(y, filter, kernel, stride, before, h, width, config.hidden_act, sums);
    }
  }

  const gate = squeeze_excite(plan, w.at('squeeze_excite'), config, y, sums, in_dim);
  const project = w.at('projection').conv('project_conv', 'project_bn', out_dim, y.c, 1, eps);
  const skip = !first && stride == 1; // the first block of a stage never skips, whatever its stride
  return plan.gemm(y, project, out_dim, Activation.Linear, skip ? x : null, gate);
}

/** The factors of AlignVisionSqueezeExciteLayer, [n, 1, 1, channels of x]; the squeeze width comes from the block's input, not from the expanded map. */
function squeeze_excite(plan: Plan, w: Weights, config: VisionConfig, x: Tensor, sums: Tensor, in_dim: u32): Tensor {
  const dim = max<u32>(1, <u32>(<f64>in_dim * config.squeeze_expansion_ratio));
  const mean = plan.pool(sums, Pooling.Mean, x.h * x.w, w.prefix + 'squeeze');
  const reduced = plan.gemm(mean, w.linear('reduce', dim, x.c, 4), dim, config.hidden_act);
  return plan.gemm(reduced, w.linear('expand', x.c, dim, 4), x.c, Activation.Sigmoid);
}

function padded_squarely(config: VisionConfig, index: u32): bool {
  for (let i: u32 = 0; i < config.depthwise_paddings; i++) {
    if (item(config.depthwise_padding, i) == index) return true;
  }
  return false;
}

/** Size of a convolution's output; `around` is the padding of both sides together. */
function out_size(plan: Plan, size: u32, around: u32, kernel: u32, stride: u32): u32 {
  if (size + around >= kernel && size > 0) return (size + around - kernel) / stride + 1;
  plan.fail(`the picture is too small: a map ${size} pixels high or wide meets a kernel of ${kernel}`);
  return 1;
}

function tap(plan: Plan, x: Tensor, config: VisionConfig, index: u32): void {
  if (config.hidden_states) plan.output(x, `hidden_states.${index}`);
}
