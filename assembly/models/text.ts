// The BERT tower, step for step AlignTextModel in transformers/models/align/modeling_align.py, and AlignModel's
// text_projection. Sequences lie one after another as rows; `starts` says where each begins.

import { TextConfig } from './config';
import { Activation } from '../plan/op';
import { Plan } from '../plan/plan';
import { Tensor } from '../plan/tensor';
import { Block, Weights } from '../plan/weights';

/** Records input_ids or inputs_embeds [tokens] -> features [sequences, projection_dim] and what else the call wants. */
export function text(plan: Plan, weights: Weights, head: Weights, config: TextConfig): void {
  const starts = integers(plan, 'starts', config.sequences + 1);
  const mask = integers(plan, 'attention_mask', config.tokens);
  let x = embeddings(plan, weights.at('embeddings'), config);
  tap(plan, x, config, 0);

  const layers = weights.at('encoder').at('layer');
  for (let i: u32 = 0; i < config.num_hidden_layers; i++) {
    const probs: string | null = config.attentions ? `attentions.${i}` : null;
    const last = i + 1 == config.num_hidden_layers;
    x = layer(plan, layers.at(i.toString()), config, x, starts, mask, probs, last && !config.last_hidden_state);
    tap(plan, x, config, i + 1);
  }

  // Requested whether used or not: the order of requests fixes every weight's place.
  const size = config.hidden_size;
  const project: Block | null = config.projection_dim ? head.linear('text_projection', config.projection_dim, size) : null;
  const pool: Block | null = config.pooler ? weights.at('pooler').linear('dense', size, size) : null;
  const cls = config.last_hidden_state || !config.num_hidden_layers ? cls_rows(plan, x, starts, config, weights.prefix) : x;
  if (config.features && project) {
    plan.output(plan.gemm(cls, project, config.projection_dim, Activation.Linear), 'features');
  }
  if (config.last_hidden_state) {
    plan.output(x, 'last_hidden_state');
    if (pool) plan.output(plan.gemm(cls, pool, size, Activation.Tanh), 'pooler_output');
  }
}

/** AlignTextEmbeddings: (word + token type) + position, then LayerNorm. */
function embeddings(plan: Plan, w: Weights, config: TextConfig): Tensor {
  const tokens = config.tokens;
  const size = config.hidden_size;
  const words: Block | null = config.inputs_embeds == 2 ? null : w.table('word_embeddings', config.vocab_size, size);
  const positions = w.table('position_embeddings', config.max_position_embeddings, size);
  const types = w.table('token_type_embeddings', config.type_vocab_size, size);
  const x = config.inputs_embeds || !words
    ? plan.input('inputs_embeds', tokens, 1, 1, size)
    : plan.embedding(integers(plan, 'input_ids', tokens), words, tokens, config.vocab_size, size, null);
  plan.embedding(integers(plan, 'token_type_ids', tokens), types, tokens, config.type_vocab_size, size, x);
  plan.embedding(integers(plan, 'position_ids', tokens), positions, tokens, config.max_position_embeddings, size, x);
  return plan.layernorm(x, w.layernorm('LayerNorm', size), config.layer_norm_eps);
}

/**
 * AlignTextLayer: attention, then the feed-forward pair, each added to its input and normalised. `cls_only`: nobody reads
 * more of the result than its [CLS] rows, so what follows attention is computed for them alone.
 */
function layer(plan: Plan, w: Weights, config: TextConfig, x: Tensor, starts: Tensor, mask: Tensor, probs: string | null, cls_only: bool): Tensor {
  const size = config.hidden_size;
  const attention = w.at('attention');
  const self = attention.at('self');
  const qkv = plan.gemm(x, self.linears(['query', 'key', 'value'], size, size), 3 * size, Activation.Linear);
  let context = plan.attention(qkv, starts, mask, config.sequences, config.length, config.num_attention_heads, self.prefix + 'softmax', probs);
  if (cls_only) {
    context = cls_rows(plan, context, starts, config, self.prefix);
    x = cls_rows(plan, x, starts, config, w.prefix);
  }
  const y = dense(plan, attention.at('output'), config, context, size, x);
  const intermediate = w.linear('intermediate.dense', config.intermediate_size, size);
  const hidden = plan.gemm(y, intermediate, config.intermediate_size, config.hidden_act);
  return dense(plan, w.at('output'), config, hidden, config.intermediate_size, y);
}

/** AlignTextSelfOutput and AlignTextOutput: LayerNorm(dense(x) + residual). */
function dense(plan: Plan, w: Weights, config: TextConfig, x: Tensor, width: u32, residual: Tensor): Tensor {
  const size = config.hidden_size;
  const y = plan.gemm(x, w.linear('dense', size, width), size, Activation.Linear, residual);
  return plan.layernorm(y, w.layernorm('LayerNorm', size), config.layer_norm_eps);
}

/** The first row of every sequence. */
function cls_rows(plan: Plan, x: Tensor, starts: Tensor, config: TextConfig, prefix: string): Tensor {
  return plan.gather(x, starts, config.sequences, prefix + 'cls');
}

// Kernels read integers a vector at a time: one vector more than there are.
function integers(plan: Plan, name: string, count: u32): Tensor {
  return plan.input(name, 1, 1, 1, count + 4);
}

function tap(plan: Plan, x: Tensor, config: TextConfig, index: u32): void {
  if (config.hidden_states) plan.output(x, `hidden_states.${index}`);
}
