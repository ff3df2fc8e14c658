// Reads the file of an index. Nothing in it is trusted: where and what is wrong is said before anything is taken over.

import { SafetensorsFile, type TensorInfo } from '../checkpoint/safetensors.ts';
import { read_into, type ByteSource } from '../checkpoint/source.ts';
import { AlignError, show } from '../errors.ts';
import { compare_ids, parse_entry, type IndexId } from './entries.ts';
import {
  Checksum,
  FORMAT,
  is_dimensions,
  parts_of,
  RANGE_BYTES,
  VERSION,
  type IndexContents,
  type Part,
} from './index_file.ts';
import { BLOCK_ROWS, INDEX_DTYPES, MAX_DIMENSIONS, type IndexDtype } from './places.ts';
import { Rows, type Column } from './rows.ts';

/** What is wrong with an index file. */
function broken(file: string, problem: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('corrupt_index', `${file} is no index that can be read: ${problem}`, {
    detail: { file, ...detail },
    hint: 'make it again, or take a copy of it',
  });
}

/**
 * Reads a file, its rows straight to their places.
 * @throws AlignError `corrupt_index` for everything that is not as {@link index_chunks} writes it, `out_of_memory`
 */
export async function read_index(source: ByteSource, module: WebAssembly.Module): Promise<IndexContents> {
  try {
    return await read_contents(source, module);
  } catch (cause) {
    // Not a safetensors file, or one that ends too early.
    if (cause instanceof AlignError && cause.code === 'corrupt_checkpoint')
      throw new AlignError('corrupt_index', cause.message, { detail: cause.detail, cause });
    throw cause;
  }
}

async function read_contents(source: ByteSource, module: WebAssembly.Module): Promise<IndexContents> {
  const file = await SafetensorsFile.open(source);
  const { dtype, dimensions, model, crc32 } = checked_metadata(file);
  const { n, entries } = checked_tensors(file, dtype, dimensions);
  const rows = new Rows(module, dtype, dimensions);
  rows.reserve(n);
  rows.count = n;
  const checksum = new Checksum(rows, model);
  for (const [name, column] of rows.columns)
    await read_rows(source, file.tensors.get(name)!, rows, column, checksum);
  const { ids, metas } = await read_entries(source, entries, n, checksum);
  if (checksum.text !== crc32)
    throw broken(source.name, `its CRC-32 is ${checksum.text}, it should be ${crc32}`, { crc32 });
  for (let i = 0; i < n; i++) {
    const fault = rows.fault(i);
    if (fault !== null) throw broken(source.name, `row ${i} (id ${show(ids[i])}): ${fault}`, { row: i });
  }
  return { rows, ids, metas, model };
}

interface Metadata {
  dtype: IndexDtype;
  dimensions: number;
  model: string | null;
  crc32: string;
}

/** More than the largest id and metadata take. */
const MAX_LINE = 2 ** 25;

const METADATA = ['format', 'version', 'dtype', 'dimensions', 'model', 'crc32'];

function checked_metadata({ source, metadata }: SafetensorsFile): Metadata {
  const { name } = source;
  const wrong = (key: string, expected: string): AlignError =>
    broken(name, `its metadata has ${key} ${show(metadata.get(key))}, not ${expected}`, { key });
  if (metadata.get('format') !== FORMAT) throw wrong('format', show(FORMAT));
  if (metadata.get('version') !== VERSION) throw wrong('version', show(VERSION));
  const dtype = INDEX_DTYPES.find((known) => known === metadata.get('dtype'));
  if (dtype === undefined) throw wrong('dtype', INDEX_DTYPES.join(', '));
  const dimensions = Number(metadata.get('dimensions'));
  if (!is_dimensions(dimensions) || String(dimensions) !== metadata.get('dimensions'))
    throw wrong('dimensions', `a whole number from 1 to ${MAX_DIMENSIONS}`);
  const crc32 = metadata.get('crc32');
  if (crc32 === undefined || !/^[0-9a-f]{8}$/.test(crc32)) throw wrong('crc32', 'eight hexadecimal digits');
  const unknown = Array.from(metadata.keys()).find((key) => !METADATA.includes(key));
  if (unknown !== undefined) throw broken(name, `its metadata has ${show(unknown)}, which no index has`);
  return { dtype, dimensions, model: metadata.get('model') ?? null, crc32 };
}

