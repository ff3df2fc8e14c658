// What the module asks of its host: files, standard streams, memory, the end. Every failure is one line on standard error.

import {
  args_get,
  args_sizes_get,
  errno,
  errnoToString,
  fd_close,
  fd_filestat_get,
  fd_pread,
  fd_prestat_dir_name,
  fd_prestat_get,
  fd_read,
  fd_write,
  filestat,
  filetype,
  iovec,
  lookupflags,
  path_open,
  prestat,
  prestat_dir,
  proc_exit,
  rights,
} from '@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1';
import { decoded, encoded, is, text, Text } from './text';

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/** Descriptors below it are the standard streams; folders that the host opened follow. */
const FIRST_FOLDER: u32 = 3;

/** What the runtime can give in one piece. */
export const MOST_BYTES: u64 = (1 << 30) - 1024;

const PAGE: u64 = 65536;
/** Place and length of what is read or written; how much that was, or a descriptor. */
const vector = changetype<iovec>(memory.data(8, 8));
const result = memory.data(64, 8);

// ---- the end

let status: u32 = 1;

/** What `throw` comes to: the message on standard error, and the end. The target in asconfig.json names it. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  flush();
  const said = encoded(`align-wasm: ${message ? message : 'internal error'}\n`);
  write_all(STDERR, said.at, said.size);
  proc_exit(status);
}

/** The message of an Error about a command line that cannot be meant. */
export function usage_error(message: string): string {
  status = 2;
  return `${message} (--help says more)`;
}

/** A text for a message: in quotes, control characters as ?, the end of a long one left out. */
export function show(t: Text): string {
  const size = min<usize>(t.size, 60);
  const at = heap.alloc(size);
  for (let i: usize = 0; i < size; i++) {
    const byte = load<u8>(t.at + i);
    store<u8>(at + i, byte < 0x20 || byte == 0x7f ? 0x3f : byte);
  }
  return `"${String.UTF8.decodeUnsafe(at, size, false)}${t.size > size ? '…' : ''}"`;
}

// ---- memory

/** `bytes` of memory at a multiple of 256, not cleared. */
export function take(bytes: u64, what: string): usize {
  if (bytes > MOST_BYTES) throw new Error(`${what}: ${bytes} bytes are needed, ${MOST_BYTES} can be had in one piece`);
  const probe = heap.alloc(16);
  const needed = <u64>probe + bytes + 512;
  heap.free(probe);
  const there = <u64>memory.size() * PAGE;
  if (needed > there && memory.grow(<i32>((needed - there + PAGE - 1) / PAGE)) < 0) {
    throw new Error(`${what}: ${bytes} bytes are needed, and there is no more memory`);
  }
  return (heap.alloc(<usize>bytes + 256) + 255) & ~255;
}

/** Remembers how much memory is taken, for {@link release}. */
export function mark(): usize {
  return heap.alloc(16);
}

/**
 * Gives back all that was taken since. The stub runtime frees only what was taken last, so the marked block, whose size is the
 * word before it, is made to reach from the mark to here.
 */
export function release(marked: usize): void {
  const last = heap.alloc(16);
  store<usize>(marked - 4, last + load<usize>(last - 4) - marked);
  heap.free(marked);
}

// ---- arguments

/** The command line without the program's name. @throws where an argument is not UTF-8, by the caller */
export function read_arguments(): Array<Text> {
  args_sizes_get(result, result + 4);
  const count = load<u32>(result);
  const places = take(<u64>count * 4 + load<u32>(result, 4), 'the command line');
  args_get(places, places + count * 4);
  const list = new Array<Text>();
  for (let i: u32 = 1; i < count; i++) {
    const at = load<usize>(places + i * 4);
    let size: usize = 0;
    while (load<u8>(at + size)) size++;
    list.push(text(at, size));
  }
  return list;
}

// ---- files

/** An open file that can be read anywhere. */
export class File {
  constructor(
    private fd: u32,
    public name: Text,
    public size: u64,
  ) {}

  /** Reads exactly `size` bytes at `from` to `at`. */
  read(from: u64, size: usize, at: usize): void {
    while (size) {
      vector.buf = at;
      vector.buf_len = min<usize>(size, 1 << 24);
      const error = fd_pread(this.fd, changetype<usize>(vector), 1, from, result);
      if (error) throw new Error(`${decoded(this.name)} cannot be read: ${errnoToString(error)}`);
      const got = load<usize>(result);
      if (!got) throw new Error(`${decoded(this.name)} ended at byte ${from}, while it was read`);
      from += got;
      at += got;
      size -= got;
    }
  }
}

