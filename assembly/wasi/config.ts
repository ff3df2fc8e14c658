// config.json to what the recorders read: names, defaults and limits of transformers' configuration_align.py, as in
// src/host/config*.ts.

import { AlignConfig, Placement, round_filters, round_repeats, TextConfig, VisionConfig } from '../models/config';
import { Activation, Pooling } from '../plan/op';
import { MOST_BYTES, take } from './io';
import { Json } from './json';
import { decoded, is } from './text';

/** No size of a model comes near these. */
const MOST_DIMENSION: f64 = 16_777_216;
const MOST_LAYERS: f64 = 10_000;
const MOST_KERNEL: f64 = 4096;
const STEM_CHANNELS: u32 = 32;

/** transformers' parameter-free ACT2FN names and the functions behind them. */
const ACTIVATION_NAMES: StaticArray<string> = [
  'gelu', 'gelu_10', 'gelu_accurate', 'gelu_fast', 'gelu_new', 'gelu_python', 'gelu_python_tanh', 'gelu_pytorch_tanh',
  'hardswish', 'laplace', 'leaky_relu', 'linear', 'mish', 'quick_gelu', 'relu', 'relu2', 'relu6', 'sigmoid', 'silu',
  'sqrtsoftplus', 'swish', 'tanh',
];
const ACTIVATIONS: StaticArray<u32> = [
  Activation.Gelu, Activation.Gelu10, Activation.GeluTanh, Activation.GeluTanh, Activation.GeluTanh, Activation.Gelu,
  Activation.GeluTanh, Activation.GeluTanh, Activation.Hardswish, Activation.Laplace, Activation.LeakyRelu,
  Activation.Linear, Activation.Mish, Activation.QuickGelu, Activation.Relu, Activation.Relu2, Activation.Relu6,
  Activation.Sigmoid, Activation.Silu, Activation.SqrtSoftplus, Activation.Silu, Activation.Tanh,
];

/** A struct of the recorders, cleared, for one thread and all weights in one piece. */
function struct<T extends Placement>(): T {
  const at = take(offsetof<T>(), 'a configuration');
  memory.fill(at, 0, offsetof<T>());
  const placement = changetype<T>(at);
  placement.shard_limit = <f64>MOST_BYTES;
  placement.prefixed = 1;
  placement.parts = 1;
  return placement;
}

/** The text tower. */
export function text_config(config: Json): TextConfig {
  const dict = part(config, 'text_config', 'align_text_model');
  const positions = dict.own('position_embedding_type');
  if (positions && !(positions.is_text && is(positions.text(), 'absolute'))) throw new Error(positions.refused('only "absolute" is supported'));
  const c = struct<TextConfig>();
  c.vocab_size = integer(dict, 'vocab_size', 30522);
  c.hidden_size = integer(dict, 'hidden_size', 768);
  c.num_hidden_layers = integer(dict, 'num_hidden_layers', 12, 0, MOST_LAYERS);
  c.num_attention_heads = integer(dict, 'num_attention_heads', 12);
  c.intermediate_size = integer(dict, 'intermediate_size', 3072);
  c.hidden_act = activation(dict, 'gelu');
  c.max_position_embeddings = integer(dict, 'max_position_embeddings', 512);
  c.type_vocab_size = integer(dict, 'type_vocab_size', 2);
  c.layer_norm_eps = real(dict, 'layer_norm_eps', 1e-12, 0);
  c.projection_dim = projection_dim(config);
  c.features = 1;
  if (c.hidden_size % c.num_attention_heads) {
    throw new Error(`config.json: hidden_size is ${c.hidden_size}, not a multiple of num_attention_heads ${c.num_attention_heads}`);
  }
  return c;
}

/** The vision tower. */
export function vision_config(config: Json): VisionConfig {
  const dict = part(config, 'vision_config', 'align_vision_model');
  const c = struct<VisionConfig>();
  c.width_coefficient = real(dict, 'width_coefficient', 2.0, 0);
  c.depth_coefficient = real(dict, 'depth_coefficient', 3.1, 0);
  c.squeeze_expansion_ratio = real(dict, 'squeeze_expansion_ratio', 0.25, 0);
  c.batch_norm_eps = real(dict, 'batch_norm_eps', 0.001, 0);
  c.num_channels = integer(dict, 'num_channels', 3);
  c.depth_divisor = integer(dict, 'depth_divisor', 8);
  c.hidden_dim = integer(dict, 'hidden_dim', 2560);
  c.hidden_act = activation(dict, 'swish');
  c.pooling_type = pooling(dict);
  c.fuse = 1;
  c.in_channels = list(dict, 'in_channels', [32, 16, 24, 40, 80, 112, 192]);
  c.stages = listed;
  c.out_channels = stages(dict, 'out_channels', [16, 24, 40, 80, 112, 192, 320], c.stages);
  c.kernel_sizes = stages(dict, 'kernel_sizes', [3, 3, 5, 3, 5, 5, 3], c.stages, 1, MOST_KERNEL);
  c.strides = stages(dict, 'strides', [1, 2, 2, 2, 1, 2, 1], c.stages, 1, 2);
  c.num_block_repeats = stages(dict, 'num_block_repeats', [1, 2, 2, 3, 3, 4, 1], c.stages, 0);
  c.expand_ratios = stages(dict, 'expand_ratios', [1, 6, 6, 6, 6, 6, 6], c.stages);
  c.depthwise_padding = list(dict, 'depthwise_padding', [], -MOST_DIMENSION);
  c.depthwise_paddings = listed;
  check_stages(c, projection_dim(config));
  return c;
}

