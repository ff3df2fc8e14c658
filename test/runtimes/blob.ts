// The files that a runtime gets, in one blob (blob.mjs unpacks it).

export type File = readonly [name: string, bytes: Uint8Array];

/** A JSON line with names and sizes, then the bytes. */
export function pack(files: readonly File[]): Buffer {
  const header = JSON.stringify(files.map(([name, bytes]) => [name, bytes.length]));
  return Buffer.concat([Buffer.from(`${header}\n`), ...files.map(([, bytes]) => bytes)]);
}
