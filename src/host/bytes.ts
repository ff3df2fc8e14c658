// Bytes in any form, from any realm.

import { tag_of } from './errors.ts';

/** The bytes of a buffer, or those that a view shows, not copied; null for anything else. */
export function bytes_of(value: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return tag_of(value) === 'ArrayBuffer' ? new Uint8Array(value as ArrayBuffer) : null;
}
