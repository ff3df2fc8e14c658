// A model in this instance's memory: the recorders' plans, executed where they were recorded. Items go one at a time,
// which no bit depends on (ARCHITECTURE.md, "One order per op").

import { AlignConfig, Placement, TextConfig, VisionConfig } from '../models/config';
import { record_align, record_text, record_vision } from '../models/record';
import { bind } from '../plan/bases';
import { execute } from '../plan/execute';
import { NONE } from '../plan/op';
import { Recording, Request, Role, TensorEntry } from '../plan/tables';
import { count_blocks, head_config, smallest_side, text_config, vision_config } from './config';
import { mark, MOST_BYTES, release, take } from './io';
import { Json } from './json';
import { Block, PackedFile } from './packed';

/** Plans that are one run of a tower or of the head. */
const enum Kind {
  Text,
  Vision,
  Head,
}

export class Model {
  /** Width of an embedding. */
  dimensions: u32;
  private text: TextConfig | null = null;
  private vision: VisionConfig | null = null;
  private head: AlignConfig;
  private weights: usize = 0;
  private weight_bytes: u64 = 0;

  /** Reads the towers that are wanted, each block straight to its place. */
  constructor(
    private file: PackedFile,
    texts: bool,
    pictures: bool,
  ) {
    const config = whole_config(file, texts, pictures);
    this.head = head_config(config);
    this.dimensions = this.head.projection_dim;
    const requests = new Array<Request>();
    const names = new Array<string>();
    if (texts) {
      const text = text_config(config);
      text.pooler = file.block('text_model.pooler.dense') ? 1 : 0;
      if (text.num_hidden_layers) this.block(`text_model.encoder.layer.${text.num_hidden_layers - 1}.output.dense`);
      text.sequences = text.length = text.tokens = 1;
      this.text = text;
      this.place(Kind.Text, text, requests, names);
    }
    if (pictures) {
      const vision = vision_config(config);
      const blocks = count_blocks(vision);
      if (blocks) this.block(`vision_model.encoder.blocks.${blocks - 1}.projection.project_conv`);
      vision.batch = 1;
      vision.height = vision.width = smallest_side(vision);
      this.vision = vision;
      this.place(Kind.Vision, vision, requests, names);
    }
    this.place(Kind.Head, this.head, requests, names);
    this.weights = take(this.weight_bytes, 'the weights');
    for (let i = 0; i < requests.length; i++) file.read(file.block(names[i])!, this.weights + requests[i].offset);
  }

  /** Positions of the text tower: the most tokens that a text may have. */
  get most_tokens(): u32 {
    return this.text!.max_position_embeddings;
  }

  /** `count` ids at `ids` and types at `types`, to a unit vector at `out`. */
  embed_text(ids: usize, types: usize, count: u32, out: usize): void {
    const text = this.text!;
    check_ids('token', ids, count, text.vocab_size);
    check_ids('token type', types, count, text.type_vocab_size);
    const marked = mark();
    text.length = text.tokens = count;
    const run = this.run(Kind.Text, text);
    store<u32>(run.input('starts') + 4, count);
    const mask = run.input('attention_mask');
    const positions = run.input('position_ids');
    for (let i: u32 = 0; i < count; i++) {
      store<u32>(mask + i * 4, 1);
      store<u32>(positions + i * 4, i);
    }
    memory.copy(run.input('token_type_ids'), types, count * 4);
    memory.copy(run.input('input_ids'), ids, count * 4);
    run.execute();
    this.unit(run.output('features'), 'text', 1, 0, out);
    release(marked);
  }

  /** Pixels [height, width, 3] as NHWC rows of 4 floats at `pixels`, to a unit vector at `out`. */
  embed_image(pixels: usize, width: u32, height: u32, out: usize): void {
    const vision = this.vision!;
    if (vision.num_channels != 3) throw new Error(`the model takes pictures of ${vision.num_channels} channels, this module reads RGB`);
    const marked = mark();
    vision.width = width;
    vision.height = height;
    const run = this.run(Kind.Vision, vision);
    memory.copy(run.input('pixel_values'), pixels, <usize>width * height * 16);
    run.execute();
    this.unit(run.output('pooler_output'), 'image', 0, 1, out);
    release(marked);
  }

  /** logits_per_text of `texts` unit vectors at `labels` and one at `image`, to `out`. */
  logits(labels: usize, texts: u32, image: usize, out: usize): void {
    const marked = mark();
    const head = this.head;
    head.texts = texts;
    head.images = head.unit = 1;
    const run = this.run(Kind.Head, head);
    const stride = (<usize>this.dimensions + 3) & ~3;
    const rows = run.input('text_features');
    for (let i: u32 = 0; i < texts; i++) memory.copy(rows + i * stride * 4, labels + i * this.dimensions * 4, this.dimensions * 4);
    memory.copy(run.input('image_features'), image, this.dimensions * 4);
    run.execute();
    const logits = run.output('logits_per_text');
    for (let i: u32 = 0; i < texts; i++) store<f32>(out + i * 4, load<f32>(logits + i * 16));
    release(marked);
  }

