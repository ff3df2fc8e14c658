// BERT's tokenizer (tokenizers' AddedVocabulary, BertPreTokenizer and WordPiece): UTF-8 in, ids out.
//
//   text ─ added tokens as they are ─▶ pieces ─ normalize ─▶ pieces ─ added tokens, normalised ─▶ pieces
//        ─ white space and punctuation ─▶ words ─ longest prefix in the vocabulary, again and again ─▶ ids
//
// The vocabulary is an open-addressed hash table of slots (hash, 1 + index; 0 is empty) over tokens that lie one after
// the other: token i is bytes[offsets[i] … offsets[i + 1]), its id is ids[i].

import { code_point, next, normalize } from './normalize';
import { PUNCTUATION, SPACE, WORD, flags_of } from './tables';

const FNV_BASIS: u32 = 0x811c9dc5;
const FNV_PRIME: u32 = 0x01000193;
/** Slots that a token may lie behind its own: 41 at most in vocabularies of up to 500,000 words, thousands in one made to be slow. */
const REACH: u32 = 256;

let bytes: usize = 0;
let offsets: usize = 0;
let ids: usize = 0;
let table: usize = 0;
let mask: u32 = 0;
let longest: usize = 0;
let prefix: usize = 0;
let prefix_bytes: usize = 0;
let prefix_hash: u32 = FNV_BASIS;
let unknown: u32 = 0;
let max_chars: u32 = 0;
let options: u32 = 0;

@inline
function hash_byte(hash: u32, p: usize): u32 {
  return (hash ^ load<u8>(p)) * FNV_PRIME;
}

/**
 * Takes the vocabulary of `count` tokens and fills `slots` (a power of two, more than `count`) at `at`, which must be
 * zero. The continuing prefix (`##`) lies at `prefix_at`; a word of more than `chars` characters is `unk`.
 * `normalizer` is the options of `normalize`. False where a token finds no slot within reach.
 */
export function wordpiece_init(
  tokens_at: usize,
  offsets_at: usize,
  ids_at: usize,
  count: u32,
  at: usize,
  slots: u32,
  prefix_at: usize,
  prefix_length: usize,
  unk: u32,
  chars: u32,
  normalizer: u32,
): bool {
  bytes = tokens_at;
  offsets = offsets_at;
  ids = ids_at;
  table = at;
  mask = slots - 1;
  prefix = prefix_at;
  prefix_bytes = prefix_length;
  unknown = unk;
  max_chars = chars;
  options = normalizer;
  prefix_hash = FNV_BASIS;
  for (let i: usize = 0; i < prefix_length; i++) prefix_hash = hash_byte(prefix_hash, prefix + i);
  longest = 0;
  for (let i: u32 = 0; i < count; i++) {
    const start = bytes + load<u32>(offsets + i * 4);
    const end = bytes + load<u32>(offsets + i * 4, 4);
    longest = max(longest, end - start);
    let hash = FNV_BASIS;
    for (let p = start; p < end; p++) hash = hash_byte(hash, p);
    let slot = hash;
    while (load<u32>(slot_of(slot), 4) != 0) if (++slot - hash == REACH) return false;
    store<u32>(slot_of(slot), hash);
    store<u32>(slot_of(slot), i + 1, 4);
  }
  return true;
}

@inline
function slot_of(hash: u32): usize {
  return table + (hash & mask) * 8;
}

/** 1 + index of the token that is the first `lead` bytes of the prefix and then p … end-1, or 0. */
function look_up(hash: u32, lead: usize, p: usize, end: usize): u32 {
  for (let slot = hash; slot - hash != REACH; slot++) {
    const found = load<u32>(slot_of(slot), 4);
    if (found == 0) return 0;
    if (load<u32>(slot_of(slot)) != hash) continue;
    const at = offsets + (found - 1) * 4;
    const token = bytes + load<u32>(at);
    if (load<u32>(at, 4) - load<u32>(at) != lead + (end - p)) continue;
    if (memory.compare(token, prefix, lead) == 0 && memory.compare(token + lead, p, end - p) == 0) return found;
  }
  return 0;
}

// Where the next id goes.
let out: usize = 0;

@inline
function put_id(id: u32): void {
  store<u32>(out, id);
  out += 4;
}

/** One word, greedily: the longest token first, then the longest continuation; a word with a gap is unknown whole. */
function word(start: usize, end: usize, chars: u32): void {
  if (chars > max_chars) return put_id(unknown);
  const first = out;
  let p = start;
  while (p < end) {
    const lead = p == start ? 0 : prefix_bytes;
    const limit = min(end, p + longest);
    let hash = p == start ? FNV_BASIS : prefix_hash;
    let found: u32 = 0;
    let found_end = p;
    for (let q = p; q < limit; ) {
      do hash = hash_byte(hash, q++);
      while (q < limit && (load<u8>(q) & 0xc0) == 0x80);
      const index = look_up(hash, lead, p, q);
      if (index != 0) {
        found = index;
        found_end = q;
      }
    }
    if (found == 0) {
      out = first;
      return put_id(unknown);
    }
    put_id(load<u32>(ids + (found - 1) * 4));
    p = found_end;
  }
}