function checked_tensors(
  { source, tensors }: SafetensorsFile,
  dtype: IndexDtype,
  dimensions: number,
): { n: number; entries: TensorInfo } {
  const n = tensors.get('embeddings')?.shape[0] ?? 0;
  const entries = tensors.get('entries');
  const expected: Part[] = [
    ...parts_of(dtype, dimensions, n),
    { name: 'entries', dtype: 'U8', shape: [entries?.shape[0] ?? 0] },
  ];
  const in_file = Array.from(tensors.values()).sort((a, b) => a.start - b.start || a.end - b.end);
  for (const { name } of in_file)
    if (!expected.some((part) => part.name === name))
      throw broken(source.name, `it has a tensor ${show(name)}, which no ${dtype} index has`, {
        tensor: name,
      });
  for (const { name } of expected)
    if (!tensors.has(name)) throw broken(source.name, `it has no tensor ${show(name)}`, { tensor: name });
  let start = in_file[0]?.start ?? 0;
  for (const part of expected) {
    const found = tensors.get(part.name)!;
    if (found.dtype !== part.dtype || found.shape.join() !== part.shape.join())
      throw broken(
        source.name,
        `tensor ${show(part.name)} is ${found.dtype} ${show(found.shape)}, not ${part.dtype} ${show(part.shape)}`,
        { tensor: part.name },
      );
    if (found.start !== start)
      throw broken(source.name, `tensor ${show(part.name)} is not where an index has it`, {
        tensor: part.name,
      });
    start = found.end;
  }
  return { n, entries: entries! };
}

async function read_rows(
  source: ByteSource,
  { start }: TensorInfo,
  rows: Rows,
  { at, bytes, stride }: Column,
  checksum: Checksum,
): Promise<void> {
  const { instance } = rows;
  const dense = stride === bytes;
  const step = dense ? BLOCK_ROWS : Math.max(1, Math.floor(RANGE_BYTES / bytes));
  for (const block of rows.blocks())
    for (let done = 0; done < block.count; done += step) {
      const count = Math.min(step, block.count - done);
      const first = block.first + done;
      const target = dense ? instance.bytes(at(first), count * bytes) : new Uint8Array(count * bytes);
      await read_into(source, start + first * bytes, target);
      if (dense) checksum.add_at(at(first), target.length);
      else checksum.add(target);
      if (dense) continue;
      for (let i = 0; i < count; i++)
        instance.bytes(at(first + i), bytes).set(target.subarray(i * bytes, (i + 1) * bytes));
    }
}

async function read_entries(
  source: ByteSource,
  { start, end }: TensorInfo,
  n: number,
  checksum: Checksum,
): Promise<{ ids: IndexId[]; metas: (string | null)[] }> {
  const ids: IndexId[] = [];
  const metas: (string | null)[] = [];
  const fail = (problem: string, cause?: unknown): never => {
    const reason = cause === undefined ? problem : `${problem}: ${(cause as Error).message}`;
    throw broken(source.name, `line ${ids.length + 1} of its entries: ${reason}`, { row: ids.length });
  };
  const take = (line: string): void => {
    if (ids.length === n) fail(`there are ${n} rows`);
    try {
      const { id, meta } = parse_entry(line);
      if (ids.length > 0 && compare_ids(ids.at(-1)!, id) >= 0)
        throw new RangeError(`id ${show(id)} does not come after ${show(ids.at(-1))}`);
      ids.push(id);
      metas.push(meta);
    } catch (cause) {
      fail('not an entry', cause);
    }
  };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let open = ''; // the line whose end is still to come
  const buffer = new Uint8Array(Math.min(RANGE_BYTES, end - start));
  for (let at = start; at < end; at += RANGE_BYTES) {
    const bytes = buffer.subarray(0, Math.min(RANGE_BYTES, end - at));
    await read_into(source, at, bytes);
    checksum.add(bytes);
    let text = '';
    try {
      text = decoder.decode(bytes, { stream: at + RANGE_BYTES < end });
    } catch {
      fail('not UTF-8');
    }
    // Only what is new is searched: a long line comes in many ranges.
    for (const [i, part] of text.split('\n').entries()) {
      if (i > 0) {
        take(open);
        open = '';
      }
      open += part;
    }
    if (open.length > MAX_LINE) fail(`it has more than ${MAX_LINE} characters`);
  }
  if (open !== '') fail('it has no end');
  if (ids.length < n) fail(`the entries end here, there are ${n} rows`);
  return { ids, metas };
}
