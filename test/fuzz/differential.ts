// The files on which our reader and Python's safetensors are compared, all from one seed.

import { createHash } from 'node:crypto';
import { Dice } from './dice.ts';
import { make_file } from './targets/safetensors.ts';

/** What differential.py writes. */
export interface Verdicts {
  /** The version of safetensors in Python. */
  safetensors: string;
  seed: number;
  files: number;
  /** Of all files, each behind its length as u32: that these are the files which Python saw. */
  sha256: string;
  /** A bit a file, the lowest first: 1 where Python takes it. Base64. */
  accepted: string;
}

export function* differential_files(seed: number, files: number): Generator<Uint8Array, void, undefined> {
  for (let i = 0; i < files; i++) yield make_file(Dice.of(seed, i));
}

/** The files as one: each behind its length as u32. */
export function pack(files: Iterable<Uint8Array>): { bytes: Buffer; sha256: string } {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, file.length, true);
    parts.push(length, file);
  }
  const bytes = Buffer.concat(parts);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