/** Normalised text to words: white space parts them, a punctuation mark is a word of its own. */
function words(start: usize, end: usize): void {
  let from = start;
  let chars: u32 = 0;
  for (let p = start; p < end; ) {
    const at = p;
    const f = flags_of(code_point(p));
    p = next;
    if (f & (SPACE | PUNCTUATION)) {
      if (chars != 0) word(from, at, chars);
      if (f & PUNCTUATION) word(at, p, 1);
      from = p;
      chars = 0;
    } else {
      chars++;
    }
  }
  if (chars != 0) word(from, end, chars);
}

// Added tokens: records (text, bytes, id, flags) of four words, and a tree of their bytes to find them by, one of the
// tokens looked for in the text as it comes, one of those looked for after `normalize`. A node is four words, 0 for none.
const SINGLE_WORD: u32 = 1;
const LSTRIP: u32 = 2;
const RSTRIP: u32 = 4;
const RECORD: usize = 16;
const NODE: usize = 16;
const BYTE: usize = 0;
const TOKEN: usize = 4; // the record of the token that ends here
const CHILD: usize = 8; // the first of the bytes that may follow
const SIBLING: usize = 12; // the next byte that may be in this one's place
let raw_tokens: usize = 0;
let normalized_tokens: usize = 0;

/** Takes two lists of added tokens, none empty. `nodes` is zeroed memory of 16 bytes for each of their bytes and 32 more. */
export function added_tokens_init(
  raw: usize,
  raw_count: u32,
  normalized: usize,
  normalized_count: u32,
  nodes: usize,
): void {
  raw_tokens = nodes;
  normalized_tokens = plant(nodes, raw, raw_count);
  plant(normalized_tokens, normalized, normalized_count);
}

/** Writes the tree of a list of records, the first of equals in it, and returns where it ends. */
function plant(root: usize, list: usize, count: u32): usize {
  let top = root + NODE;
  for (let record = list; record < list + count * RECORD; record += RECORD) {
    const text = load<u32>(record);
    let node = root;
    for (let p = text; p < text + load<u32>(record, 4); p++) {
      let below = child(node, load<u8>(p));
      if (below == 0) {
        below = top;
        top += NODE;
        store<u32>(below, load<u8>(p), BYTE);
        store<u32>(below, load<u32>(node, CHILD), SIBLING);
        store<u32>(node, below, CHILD);
      }
      node = below;
    }
    if (load<u32>(node, TOKEN) == 0) store<u32>(node, record, TOKEN);
  }
  return top;
}

/** The node of a byte that follows a node, or 0. */
@inline
function child(node: usize, byte: u32): usize {
  let below: usize = load<u32>(node, CHILD);
  while (below != 0 && load<u32>(below, BYTE) != byte) below = load<u32>(below, SIBLING);
  return below;
}

// What `find` found: the token's record and where its text begins.
let token: usize = 0;
let token_at: usize = 0;

/** The leftmost added token from `p` on, the longest where several begin. */
function find(root: usize, p: usize, end: usize): bool {
  if (load<u32>(root, CHILD) == 0) return false;
  token = 0;
  for (token_at = p; token_at < end; token_at++) {
    let node = root;
    for (let q = token_at; q < end; q++) {
      node = child(node, load<u8>(q));
      if (node == 0) break;
      if (load<u32>(node, TOKEN) != 0) token = load<u32>(node, TOKEN);
    }
    if (token != 0) return true;
  }
  return false;
}

/** Start of the character that ends at `p`. */
@inline
function before(p: usize): usize {
  do p--;
  while ((load<u8>(p) & 0xc0) == 0x80);
  return p;
}

/** Parts a text at its added tokens; the pieces between go to the next step. `work` is free memory. */
function split(start: usize, end: usize, work: usize, raw: bool): void {
  const root = raw ? raw_tokens : normalized_tokens;
  let from = start;
  let p = start;
  let blank = start; // up to here an earlier token took the white space behind it
  while (find(root, p, end)) {
    const flags = load<u32>(token, 12);
    const id = load<u32>(token, 8);
    let left = token_at;
    let right = token_at + load<u32>(token, 4);
    p = right;
    if (flags & SINGLE_WORD) {
      if (left > start && flags_of(code_point(before(left))) & WORD) continue;
      if (right < end && flags_of(code_point(right)) & WORD) continue;
    }
    if (flags & LSTRIP) {
      while (left > from && flags_of(code_point(before(left))) & SPACE) left = before(left);
    }
    if (flags & RSTRIP) {
      right = max(right, blank);
      while (right < end && flags_of(code_point(right)) & SPACE) right = next;
      blank = right;
    }
    if (from < left) piece(from, left, work, raw);
    put_id(id);
    from = right;
  }
  if (from < end) piece(from, end, work, raw);
}

function piece(start: usize, end: usize, work: usize, raw: bool): void {
  if (!raw) return words(start, end);
  const room = 3 * (end - start);
  split(work, work + normalize(start, end - start, work, work + room, options), 0, false);
}

/**
 * Ids of `length` bytes of valid UTF-8 at `text`, without those of the post-processor. `work` needs 6 * length bytes,
 * `out_ids` 4 * length: a byte never gives more than one id. Returns their count.
 */
export function encode(text: usize, length: usize, work: usize, out_ids: usize): u32 {
  out = out_ids;
  split(text, text + length, work, true);
  return <u32>((out - out_ids) >> 2);
}
