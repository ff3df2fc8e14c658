// Records in the memory of align.wasm: where their fields lie, reading and writing them.

type Kind = 'u32' | 'i32' | 'f32' | 'f64';

/** A field: [byte offset, type]. */
export type Field = readonly [offset: number, type: Kind];

/** A record with the fields `Name`. */
export interface Struct<Name extends string = string> {
  readonly size: number;
  readonly fields: Readonly<Record<Name, Field>>;
}

/**
 * A record as AssemblyScript lays it out: the fields of its base, then its own in order, each at a multiple of its size.
 * @param own 'a b:f32 c': names and types, u32 where nothing is said
 */
export function struct<Name extends string>(own: string, base?: Struct): Struct<Name> {
  const fields: Record<string, Field> = { ...base?.fields };
  let size = base?.size ?? 0;
  for (const field of own.split(' ')) {
    const [name, type = 'u32'] = field.split(':') as [string, Kind?];
    const bytes = type === 'f64' ? 8 : 4;
    const offset = Math.ceil(size / bytes) * bytes;
    fields[name] = [offset, type];
    size = offset + bytes;
  }
  return { size, fields: fields as Record<Name, Field> };
}

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