/** The head over both. */
export function head_config(config: Json): AlignConfig {
  const c = struct<AlignConfig>();
  c.projection_dim = projection_dim(config);
  c.texts = 1;
  return c;
}

/** A picture size that every map survives: weights do not depend on it. */
export function smallest_side(c: VisionConfig): u32 {
  let side: u64 = 2;
  for (let i: u32 = 0; i < c.stages; i++) if (at(c.strides, i) == 2) side *= 2;
  return <u32>min<u64>(side, 1 << 12);
}

/** Blocks of all stages. */
export function count_blocks(c: VisionConfig): u32 {
  let blocks: u32 = 0;
  for (let i: u32 = 0; i < c.stages; i++) blocks += round_repeats(c, at(c.num_block_repeats, i));
  return blocks;
}

function projection_dim(config: Json): u32 {
  return integer(config, 'projection_dim', 640);
}

/** A tower's part of the configuration; the class's defaults where that is null. */
function part(config: Json, key: string, type: string): Json {
  const dict = config.object(key);
  if (!dict) return new Json(config.file, key, changetype<usize>(EMPTY));
  const own = dict.get('model_type');
  if (own && !is(own.text(), type)) throw new Error(own.refused(`it must be ${type}`));
  return dict;
}

const EMPTY: StaticArray<u8> = [0x7b, 0x7d, 0];

function integer(dict: Json, key: string, initial: u32, least: f64 = 1, most: f64 = MOST_DIMENSION): u32 {
  const value = dict.own(key);
  return value ? <u32>value.integer(least, most) : initial;
}

function real(dict: Json, key: string, initial: f64, least: f64): f64 {
  const value = dict.own(key);
  if (!value) return initial;
  const number = value.number();
  if (!(number >= least)) throw new Error(value.refused(`it must be at least ${least}`));
  return number;
}

function activation(dict: Json, initial: string): Activation {
  const value = dict.own('hidden_act');
  const index = ACTIVATION_NAMES.indexOf(value ? decoded(value.text()) : initial);
  if (index < 0) throw new Error(value!.refused(`it may be ${ACTIVATION_NAMES.join(', ')}`));
  return <Activation>ACTIVATIONS[index];
}

function pooling(dict: Json): Pooling {
  const value = dict.own('pooling_type');
  if (!value || is(value.text(), 'mean')) return Pooling.Mean;
  if (!is(value.text(), 'max')) throw new Error(value.refused('it must be mean or max'));
  return Pooling.Max;
}

/** How long the list read last was. */
let listed: u32 = 0;

/** The address of a list of 32-bit integers. */
function list(dict: Json, key: string, initial: Array<i32>, least: f64 = 1, most: f64 = MOST_DIMENSION): u32 {
  const value = dict.own(key);
  const numbers = value ? new Array<i32>() : initial;
  if (value) {
    if (!value.is_list) throw new Error(value.refused('a list is needed'));
    const members = value.members();
    while (members.next()) {
      numbers.push(<i32>new Json(dict.file, key, members.at).integer(least, most));
      if (<f64>numbers.length > MOST_LAYERS) throw new Error(value.refused(`it must be a list of at most ${<i32>MOST_LAYERS} integers`));
    }
  }
  listed = numbers.length;
  const place = heap.alloc(<usize>listed * 4);
  for (let i = 0; i < numbers.length; i++) store<i32>(place + i * 4, numbers[i]);
  return <u32>place;
}

function stages(dict: Json, key: string, initial: Array<i32>, count: u32, least: f64 = 1, most: f64 = MOST_DIMENSION): u32 {
  const place = list(dict, key, initial, least, most);
  if (listed != count) throw new Error(`${dict.file}: ${key} has ${listed} values, in_channels has ${count}`);
  return place;
}

function at(place: u32, i: u32): u32 {
  return load<u32>(<usize>place + i * 4);
}

/** Each stage must take the channels that the one before gives, and no size may be out of bounds after scaling. */
function check_stages(c: VisionConfig, projection: u32): void {
  if (!c.stages) throw new Error('config.json: in_channels: there must be at least one stage');
  const most = <u32>MOST_DIMENSION;
  let blocks: f64 = 0;
  let widest = STEM_CHANNELS;
  for (let i: u32 = 0; i < c.stages; i++) {
    blocks += Math.ceil(c.depth_coefficient * <f64>at(c.num_block_repeats, i));
    widest = max(widest, max(at(c.in_channels, i), at(c.out_channels, i)));
  }
  if (!(blocks <= MOST_LAYERS)) throw new Error(`config.json: num_block_repeats makes more than ${<i32>MOST_LAYERS} blocks`);
  if (!(<f64>widest * c.width_coefficient <= MOST_DIMENSION)) throw new Error('config.json: width_coefficient makes too many channels');
  let width = round_filters(c, STEM_CHANNELS);
  for (let i: u32 = 0; i < c.stages; i++) {
    const taken = round_filters(c, at(c.in_channels, i));
    const given = round_filters(c, at(c.out_channels, i));
    const channels = <u64>max(width, max(taken, given)) * at(c.expand_ratios, i);
    if (channels > most) throw new Error(`config.json: expand_ratios[${i}] makes ${channels} channels, the limit is ${most}`);
    if (!(<f64>taken * c.squeeze_expansion_ratio <= MOST_DIMENSION)) throw new Error('config.json: squeeze_expansion_ratio makes too many channels');
    if (!round_repeats(c, at(c.num_block_repeats, i))) continue;
    if (taken != width) throw new Error(`config.json: in_channels[${i}] gives ${taken} channels after scaling, before it there are ${width}`);
    width = given;
  }
  if (width != projection) throw new Error(`config.json: projection_dim is ${projection}, the vision tower gives ${width} features`);
}
