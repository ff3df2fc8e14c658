// Pictures to pixel values, float for float as src/host/processor/image_processor.ts:
//
//   picture ─ resize (8 bits) ─ centre crop, padded with 0 ─ rescale ─ normalise ─ divide by std once more ─▶ NHWC

import { resize, resize_bytes } from '../processor/resize';
import { MOST_BYTES, take } from './io';
import { Image } from './image';
import { Json } from './json';
import { PackedFile } from './packed';
import { is } from './text';

/** No picture of a model comes near this. */
const MOST_EDGE: f64 = 32768;
const FILE = 'preprocessor_config.json';
const EMPTY: StaticArray<u8> = [0x7b, 0x7d, 0];
/** Keys of a size. */
const KEYS: StaticArray<string> = ['height', 'width', 'shortest_edge', 'longest_edge', 'max_height', 'max_width'];
const HEIGHT_WIDTH: u32 = 0b11;
const SHORTEST: u32 = 0b100;
const SHORTEST_LONGEST: u32 = 0b1100;
const MOST_HEIGHT_WIDTH: u32 = 0b110000;

/** A size in any of transformers' forms: a value of KEYS each, 0 where it is absent. */
class Size {
  values: StaticArray<f64> = new StaticArray<f64>(6);
  /** A bit for each key that there is. */
  keys: u32 = 0;

  set(key: i32, value: f64): void {
    this.values[key] = value;
    this.keys |= 1 << key;
  }
}

export class ImageProcessor {
  private resize: bool;
  private size: Size;
  private filter: u32;
  private crop: bool;
  private crop_size: Size;
  /** What becomes of each 8-bit sample: 256 floats a channel. */
  private tables: usize = heap.alloc(3 * 256 * 4);
  /** Size of the picture made last. */
  width: u32 = 0;
  height: u32 = 0;

  /** processor_config.json counts where it nests an image processor, else preprocessor_config.json, else defaults. */
  constructor(file: PackedFile) {
    const outer = file.json('processor_config.json');
    const nested = outer ? outer.object('image_processor') : null;
    const own = nested ? nested : file.json(FILE);
    const flags = own ? own : new Json(FILE, '', changetype<usize>(EMPTY));
    const type = flags.get('image_processor_type');
    if (type && !type.text().size) throw new Error(type.refused('the name of a class is needed'));
    if (type && !is(type.text(), 'EfficientNetImageProcessor') && !is(type.text(), 'EfficientNetImageProcessorPil') && !is(type.text(), 'EfficientNetImageProcessorFast')) {
      throw new Error(type.refused('this module has EfficientNetImageProcessor'));
    }
    this.resize = flags.flag('do_resize', true);
    this.size = read_size(flags, 'size', 346);
    const filter = flags.get('resample');
    this.filter = filter ? <u32>filter.integer(0, 5) : 3;
    this.crop = flags.flag('do_center_crop', false);
    this.crop_size = read_size(flags, 'crop_size', 289);
    if (this.crop_size.keys != HEIGHT_WIDTH) throw new Error(flags.get('crop_size')!.refused('its keys are height and width'));
    this.fill_tables(flags);
  }

  /** Pixels as rows of 4 floats, the last of them 0; their size is `width` and `height`. */
  call(image: Image): usize {
    const resized = this.resize ? this.resized(image) : image;
    const shaped = this.crop ? cropped(resized, <u32>this.crop_size.values[1], <u32>this.crop_size.values[0]) : resized;
    this.width = shaped.width;
    this.height = shaped.height;
    const count = <usize>shaped.width * shaped.height;
    const pixels = take(<u64>count * 16, 'a picture');
    for (let i: usize = 0, from = shaped.at, to = pixels; i < count; i++, from += 3, to += 16) {
      store<f32>(to, this.value(0, load<u8>(from)));
      store<f32>(to, this.value(1, load<u8>(from, 1)), 4);
      store<f32>(to, this.value(2, load<u8>(from, 2)), 8);
      store<f32>(to, 0, 12);
    }
    return pixels;
  }

  // @ts-ignore: decorator
  @inline
  private value(channel: usize, sample: usize): f32 {
    return load<f32>(this.tables + ((channel << 8) + sample) * 4);
  }

  /** Pillow's resize; a picture that has the size already is copied by it, so it stays as it is. */
  private resized(image: Image): Image {
    target(this.size, image.height, image.width);
    if (!(new_height >= 1 && new_width >= 1 && new_height <= MOST_EDGE && new_width <= MOST_EDGE)) {
      throw new Error(`a picture of ${image.width} x ${image.height} pixels would be resized to ${<i64>new_width} x ${<i64>new_height}`);
    }
    const width = <u32>new_width;
    const height = <u32>new_height;
    if (width == image.width && height == image.height) return image;
    // What lies between the two passes, before it is computed in 32 bits.
    const between = max(<u64>image.width * height, <u64>width * image.height) * 3;
    if (between > MOST_BYTES / 2) throw new Error(`a picture of ${image.width} x ${image.height} pixels cannot be resized to ${width} x ${height}: too large`);
    const source = take(<u64>image.width * (image.height + 4) * 3, 'a picture'); // taps of 0 read past its end
    memory.copy(source, image.at, <usize>image.width * image.height * 3);
    const out = take(<u64>width * height * 3 + 32, 'a picture');
    const work = take(<u64>resize_bytes(image.width, image.height, 3, width, height, this.filter), 'a picture');
    resize(source, image.width, image.height, 3, out, width, height, this.filter, work);
    return new Image(out, width, height);
  }

