// The command line.

import { put, read_all, read_arguments, show, usage_error } from './io';
import { Image, read_size } from './image';
import { begins, decoded, encoded, index_of, is, is_utf8, pieces, text, Text } from './text';

export const HELP = `align-wasm.wasi.wasm embed --model FILE [--text TEXT...] [--text-file FILE] [--image FILE...] [--json]
align-wasm.wasi.wasm classify --model FILE --image FILE... --labels "a cat,a dog" [options] [--json]

Prints unit-length embeddings of texts and pictures, or how well labels fit each picture.

  --model FILE          a packed file, as "align-wasm convert" writes it
  --text TEXT...        texts, up to the next option
  --text-file FILE      one text a line
  --image FILE...       pictures, up to the next option: PPM (P6) or PGM (P5) of 8 bits; raw RGB with --size
  --size WxH            the pictures are raw RGB: 3 bytes a pixel, rows top to bottom, no header
  --labels TEXT         labels with commas between
  --labels-file FILE    one label a line
  --template TEXT       what is said about a label, e.g. "a photo of {}" (default "{}")
  --scores KIND         softmax (default), cosine or logits
  --top-k N             the best N labels only
  --json                one JSON object a line: {"text" or "image", "embedding"}; {"image", "scores": [{"label", "score"}]}
                        Without it: fields with tabs between: name, numbers; or name, score, label a line

"-" is standard input, for one FILE but the model. Files lie in folders that the host opens for the module.
Exit status: 0 ok, 1 failed, 2 a command line that cannot be meant.
`;

/** Bytes of a file of texts. */
const MOST_TEXT_BYTES: usize = 16 << 20;
/** A comma, a line's end. */
const COMMA: u8 = 0x2c;
const LINE: u8 = 0x0a;

export class Options {
  classify: bool = false;
  json: bool = false;
  help: bool = false;
  model: Text | null = null;
  texts: Array<Text> = [];
  images: Array<Text> = [];
  labels: Array<Text> = [];
  template: Text = encoded('{}');
  scores: Text = encoded('softmax');
  top_k: u32 = u32.MAX_VALUE;
  /** Of raw pictures. */
  size: Image | null = null;
}

/** @throws where the command line cannot be meant, as the end of the program */
export function read_options(): Options {
  const words = read_arguments();
  const options = new Options();
  for (let i = 0; i < words.length; i++) {
    if (!is_utf8(words[i])) throw new Error(usage_error(`argument ${i + 1} is not valid UTF-8`));
    if (is(words[i], '--help') || is(words[i], '-h')) options.help = true;
  }
  if (options.help) return options;
  if (!words.length) throw new Error(usage_error('embed or classify is needed'));
  options.classify = is(words[0], 'classify');
  if (!options.classify && !is(words[0], 'embed')) throw new Error(usage_error(`${show(words[0])} is neither embed nor classify`));
  let standard_inputs = 0;
  for (let i = 1; i < words.length; ) {
    let name = words[i++];
    if (!begins(name, '--')) throw new Error(usage_error(`${show(name)} follows no option that it could belong to`));
    if (is(name, '--json')) {
      options.json = true;
      continue;
    }
    const values = new Array<Text>();
    const equals = index_of(name, 0x3d);
    if (equals > 0) {
      values.push(text(name.at + equals + 1, name.size - equals - 1));
      name = text(name.at, equals);
    } else {
      const many = is(name, '--text') || is(name, '--image');
      while (i < words.length && !begins(words[i], '--') && (many || !values.length)) values.push(words[i++]);
    }
    if (!values.length) throw new Error(usage_error(`${decoded(name)} needs a value`));
    const reads = is(name, '--image') || is(name, '--text-file') || is(name, '--labels-file');
    for (let j = 0; j < values.length; j++) if (reads && is(values[j], '-')) standard_inputs++;
    if (standard_inputs > 1) throw new Error(usage_error('standard input (-) can be read only once'));
    set(options, name, values);
  }
  check(options);
  return options;
}

function set(options: Options, name: Text, values: Array<Text>): void {
  const value = values[0];
  if (is(name, '--model')) options.model = value;
  else if (is(name, '--text')) options.texts = options.texts.concat(values);
  else if (is(name, '--text-file')) options.texts = options.texts.concat(lines(value));
  else if (is(name, '--image')) options.images = options.images.concat(values);
  else if (is(name, '--labels')) options.labels = options.labels.concat(pieces(value, COMMA));
  else if (is(name, '--labels-file')) options.labels = options.labels.concat(lines(value));
  else if (is(name, '--template')) options.template = value;
  else if (is(name, '--scores')) options.scores = value;
  else if (is(name, '--size')) {
    options.size = read_size(value);
    if (!options.size) throw new Error(usage_error(`--size ${show(value)}: width and height are needed, as 640x480, of at most 16777216 pixels`));
  } else if (is(name, '--top-k')) {
    const number = F64.parseInt(decoded(value), 10);
    if (!(number >= 1 && number <= 1e9) || decoded(value) != (<u32>number).toString()) throw new Error(usage_error(`--top-k ${show(value)}: a number of at least 1 is needed`));
    options.top_k = <u32>number;
  } else throw new Error(usage_error(`there is no option ${show(name)}`));
}

function check(options: Options): void {
  const command = options.classify ? 'classify' : 'embed';
  const model = options.model;
  if (!model) throw new Error(usage_error(`${command} needs --model FILE`));
  if (is(model, '-')) throw new Error(usage_error('--model must be a file: it is read here and there, which standard input is not'));
  const kind = options.scores;
  if (!is(kind, 'softmax') && !is(kind, 'cosine') && !is(kind, 'logits')) throw new Error(usage_error(`--scores ${show(kind)}: it is softmax, cosine or logits`));
  if (!options.classify) {
    if (!options.texts.length && !options.images.length) throw new Error(usage_error('embed needs --text, --text-file or --image'));
    if (options.labels.length) throw new Error(usage_error('--labels is for classify'));
    return;
  }
  if (!options.images.length) throw new Error(usage_error('classify needs --image FILE'));
  if (!options.labels.length) throw new Error(usage_error('classify needs --labels "a cat,a dog" or --labels-file FILE'));
  if (options.texts.length) throw new Error(usage_error('--text is for embed'));
  if (place_of_label(options.template) < 0) throw new Error(usage_error(`--template ${show(options.template)} has no {} for the label`));
}

/** Where {} is in a template; -1: nowhere. */
export function place_of_label(template: Text): isize {
  for (let i: usize = 0; i + 1 < template.size; i++) if (load<u16>(template.at + i) == 0x7d7b) return i;
  return -1;
}

/** The lines of a file, without blank ones and spaces at the ends. */
function lines(path: Text): Array<Text> {
  const all = read_all(path, MOST_TEXT_BYTES);
  if (!is_utf8(all)) throw new Error(`${decoded(path)} is not valid UTF-8`);
  const mark = all.size >= 3 && load<u8>(all.at) == 0xef && load<u16>(all.at, 1) == 0xbfbb ? 3 : 0;
  return pieces(text(all.at + mark, all.size - mark), LINE);
}

export function put_help(): void {
  put(HELP);
}