/** Opens a regular file. */
export function open_file(path: Text): File {
  const fd = open(path);
  const state = changetype<filestat>(result);
  const error = fd_filestat_get(fd, state);
  if (error) throw new Error(`${decoded(path)} cannot be looked at: ${errnoToString(error)}`);
  if (state.filetype != filetype.REGULAR_FILE) throw new Error(`${decoded(path)} is not a regular file`);
  return new File(fd, path, state.size);
}

/** All bytes of a file, or of standard input ("-"), and a 0 behind them; at most `limit`. */
export function read_all(path: Text, limit: usize): Text {
  const fd = is(path, '-') ? STDIN : open(path);
  let room: usize = 1 << 16;
  let at = take(room + 1, 'a file');
  let size: usize = 0;
  while (true) {
    if (size == room) {
      if (room >= limit) throw new Error(`${decoded(path)} has more than ${limit} bytes`);
      room *= 2;
      const moved = take(room + 1, 'a file');
      memory.copy(moved, at, size);
      at = moved;
    }
    vector.buf = at + size;
    vector.buf_len = room - size;
    const error = fd_read(fd, changetype<usize>(vector), 1, result);
    if (error == errno.AGAIN) continue;
    if (error) throw new Error(`${decoded(path)} cannot be read: ${errnoToString(error)}`);
    const got = load<usize>(result);
    if (!got) break;
    size += got;
  }
  if (fd != STDIN) fd_close(fd);
  store<u8>(at + size, 0);
  return text(at, size);
}

/** A descriptor of the file at `path`, below the folder of the host that has the longest name in common with it. */
function open(path: Text): u32 {
  const wanted = relative(path);
  let folder: u32 = 0;
  let below = wanted;
  let best: isize = -1;
  for (let fd = FIRST_FOLDER; ; fd++) {
    const state = changetype<prestat_dir>(result);
    if (fd_prestat_get(fd, changetype<prestat>(state))) break;
    const size = state.name_len;
    const at = heap.alloc(size);
    if (fd_prestat_dir_name(fd, at, size)) continue;
    const name = relative(text(at, size));
    // Of "/" and "." the one that the path begins like.
    const alike = size > 0 && path.size > 0 && (load<u8>(at) == 0x2f) == (load<u8>(path.at) == 0x2f);
    const rank = <isize>name.size * 2 + <isize>alike;
    if (rank <= best || !contains(name, wanted)) continue;
    best = rank;
    folder = fd;
    below = relative(text(wanted.at + name.size, wanted.size - name.size));
  }
  if (!folder) throw new Error(`${decoded(path)} is in no folder that the host opened for this module`);
  if (!below.size) below = encoded('.');
  const allowed: rights = rights.FD_READ | rights.FD_SEEK | rights.FD_FILESTAT_GET;
  const error = path_open(folder, lookupflags.SYMLINK_FOLLOW, below.at, below.size, 0, allowed, 0, 0, result);
  if (error) throw new Error(`${decoded(path)} cannot be opened: ${errnoToString(error)}`);
  return load<u32>(result);
}

/** A path without "/" and "./" in front: the folders of a host may be named with or without them. */
function relative(path: Text): Text {
  let at = path.at;
  const stop = path.at + path.size;
  while (true) {
    if (at < stop && load<u8>(at) == 0x2f) at++;
    else if (at + 1 < stop && load<u16>(at) == 0x2f2e) at += 2;
    else if (at + 1 == stop && load<u8>(at) == 0x2e) at++;
    else return text(at, stop - at);
  }
}

function contains(folder: Text, path: Text): bool {
  if (!folder.size) return true;
  if (folder.size > path.size || memory.compare(folder.at, path.at, folder.size)) return false;
  return folder.size == path.size || load<u8>(folder.at + folder.size - 1) == 0x2f || load<u8>(path.at + folder.size) == 0x2f;
}

// ---- standard output

const OUT_BYTES: usize = 1 << 14;
const out = memory.data(1 << 14);
let waiting: usize = 0;

export function put_byte(byte: u8): void {
  if (waiting == OUT_BYTES) flush();
  store<u8>(out + waiting++, byte);
}

/** ASCII. */
export function put(value: string): void {
  for (let i = 0; i < value.length; i++) put_byte(<u8>value.charCodeAt(i));
}

export function put_text(t: Text): void {
  for (let i: usize = 0; i < t.size; i++) put_byte(load<u8>(t.at + i));
}

export function flush(): void {
  const size = waiting;
  waiting = 0;
  write_all(STDOUT, out, size);
}

/** Whoever no longer listens is not told why. */
function write_all(fd: u32, at: usize, size: usize): void {
  while (size) {
    vector.buf = at;
    vector.buf_len = size;
    const error = fd_write(fd, changetype<usize>(vector), 1, result);
    if (error == errno.AGAIN) continue;
    if (error) proc_exit(1);
    at += load<usize>(result);
    size -= load<usize>(result);
  }
}
