// Numbers, texts and embeddings on standard output.

import { dtoa_buffered } from 'util/number';
import { put, put_byte } from './io';
import { Text } from './text';

const digits = memory.data(64, 2);

/** A double as decimals that read back to its bits; JSON has no other than finite ones, and null for those. */
export function put_number(value: f64): void {
  if (!isFinite(value)) return put('null');
  if (value == 0) return put(reinterpret<u64>(value) ? '-0.0' : '0.0');
  const length = dtoa_buffered(digits, value);
  for (let i: u32 = 0; i < length; i++) put_byte(load<u8>(digits + i * 2));
}

/** `count` numbers with `between` between. */
export function put_vector(at: usize, count: u32, between: string): void {
  for (let i: u32 = 0; i < count; i++) {
    if (i) put(between);
    put_number(<f64>load<f32>(at + i * 4));
  }
}

const HEX = '0123456789abcdef';

/** A text as a JSON string. */
export function put_json(t: Text): void {
  put_byte(0x22);
  for (let i: usize = 0; i < t.size; i++) {
    const c = load<u8>(t.at + i);
    if (c == 0x22 || c == 0x5c) put_byte(0x5c);
    if (c >= 0x20) put_byte(c);
    else {
      put('\\u00');
      put_byte(<u8>HEX.charCodeAt(c >> 4));
      put_byte(<u8>HEX.charCodeAt(c & 15));
    }
  }
  put_byte(0x22);
}
