// A dense, row-major array with a shape: what goes into the models and what comes out.

import { AlignError, show } from './errors.ts';

/** The typed array that holds each element type. */
interface Arrays {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** Element types of a {@link Tensor}. */
export type TensorType = keyof Arrays;

/** The typed array that holds elements of type `T`. */
export type TensorData<T extends TensorType = TensorType> = Arrays[T];

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** A dense row-major tensor. `data.length` is the product of `dims`; `dims` is empty for a scalar. */
export class Tensor<T extends TensorType = TensorType> {
  readonly type: T;
  readonly data: TensorData<T>;
  readonly dims: readonly number[];

  /** @throws AlignError `invalid_argument` when type, data and dims do not belong together. */
  constructor(type: T, data: TensorData<T> | ArrayLike<number>, dims: readonly number[]) {
    if (!Object.keys(ARRAYS).includes(type))
      throw new AlignError('invalid_argument', `Unknown tensor type ${show(type)}`);
    const array = ARRAYS[type];
    checked_array<unknown>('Tensor data', data);
    const sizes = Array.from(checked_array('Tensor dims', dims));
    const bad = sizes.find((d) => !Number.isSafeInteger(d) || d < 0);
    if (bad !== undefined)
      throw new AlignError('invalid_argument', `Tensor dims ${show(dims)} contain ${show(bad)}`);
    const size = sizes.reduce((a, b) => a * b, 1);
    if (data.length !== size) {
      throw new AlignError(
        'invalid_argument',
        `Tensor dims ${show(dims)} need ${size} elements, data has ${data.length}`,
      );
    }
    this.type = type;
    this.data = (data instanceof array ? data : convert(type, data)) as TensorData<T>;
    this.dims = Object.freeze(sizes);
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** The only element of a one-element tensor, as a number. */
  item(): number {
    if (this.data.length !== 1)
      throw new AlignError('invalid_argument', `item() needs one element, dims are ${show(this.dims)}`);
    return Number(this.data[0]);
  }

  /** Nested arrays of numbers (bigints for 64-bit integers). */
  tolist(): unknown {
    const build = (axis: number, start: number, size: number): unknown => {
      if (axis === this.dims.length) return this.data[start];
      const n = this.dims[axis]!;
      const step = n === 0 ? 0 : size / n;
      return Array.from({ length: n }, (_, i) => build(axis + 1, start + i * step, step));
    };
    return build(0, 0, this.data.length);
  }
}

/** An array or a typed array as it is. @throws AlignError `invalid_argument` for anything else */
export function checked_array<T>(what: string, value: ArrayLike<T>): ArrayLike<T> {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) return value;
  throw new AlignError('invalid_argument', `${what} must be an array, not ${show(value)}`);
}

/** @throws AlignError `invalid_argument` for what is no number of this type */
function convert(type: TensorType, data: ArrayLike<number | bigint>): TensorData {
  try {
    if (type === 'int64' || type === 'uint64') {
      const source = Array.from(data, (v) => BigInt(v));
      return type === 'int64' ? BigInt64Array.from(source) : BigUint64Array.from(source);
    }
    return (ARRAYS[type] as typeof Float32Array).from(data as ArrayLike<number>);
  } catch (cause) {
    throw new AlignError('invalid_argument', `Tensor data is not ${type}: ${String(cause)}`, { cause });
  }
}
