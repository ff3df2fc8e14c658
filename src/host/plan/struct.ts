// Reads and writes the records of layout.ts in the memory of align.wasm.

import type { Struct } from './layout.ts';

/** Field names of a record. */
type Names<S extends Struct> = Extract<keyof S['fields'], string>;
/** A record as an object of numbers. */
export function read_struct<S extends Struct>(
  buffer: ArrayBufferLike,
  at: number,
  struct: S,
): Record<Names<S>, number> {
  const view = new DataView(buffer, at, struct.size);
  const record: Record<string, number> = {};
  for (const name in struct.fields) {
    const [offset, type] = struct.fields[name]!;
    if (type === 'u32') record[name] = view.getUint32(offset, true);
    else if (type === 'i32') record[name] = view.getInt32(offset, true);
    else if (type === 'f32') record[name] = view.getFloat32(offset, true);
    else record[name] = view.getFloat64(offset, true);
  }
  return record;
}

/** Writes the fields given; the others keep their bytes. */
export function write_struct<S extends Struct>(
  buffer: ArrayBufferLike,
  at: number,
  struct: S,
  values: Partial<Record<Names<S>, number>>,
): void {
  const view = new DataView(buffer, at, struct.size);
  for (const [name, value] of Object.entries(values) as [string, number][]) {
    const [offset, type] = struct.fields[name]!;
    if (type === 'u32') view.setUint32(offset, value, true);
    else if (type === 'i32') view.setInt32(offset, value, true);
    else if (type === 'f32') view.setFloat32(offset, value, true);
    else view.setFloat64(offset, value, true);
  }
}
