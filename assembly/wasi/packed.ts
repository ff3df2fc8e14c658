// A packed file (weights/FORMAT.md), read strictly: what its header says is checked before a byte behind it is read.

import { Format } from '../plan/op';
import { File, open_file, show, take } from './io';
import { Json, parse_object } from './json';
import { decoded, is, Text, text } from './text';

/** Bytes of a header, and of a model's other files; those of align-base have 0.1 and 0.7 MB. */
const MOST_HEADER: u64 = 16 << 20;
const MOST_TEXT: u64 = 16 << 20;
const MOST_TENSORS: i32 = 10_000;
const MOST_INTEGER: f64 = 9007199254740991;

const FILES = 'files/';
/** At their numbers in enum Format. */
const FORMATS: StaticArray<string> = ['f32', 'f16', 'bf16', 'q8', 'q8d', 'q4'];

/** A tensor's bytes in the file. */
export class Block {
  format: Format = Format.F32;

  constructor(
    public start: u64,
    public size: u64,
  ) {}
}

/** An open packed file. */
export class PackedFile {
  readonly name: string;
  private file: File;
  private blocks: Map<string, Block> = new Map();
  /** both, text or vision. */
  towers: string = '';

  constructor(path: Text) {
    const file = open_file(path);
    this.file = file;
    this.name = decoded(path);
    const header = this.header();
    this.tensors(header, file.size);
    const metadata = header.object('__metadata__');
    if (!metadata || metadata.string('format', '') != 'align-wasm') {
      throw new Error(`${this.name} is a safetensors file, but not a packed one: "align-wasm convert" makes it`);
    }
    const version = metadata.string('version', '');
    if (version != '1') throw new Error(`${this.name} is packed in version "${version}", this module reads version "1"`);
    this.towers = metadata.string('towers', '');
    if (this.towers != 'both' && this.towers != 'text' && this.towers != 'vision') {
      throw new Error(`${this.name}: towers in its metadata is "${this.towers}", not both, text or vision`);
    }
    this.formats(metadata);
  }

  /** A block; null where the file lacks it. */
  block(name: string): Block | null {
    return this.blocks.has(name) ? this.blocks.get(name) : null;
  }

  /** Reads a block to `at`. */
  read(block: Block, at: usize): void {
    this.file.read(block.start, <usize>block.size, at);
  }

  /** One of the model's other files, a 0 behind it; null where there is none. */
  text(name: string): Text | null {
    const block = this.block(FILES + name);
    if (!block) return null;
    if (block.size > MOST_TEXT) throw new Error(`${this.name}: ${name} has ${block.size} bytes, at most ${MOST_TEXT} are read`);
    const at = take(block.size + 1, name);
    this.read(block, at);
    store<u8>(at + <usize>block.size, 0);
    return text(at, <usize>block.size);
  }

  /** The same, which must be a JSON object. */
  json(name: string): Json | null {
    const content = this.text(name);
    return content ? parse_object(name, content) : null;
  }

  private header(): Json {
    const size = this.file.size;
    if (size < 8) throw new Error(`${this.name} has ${size} bytes, which is no packed file`);
    const at = take(MOST_HEADER < size ? MOST_HEADER + 1 : size + 1, 'the header');
    this.file.read(0, 8, at);
    const length = load<u64>(at);
    if (length > MOST_HEADER || length + 8 > size) {
      throw new Error(`${this.name} has a header of ${length} bytes, in a file of ${size}: no packed file, or not all of it`);
    }
    this.file.read(8, <usize>length, at);
    store<u8>(at + <usize>length, 0);
    this.data_start = 8 + length;
    return parse_object(`${this.name}: the header`, text(at, <usize>length));
  }

  private data_start: u64 = 0;

  /** Places of all tensors, which must fill the data without hole or overlap. */
  private tensors(header: Json, size: u64): void {
    const members = header.members();
    const all = new Array<Block>();
    while (members.next()) {
      if (is(members.key, '__metadata__')) continue;
      const name = decoded(members.key);
      if (all.length == MOST_TENSORS) throw new Error(`${this.name} has more than ${MOST_TENSORS} tensors`);
      if (this.blocks.has(name)) throw new Error(`${this.name}: two tensors are named ${show(members.key)}`);
      const block = this.tensor(new Json(this.name, name, members.at));
      this.blocks.set(name, block);
      all.push(block);
    }
    all.sort((a, b) => (a.start != b.start ? (a.start < b.start ? -1 : 1) : a.size < b.size ? -1 : 1));
    let filled = this.data_start;
    for (let i = 0; i < all.length; i++) {
      if (all[i].start != filled) throw new Error(`${this.name}: its tensors leave a hole or overlap at byte ${filled}`);
      filled += all[i].size;
    }
    if (filled != size) throw new Error(`${this.name}: its tensors end at byte ${filled}, the file has ${size}`);
  }

  /** {"dtype": "U8", "shape": [n], "data_offsets": [begin, end]}, nothing else, each once. */
  private tensor(entry: Json): Block {
    const members = entry.is_object ? entry.members() : null;
    let count = 0;
    while (members && members.next()) count++;
    const dtype = entry.is_object ? entry.own('dtype') : null;
    const shape = dtype ? entry.own('shape') : null;
    const offsets = dtype ? entry.own('data_offsets') : null;
    if (count != 3 || !dtype || !shape || !offsets || !dtype.is_text || !is(dtype.text(), 'U8')) {
      throw new Error(entry.refused('a packed file has bytes only: dtype "U8", shape [n], data_offsets [begin, end]'));
    }
    const size = integers(shape, 1)[0];
    const range = integers(offsets, 2);
    if (range[1] - range[0] != size) throw new Error(entry.refused('its shape and its data_offsets differ'));
    return new Block(this.data_start + <u64>range[0], <u64>size);
  }

  /** Gives every block its format. */
  private formats(metadata: Json): void {
    const listed = metadata.get('formats');
    if (!listed) throw new Error(`${this.name} has no formats in its metadata`);
    const known = new Set<string>();
    const members = parse_object(`${this.name}: formats`, listed.text()).members();
    while (members.next()) {
      const name = decoded(members.key);
      const value = new Json(this.name, name, members.at);
      const format = value.is_text ? FORMATS.indexOf(decoded(value.text())) : -1;
      if (format < 0) throw new Error(value.refused('it is the format of a block: f32, f16, bf16, q8, q8d or q4'));
      const block = this.block(name);
      if (block) block.format = <Format>format;
      known.add(name);
    }
    const names = this.blocks.keys();
    for (let i = 0; i < names.length; i++) {
      if (!names[i].startsWith(FILES) && !known.has(names[i])) throw new Error(`${this.name}: block "${names[i]}" has no format`);
    }
  }
}

/** A list of exactly `count` integers of at least 0. */
function integers(list: Json, count: i32): Array<f64> {
  const values = new Array<f64>();
  const members = list.is_list ? list.members() : null;
  while (members && members.next()) values.push(new Json(list.file, list.key, members.at).integer(0, MOST_INTEGER));
  if (values.length != count) throw new Error(list.refused(`${count} integers are needed`));
  return values;
}

