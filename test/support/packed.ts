// Packed files made in memory, and such files with something wrong in them.

import { open_model, type ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { Conversion, type ConvertOptions } from '../../src/host/convert.ts';

/** What `align-wasm convert` writes for a model. */
export async function packed(model: ModelSource, options: ConvertOptions): Promise<Uint8Array<ArrayBuffer>> {
  const conversion = await Conversion.open(await open_model(model), options);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of conversion.chunks()) chunks.push(chunk);
  } finally {
    await conversion.close();
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The header of a safetensors file as JSON: what a test changes. */
export interface EditableHeader {
  __metadata__: Record<string, string>;
  [tensor: string]: unknown;
}

/** The same data under a header that went through `edit`; a string stands for the header's very text. */
export function with_header(
  file: Uint8Array,
  edit: (header: EditableHeader) => void,
): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as EditableHeader;
  edit(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil((8 + text.length) / 256) * 256;
  const out = new Uint8Array(padded + file.length - 8 - length).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded - 8), true);
  out.set(text, 8);
  out.set(file.subarray(8 + length), padded);
  return out;
}

/** The file with its tensors gone through `edit`: each is its bytes, or null where it is to go. */
export function with_blocks(
  file: Uint8Array,
  edit: (name: string, bytes: Uint8Array) => Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const parts: Uint8Array[] = [];
  let end = 0;
  const headed = with_header(file.slice(0, 8 + length), (header) => {
    for (const [name, entry] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const [from, to] = (entry as { data_offsets: [number, number] }).data_offsets;
      const bytes = edit(name, file.slice(8 + length + from, 8 + length + to));
      if (bytes === null) Reflect.deleteProperty(header, name);
      else {
        header[name] = { dtype: 'U8', shape: [bytes.length], data_offsets: [end, end + bytes.length] };
        parts.push(bytes);
        end += bytes.length;
      }
    }
  });
  return new Uint8Array(Buffer.concat([headed, ...parts]));
}