  /** Features to a unit vector. */
  private unit(features: usize, side: string, texts: u32, images: u32, out: usize): void {
    const head = this.head;
    head.texts = texts;
    head.images = images;
    head.unit = 0;
    const copy = heap.alloc(this.dimensions * 4);
    memory.copy(copy, features, this.dimensions * 4);
    const run = this.run(Kind.Head, head);
    memory.copy(run.input(`${side}_features`), copy, this.dimensions * 4);
    run.execute();
    memory.copy(out, run.output(`${side}_embeds`), this.dimensions * 4);
  }

  /** A block that must be there. Asked for the last of each tower first: planning layers that no file holds takes long. */
  private block(name: string): Block {
    const block = this.file.block(name);
    if (!block) throw new Error(`${this.file.name} lacks the block "${name}", which its config.json asks for`);
    return block;
  }

  private run(kind: Kind, config: Placement): Run {
    return new Run(record(kind, config), this.weights);
  }

  /** Where the blocks of a plan go: behind those that were placed before, in the formats that the file has them in. */
  private place(kind: Kind, config: Placement, requests: Array<Request>, names: Array<string>): void {
    config.offset = <u32>this.weight_bytes;
    const plain = new Plan(record(kind, config));
    const count = plain.recording.requests;
    const blocks = new Array<Block>();
    const formats = heap.alloc(count);
    for (let i: u32 = 0; i < count; i++) {
      const request = plain.request(i);
      const name = plain.name(request.name);
      const block = this.block(name);
      if (!((request.accepts >> block.format) & 1)) throw new Error(`${this.file.name}: no kernel reads the block "${name}" in its format`);
      store<u8>(formats + i, block.format);
      blocks.push(block);
      names.push(name);
    }
    config.formats = <u32>formats;
    config.formats_count = count;
    const plan = new Plan(record(kind, config));
    for (let i: u32 = 0; i < count; i++) {
      const request = plan.request(i);
      if (blocks[i].size != <u64>request.bytes) {
        throw new Error(`${this.file.name}: block "${plan.name(request.name)}" has ${blocks[i].size} bytes, its config.json asks for ${<u64>request.bytes}`);
      }
      requests.push(request);
    }
    if (plan.recording.next_shard) throw new Error(`${this.file.name}: its weights have more than ${MOST_BYTES} bytes, which this module does not read`);
    this.weight_bytes = plan.recording.next_offset;
  }
}

/** config.json of a model with both towers, of which the file must hold those that are wanted. */
function whole_config(file: PackedFile, texts: bool, pictures: bool): Json {
  const config = file.json('config.json');
  if (!config) throw new Error(`${file.name} holds no config.json`);
  const type = config.string('model_type', 'align');
  if (!type.startsWith('align')) throw new Error(`config.json: model_type is "${type}", which is not an ALIGN model`);
  if (type != 'align') throw new Error(`config.json: model_type is "${type}", a tower alone: embeddings need the whole model`);
  const lacking = file.towers == 'text' ? pictures : file.towers == 'vision' ? texts : false;
  if (lacking) throw new Error(`${file.name} holds the ${file.towers} tower alone; this needs the other one`);
  return config;
}

function check_ids(what: string, ids: usize, count: u32, limit: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const id = load<u32>(ids + i * 4);
    if (id >= limit) throw new Error(`${what} ${i} is ${id}, the model knows 0 to ${limit - 1}: its vocabulary and its configuration do not belong together`);
  }
}

function record(kind: Kind, config: Placement): Recording {
  const at = changetype<usize>(config);
  const recording = kind == Kind.Text ? record_text(at) : kind == Kind.Vision ? record_vision(at) : record_align(at);
  return changetype<Recording>(recording);
}

/** A recording and its names. */
class Plan {
  private names: Array<string>;

  constructor(public recording: Recording) {
    this.names = String.UTF8.decodeUnsafe(recording.names_at, recording.names_bytes).split('\n');
    if (recording.error != NONE) throw new Error(`the model cannot run: ${this.name(recording.error)}`);
  }

  name(index: u32): string {
    return this.names[index];
  }

  request(i: u32): Request {
    return changetype<Request>(<usize>this.recording.requests_at + i * offsetof<Request>());
  }
}

/** A plan that is to run once, with an arena of its own. */
class Run extends Plan {
  private arena: usize;

  constructor(recording: Recording, weights: usize) {
    super(recording);
    this.arena = take(<u64>recording.arena_bytes, 'the activations of this call');
    bind(weights, this.arena);
  }

  execute(): void {
    execute(this.recording.ops_at, 0, this.recording.ops, 0, 1);
  }

  /** Address of an input, cleared. */
  input(name: string): usize {
    const tensor = this.tensor(name, Role.Input);
    const at = this.arena + tensor.offset;
    memory.fill(at, 0, <usize>tensor.n * tensor.h * tensor.w * tensor.stride * 4);
    return at;
  }

  output(name: string): usize {
    return this.arena + this.tensor(name, Role.Output).offset;
  }

  private tensor(name: string, role: Role): TensorEntry {
    const tensors = this.recording.tensors;
    const tensors_at = this.recording.tensors_at;
    for (let i: u32 = 0; i < tensors; i++) {
      const entry = changetype<TensorEntry>(<usize>tensors_at + i * offsetof<TensorEntry>());
      if (entry.role == role && this.name(entry.name) == name) return entry;
    }
    throw new Error(`the plan has no tensor "${name}"`);
  }
}
