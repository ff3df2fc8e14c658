// BERT's clean-up of a text, as tokenizers' BertNormalizer does it: UTF-8 in, UTF-8 out.
//
//   clean_text: drop control characters, every white space becomes ' '  →  ' ' on both sides of a CJK character
//   →  NFD without non-spacing marks  →  lower case

import { CJK, MAPPED, MARK, NONSTARTER, REMOVED, SPACE, class_of, decomposition_of, flags_of, lower_of } from './tables';

// The normalizer's options.
const CLEAN_TEXT: u32 = 1;
const HANDLE_CHINESE_CHARS: u32 = 2;
const STRIP_ACCENTS: u32 = 4;
const LOWERCASE: u32 = 8;

// Where `code_point` found the next character.
export let next: usize = 0;

/** Reads one character of valid UTF-8 at `p` and leaves `next` behind it. */
@inline
export function code_point(p: usize): u32 {
  const a: u32 = load<u8>(p);
  if (a < 0x80) {
    next = p + 1;
    return a;
  }
  return long_code_point(p, a);
}

function long_code_point(p: usize, a: u32): u32 {
  const b: u32 = load<u8>(p, 1) & 0x3f;
  if (a < 0xe0) {
    next = p + 2;
    return ((a & 0x1f) << 6) | b;
  }
  const c: u32 = load<u8>(p, 2) & 0x3f;
  if (a < 0xf0) {
    next = p + 3;
    return ((a & 0x0f) << 12) | (b << 6) | c;
  }
  next = p + 4;
  return ((a & 0x07) << 18) | (b << 12) | (c << 6) | (load<u8>(p, 3) & 0x3f);
}

// The output, and the run of combining marks at its end that canonical order may still rearrange (0: none).
let cursor: usize = 0;
let scratch: usize = 0;
let run: usize = 0;
let run_class: u32 = 0;
let run_sorted: bool = true;

function put(c: u32): void {
  if (c < 0x80) {
    store<u8>(cursor++, c);
  } else if (c < 0x800) {
    store<u8>(cursor, 0xc0 | (c >> 6));
    store<u8>(cursor, 0x80 | (c & 0x3f), 1);
    cursor += 2;
  } else if (c < 0x10000) {
    store<u8>(cursor, 0xe0 | (c >> 12));
    store<u8>(cursor, 0x80 | ((c >> 6) & 0x3f), 1);
    store<u8>(cursor, 0x80 | (c & 0x3f), 2);
    cursor += 3;
  } else {
    store<u8>(cursor, 0xf0 | (c >> 18));
    store<u8>(cursor, 0x80 | ((c >> 12) & 0x3f), 1);
    store<u8>(cursor, 0x80 | ((c >> 6) & 0x3f), 2);
    store<u8>(cursor, 0x80 | (c & 0x3f), 3);
    cursor += 4;
  }
}

/** A character that never moves: everything before it has its place. */
@inline
function end_run(): void {
  if (run != 0) {
    if (!run_sorted) sort_run();
    run = 0;
  }
}

/** Stable sort of the run by class, one pass a class (there are about a dozen). */
function sort_run(): void {
  const bytes = cursor - run;
  const end = scratch + bytes;
  memory.copy(scratch, run, bytes);
  cursor = run;
  let smallest: u32 = 0;
  for (;;) {
    let k: u32 = 256;
    for (let p = scratch; p < end; p = next) {
      const other = class_of(code_point(p));
      if (other > smallest && other < k) k = other;
    }
    if (k == 256) return;
    for (let p = scratch; p < end; p = next) {
      const c = code_point(p);
      if (class_of(c) == k) put(c);
    }
    smallest = k;
  }
}

function put_mark(c: u32): void {
  const k = class_of(c);
  if (run == 0) {
    run = cursor;
    run_sorted = true;
  } else if (k < run_class) {
    run_sorted = false;
  }
  run_class = k;
  put(c);
}

function put_lower(c: u32, f: u32): void {
  if (f & MAPPED) {
    if (c == 0x130) {
      put(0x69);
      c = 0x307;
    } else {
      const entry = lower_of(c);
      if (entry != 0) c = load<u32>(entry, 4);
    }
  }
  put(c);
}

/** One character through the last two steps. */
function fold(c: u32, options: u32): void {
  const f = flags_of(c);
  if (options & STRIP_ACCENTS) {
    if (f & MARK) {
      if (!(f & NONSTARTER)) end_run();
      return;
    }
    if (f & NONSTARTER) return put_mark(c);
    const s = c - 0xac00;
    if (s < 11172) {
      end_run();
      put(0x1100 + s / 588);
      put(0x1161 + (s % 588) / 28);
      if (s % 28 != 0) put(0x11a7 + (s % 28));
      return;
    }
    if (f & MAPPED) {
      const entry = decomposition_of(c);
      if (entry != 0) {
        fold(load<u32>(entry, 4), options);
        if (load<u32>(entry, 8) != 0) fold(load<u32>(entry, 8), options);
        return;
      }
    }
    end_run();
  }
  if (options & LOWERCASE) put_lower(c, f);
  else put(c);
}

/**
 * Normalises `length` bytes of valid UTF-8 at `text` to `out` and returns how many bytes there are: at most three
 * times as many, which is the size that both `out` and `work` need. `options`: 1 clean_text, 2 handle_chinese_chars,
 * 4 strip_accents, 8 lowercase.
 */
export function normalize(text: usize, length: usize, out: usize, work: usize, options: u32): usize {
  const end = text + length;
  cursor = out;
  scratch = work;
  run = 0;
  for (let p = text; p < end; ) {
    let c = code_point(p);
    p = next;
    const f = flags_of(c);
    if (options & CLEAN_TEXT) {
      if (f & REMOVED) continue;
      if (f & SPACE) c = 0x20;
    }
    if (c < 0x80) {
      end_run();
      store<u8>(cursor++, options & LOWERCASE && c - 0x41 < 26 ? c | 0x20 : c);
    } else if (f & CJK && options & HANDLE_CHINESE_CHARS) {
      end_run();
      store<u8>(cursor++, 0x20);
      fold(c, options);
      store<u8>(cursor++, 0x20);
    } else {
      fold(c, options);
    }
  }
  end_run();
  return cursor - out;
}
