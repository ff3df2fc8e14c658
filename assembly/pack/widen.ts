// Checkpoint elements of any type to f32, rounded to nearest as torch's .to(torch.float32) does.

import { Dtype } from '../plan/tables';
import { from_half } from '../simd/half';

/** Bytes of one element on disk. */
export function element_bytes(dtype: Dtype): u32 {
  switch (dtype) {
    case Dtype.F64:
    case Dtype.I64:
    case Dtype.U64: return 8;
    case Dtype.F16:
    case Dtype.BF16:
    case Dtype.I16:
    case Dtype.U16: return 2;
    case Dtype.I8:
    case Dtype.U8: return 1;
    default: return 4;
  }
}

/** Reads `count` elements at `from` into f32 at `to`. */
export function widen(dtype: Dtype, from: usize, count: u32, to: usize): void {
  switch (dtype) {
    case Dtype.F32: return memory.copy(to, from, <usize>count << 2);
    case Dtype.F16: {
      for (let i: usize = 0; i < count; i++) store<f32>(to + (i << 2), from_half(load<u16>(from + (i << 1))));
      return;
    }
    case Dtype.BF16: {
      for (let i: usize = 0; i < count; i++) store<u32>(to + (i << 2), <u32>load<u16>(from + (i << 1)) << 16);
      return;
    }
    case Dtype.F64: return convert<f64>(from, count, to);
    case Dtype.I8: return convert<i8>(from, count, to);
    case Dtype.U8: return convert<u8>(from, count, to);
    case Dtype.I16: return convert<i16>(from, count, to);
    case Dtype.U16: return convert<u16>(from, count, to);
    case Dtype.I32: return convert<i32>(from, count, to);
    case Dtype.U32: return convert<u32>(from, count, to);
    case Dtype.I64: return convert<i64>(from, count, to);
    case Dtype.U64: return convert<u64>(from, count, to);
  }
}

function convert<T>(from: usize, count: u32, to: usize): void {
  for (let i: usize = 0; i < count; i++) store<f32>(to + (i << 2), <f32>load<T>(from + i * sizeof<T>()));
}
