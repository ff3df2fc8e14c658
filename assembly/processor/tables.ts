// What the tokenizer knows of each code point: flags, what removal of accents leaves, lower case, order of marks. The
// tables are frozen in unicode.ts, so every runtime gives the same ids. Expanded, they lie where the host says:
//
//   flags[0x30000] u8 | tail of runs (end, flags) | decompositions (from, first, second) | lower (from, to) | classes

import {
  CLASSES,
  CLASS_COUNT,
  DECOMPOSITIONS,
  DECOMPOSITION_COUNT,
  FLAGS,
  FLAGS_BYTES,
  LOWER,
  LOWER_COUNT,
} from './unicode';

// Flags of a code point; the first seven are written by scripts/unicode_tables.py.
export const REMOVED: u32 = 1;
export const SPACE: u32 = 2;
export const CJK: u32 = 4;
export const PUNCTUATION: u32 = 8;
export const MARK: u32 = 16;
export const NONSTARTER: u32 = 32;
export const WORD: u32 = 64;
/** In one of the two maps. */
export const MAPPED: u32 = 128;

/** Code points below it have their flags in a flat table; above it lie a few dozen runs. */
const FLAT: u32 = 0x30000;
const TAIL_RUNS: usize = 64;
const DECOMPOSITION_BYTES: usize = 12;
const LOWER_BYTES: usize = 8;
const CLASS_BYTES: usize = 12;

let flags: usize = 0;
let tail: usize = 0;
let decompositions: usize = 0;
let lower: usize = 0;
let classes: usize = 0;

/** Bytes that `unicode_init` needs. */
export function unicode_bytes(): usize {
  return (
    FLAT +
    TAIL_RUNS * 8 +
    DECOMPOSITION_COUNT * DECOMPOSITION_BYTES +
    LOWER_COUNT * LOWER_BYTES +
    CLASS_COUNT * CLASS_BYTES
  );
}

let source: usize = 0;

function varint(): u32 {
  let value: u32 = 0;
  let shift: u32 = 0;
  let byte: u32;
  do {
    byte = load<u8>(source++);
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  return value;
}

@inline
function unzigzag(n: u32): i32 {
  return n & 1 ? -(<i32>((n + 1) >> 1)) : <i32>(n >> 1);
}

@inline
function set_mapped(c: u32): void {
  if (c < FLAT) store<u8>(flags + c, load<u8>(flags + c) | <u8>MAPPED);
}

/** Expands the tables at `at` (4-byte aligned); once an instance, before anything else here. */
export function unicode_init(at: usize): void {
  flags = at;
  tail = flags + FLAT;
  decompositions = tail + TAIL_RUNS * 8;
  lower = decompositions + DECOMPOSITION_COUNT * DECOMPOSITION_BYTES;
  classes = lower + LOWER_COUNT * LOWER_BYTES;

  source = FLAGS;
  let c: u32 = 0;
  let run = tail;
  while (source < FLAGS + FLAGS_BYTES) {
    const value = load<u8>(source++);
    const end = c + varint();
    if (c < FLAT) memory.fill(flags + c, value, min(end, FLAT) - c);
    if (end > FLAT) {
      store<u32>(run, end);
      store<u32>(run, value, 4);
      run += 8;
    }
    c = end;
  }

  source = DECOMPOSITIONS;
  c = 0;
  for (let p = decompositions; p < lower; p += DECOMPOSITION_BYTES) {
    c += varint();
    const delta = varint();
    store<u32>(p, c);
    store<u32>(p, c + unzigzag(delta >> 1), 4);
    store<u32>(p, delta & 1 ? varint() : 0, 8);
    set_mapped(c);
  }

  source = LOWER;
  c = 0;
  for (let p = lower; p < classes; ) {
    c += varint();
    const run = varint();
    const delta = unzigzag(varint());
    for (let left = run >> 1; ; left--, c += 1 + (run & 1)) {
      store<u32>(p, c);
      store<u32>(p, c + delta, 4);
      set_mapped(c);
      p += LOWER_BYTES;
      if (left == 0) break;
    }
  }
  set_mapped(0x130);

  source = CLASSES;
  c = 0;
  for (let i: u32 = 0; i < CLASS_COUNT; i++) {
    const p = classes + i * CLASS_BYTES;
    c += varint();
    store<u32>(p, c);
    c += varint() - 1;
    store<u32>(p, c, 4);
    store<u32>(p, load<u8>(source++), 8);
  }
}

/** Flags of any code point. */
@inline
export function flags_of(c: u32): u32 {
  return c < FLAT ? load<u8>(flags + c) : tail_flags(c);
}

function tail_flags(c: u32): u32 {
  let run = tail;
  while (load<u32>(run) <= c) run += 8;
  return load<u32>(run, 4);
}

/** Entry of `c` in a sorted map of records whose first word is the code point, or 0. */
function find(map: usize, count: u32, bytes: usize, c: u32): usize {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const p = map + middle * bytes;
    const at = load<u32>(p);
    if (at == c) return p;
    if (at < c) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/** Canonical combining class of a mark that stays. */
export function class_of(c: u32): u32 {
  let p = classes;
  while (load<u32>(p, 4) < c) p += CLASS_BYTES;
  return load<u32>(p, 8);
}

/** Record of `c` whose second and third words are what NFD without accents leaves of it in one step (0: nothing), or 0. */
export function decomposition_of(c: u32): usize {
  return find(decompositions, DECOMPOSITION_COUNT, DECOMPOSITION_BYTES, c);
}

/** Record of `c` whose second word is its lower case, or 0. U+0130 has none here: it has two characters. */
export function lower_of(c: u32): usize {
  return find(lower, LOWER_COUNT, LOWER_BYTES, c);
}
