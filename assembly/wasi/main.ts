// The command module of the WASI build: texts and pictures to embeddings, pictures and labels to scores.

import { flush, mark, put, put_text, read_all, release, take } from './io';
import { MOST_IMAGE_BYTES, raw_image, read_ppm } from './image';
import { Model } from './model';
import { Options, place_of_label, put_help, read_options } from './options';
import { put_json, put_number, put_vector } from './output';
import { PackedFile } from './packed';
import { ImageProcessor } from './pixels';
import { dot, order, softmax } from './scores';
import { is, text, Text } from './text';
import { Tokenizer } from './tokenizer';

class Program {
  private model: Model;
  private tokenizer: Tokenizer | null = null;
  private images: ImageProcessor | null = null;

  constructor(private options: Options) {
    const file = new PackedFile(options.model!);
    const texts = options.classify || options.texts.length > 0;
    const pictures = options.images.length > 0;
    this.model = new Model(file, texts, pictures);
    if (texts) this.tokenizer = new Tokenizer(file);
    if (pictures) this.images = new ImageProcessor(file);
  }

  /** The bytes of an embedding. */
  private get bytes(): u32 {
    return this.model.dimensions * 4;
  }

  embed(): void {
    const out = take(this.bytes, 'an embedding');
    for (let i = 0; i < this.options.texts.length; i++) {
      this.embed_text(this.options.texts[i], out);
      this.put_embedding('text', this.options.texts[i], out);
    }
    for (let i = 0; i < this.options.images.length; i++) {
      this.embed_image(this.options.images[i], out);
      this.put_embedding('image', this.options.images[i], out);
    }
  }

  classify(): void {
    const labels = this.options.labels;
    const embeddings = take(<u64>labels.length * this.bytes, 'the labels');
    for (let i = 0; i < labels.length; i++) this.embed_text(this.hypothesis(labels[i]), embeddings + i * this.bytes);
    const image = take(this.bytes, 'an embedding');
    for (let i = 0; i < this.options.images.length; i++) {
      const marked = mark();
      this.embed_image(this.options.images[i], image);
      this.put_scores(this.options.images[i], this.scores(embeddings, image));
      release(marked);
    }
  }

  private embed_text(t: Text, out: usize): void {
    const marked = mark();
    const tokenizer = this.tokenizer!;
    tokenizer.encode(t);
    if (!tokenizer.count) throw new Error('a text without a token has no embedding');
    const most = this.model.most_tokens;
    if (tokenizer.count > most) throw new Error(`a text of ${tokenizer.count} tokens, the model has ${most} positions`);
    this.model.embed_text(tokenizer.ids, tokenizer.types, tokenizer.count, out);
    release(marked);
  }

  private embed_image(name: Text, out: usize): void {
    const marked = mark();
    const bytes = read_all(name, MOST_IMAGE_BYTES);
    const size = this.options.size;
    const images = this.images!;
    const pixels = images.call(size ? raw_image(name, bytes, size) : read_ppm(name, bytes));
    this.model.embed_image(pixels, images.width, images.height, out);
    release(marked);
  }

  /** The template with the label at every {}. */
  private hypothesis(label: Text): Text {
    const template = this.options.template;
    const out = take(<u64>(template.size / 2 + 1) * label.size + template.size, 'a label');
    let to = out;
    let rest = template;
    while (true) {
      const found = place_of_label(rest);
      const size = found < 0 ? rest.size : <usize>found;
      memory.copy(to, rest.at, size);
      to += size;
      if (found < 0) return text(out, to - out);
      memory.copy(to, label.at, label.size);
      to += label.size;
      rest = text(rest.at + size + 2, rest.size - size - 2);
    }
  }

  private scores(embeddings: usize, image: usize): Array<f64> {
    const count = this.options.labels.length;
    const scores = new Array<f64>(count);
    if (is(this.options.scores, 'cosine')) {
      for (let i = 0; i < count; i++) scores[i] = dot(embeddings + i * this.bytes, image, this.model.dimensions);
      return scores;
    }
    const logits = take(<u64>count * 4, 'the scores');
    this.model.logits(embeddings, count, image, logits);
    for (let i = 0; i < count; i++) scores[i] = load<f32>(logits + i * 4);
    if (is(this.options.scores, 'softmax')) softmax(scores);
    return scores;
  }

  private put_embedding(kind: string, name: Text, at: usize): void {
    if (this.options.json) {
      put(`{"${kind}":`);
      put_json(name);
      put(',"embedding":[');
      put_vector(at, this.model.dimensions, ',');
      put(']}\n');
    } else {
      put_text(name);
      put('\t');
      put_vector(at, this.model.dimensions, ' ');
      put('\n');
    }
    flush();
  }

  private put_scores(name: Text, scores: Array<f64>): void {
    const labels = this.options.labels;
    const best = order(scores);
    const count = min<u32>(this.options.top_k, scores.length);
    if (this.options.json) {
      put('{"image":');
      put_json(name);
      put(',"scores":[');
    }
    for (let i: u32 = 0; i < count; i++) {
      const label = labels[best[i]];
      if (this.options.json) {
        put(i ? ',{"label":' : '{"label":');
        put_json(label);
        put(',"score":');
        put_number(scores[best[i]]);
        put('}');
      } else {
        put_text(name);
        put('\t');
        put_number(scores[best[i]]);
        put('\t');
        put_text(label);
        put('\n');
      }
    }
    if (this.options.json) put(']}\n');
    flush();
  }
}

const options = read_options();
if (options.help) put_help();
else {
  const program = new Program(options);
  if (options.classify) program.classify();
  else program.embed();
}
flush();