  /** numpy's float32 arithmetic, step by step. */
  private fill_tables(flags: Json): void {
    const do_rescale = flags.flag('do_rescale', true);
    const rescale = flags.get('rescale_factor');
    const factor = rescale ? rescale.number() : 1.0 / 255.0;
    const offset = do_rescale && flags.flag('rescale_offset', false);
    const do_normalize = flags.flag('do_normalize', true);
    const include_top = flags.flag('include_top', true);
    for (let c: u32 = 0; c < 3; c++) {
      const mean = do_normalize ? of_channel(flags, 'image_mean', c) : 0;
      const std = do_normalize || include_top ? of_channel(flags, 'image_std', c) : 1;
      for (let sample: u32 = 0; sample < 256; sample++) {
        let value = do_rescale ? <f32>(<f64>sample * factor) : <f32>sample;
        if (offset) value -= 1;
        if (do_normalize) value = (value - mean) / std;
        if (include_top) value /= std;
        store<f32>(this.tables + (c * 256 + sample) * 4, value);
      }
    }
  }
}

/** One number for all channels, or a list of one for each. */
function of_channel(flags: Json, key: string, channel: u32): f32 {
  const value = flags.get(key);
  if (!value) return 0.5;
  if (value.is_number) return <f32>value.number();
  if (!value.is_list) throw new Error(value.refused('a number or a list of numbers is needed'));
  let count: u32 = 0;
  let found: f32 = 0;
  const members = value.members();
  while (members.next()) {
    const number = <f32>new Json(flags.file, key, members.at).number();
    if (count++ == channel) found = number;
  }
  if (count != 3) throw new Error(value.refused('three numbers are needed'));
  return found;
}

/** A size as a number (a square), [height, width] or an object. */
function read_size(flags: Json, key: string, initial: f64): Size {
  const value = flags.get(key);
  const size = new Size();
  if (!value || value.is_number) {
    const side = value ? value.integer(1, MOST_EDGE) : initial;
    size.set(0, side);
    size.set(1, side);
    return size;
  }
  const members = value.members();
  for (let i = 0; members.next(); i++) {
    const edge = new Json(flags.file, key, members.at);
    if (edge.is_null) continue;
    const index = value.is_list ? (i < 2 ? i : -1) : KEYS.indexOf(String.UTF8.decodeUnsafe(members.key.at, members.key.size));
    if (index < 0) throw new Error(value.refused('it has a key that no size has'));
    size.set(index, edge.integer(1, MOST_EDGE));
  }
  const keys = size.keys;
  if (keys != HEIGHT_WIDTH && keys != SHORTEST && keys != SHORTEST_LONGEST && keys != MOST_HEIGHT_WIDTH) {
    throw new Error(value.refused('its keys are height and width, shortest_edge (and longest_edge), or max_height and max_width'));
  }
  return size;
}

let new_height: f64 = 0;
let new_width: f64 = 0;

/** What a picture is resized to (PilBackend.resize), to `new_height` and `new_width`. */
function target(size: Size, height: f64, width: f64): void {
  const values = size.values;
  const long = Math.max(width, height);
  const short = Math.min(width, height);
  if (size.keys == SHORTEST_LONGEST) keep_aspect(height, width, values[2], values[3]);
  else if (size.keys == SHORTEST) {
    const other = Math.trunc((values[2] * long) / short);
    new_height = width <= height ? other : values[2];
    new_width = width <= height ? values[2] : other;
  } else if (size.keys == MOST_HEIGHT_WIDTH) {
    const scale = Math.min(values[4] / height, values[5] / width);
    new_height = Math.trunc(height * scale);
    new_width = Math.trunc(width * scale);
  } else {
    new_height = values[0];
    new_width = values[1];
  }
}

/** transformers' get_size_with_aspect_ratio. */
function keep_aspect(height: f64, width: f64, shortest: f64, longest: f64): void {
  const short = Math.min(height, width);
  const long = Math.max(height, width);
  let size = shortest;
  let exact = size;
  if ((long / short) * size > longest) {
    exact = (longest * short) / long;
    size = nearest(exact); // ties to even, as Python's round
  }
  new_height = height;
  new_width = width;
  if (short == size) return;
  const other = Math.trunc((exact * long) / short);
  new_height = width < height ? other : size;
  new_width = width < height ? size : other;
}

/** transformers' center_crop: a picture smaller than the crop is padded with zeros around its middle. */
function cropped(image: Image, width: u32, height: u32): Image {
  const top = <i32>Math.floor((<f64>image.height - height) / 2);
  const left = <i32>Math.floor((<f64>image.width - width) / 2);
  const bytes = <u64>width * height * 3;
  const at = take(bytes, 'a picture');
  memory.fill(at, 0, <usize>bytes);
  const from = max(0, -left);
  const to = min(<i32>width, <i32>image.width - left);
  for (let y = max(0, -top); y < min(<i32>height, <i32>image.height - top); y++) {
    const row = image.at + (<usize>(y + top) * image.width + (left + from)) * 3;
    if (to > from) memory.copy(at + (<usize>y * width + from) * 3, row, <usize>(to - from) * 3);
  }
  return new Image(at, width, height);
}
