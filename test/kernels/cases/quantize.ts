// Activations to 8 bits.

import { assert, expect } from 'vitest';
import { U, WASM, type Arithmetic } from '../support/bounds.ts';
import * as formats from '../support/formats.ts';
import { quantize_op, type QuantizeArgs } from '../support/ops.ts';
import { Random } from '../support/random.ts';
import { poisoned, type Case, type Group } from './case.ts';

/** Row i of Quantize's result as its scale and integers. */
export function row_at(
  out: Float32Array,
  i: number,
  width: number,
): { scale: number; q: number[]; rest: number[] } {
  const floats = formats.eight_bit_width(width);
  const bytes = new DataView(out.buffer, out.byteOffset + 4 * i * floats, 4 * floats);
  const q = Array.from({ length: 2 * (floats - 4) }, (_, j) => bytes.getInt16(16 + 2 * j, true));
  return { scale: bytes.getFloat32(0, true), q: q.slice(0, width), rest: q.slice(width) };
}

/** In WASM exact to the bit; elsewhere the factor's quotient may move what lies near a tie. Beside NaN integers mean nothing. */
function expect_row(got: formats.Scaled, x: Float32Array, on: Arithmetic, what: string): void {
  const want = formats.eight_bits(x);
  if (Number.isNaN(want.scale)) {
    expect(got.scale, what).toBeNaN();
    return;
  }
  if (on === WASM || !(want.scale > 0)) {
    expect(got, what).toEqual(want);
    return;
  }
  const largest = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  assert(
    Math.abs(got.scale - largest / 127) <= (2 * on.quotient * U * largest) / 127,
    `${what}: scale ${got.scale}, not ${want.scale}`,
  );
  got.q.forEach((q, i) => {
    const truth = (x[i]! * 127) / largest;
    assert(
      Math.abs(q - truth) <= 0.5 + 127 * (2 * on.quotient + 1) * U,
      `${what}: element ${i} is ${q}, not ${truth}`,
    );
  });
}

function quantize_case(args: QuantizeArgs): Case {
  const { rows, width, x, gate, pixels = rows } = args;
  const name = `${rows} rows of ${width}`;
  const scaled = gate ? x.map((v, i) => v * gate[Math.floor(i / width / pixels) * width + (i % width)]!) : x;
  return {
    name,
    op: quantize_op(args),
    check: ({ out }, on) => {
      for (let i = 0; i < rows; i++) {
        const { rest, ...got } = row_at(out!, i, width);
        expect_row(got, scaled.slice(i * width, (i + 1) * width), on, `${name}: row ${i}`);
        if (!Number.isNaN(got.scale)) expect(rest.every((v) => v === 0)).toBe(true);
      }
    },
  };
}

export const QUANTIZE: readonly Group[] = [
  {
    title: 'rounds rows exactly',
    cases: () =>
      [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100, 640].flatMap((width) => {
        const random = new Random(width);
        return [1, 2, 7, 18].map((rows) => {
          const x = random.floats(rows * width, -3, 3);
          for (let i = 0; i < rows; i += 3) x.fill(0, i * width, i * width + (i % 2 ? width : width >> 1));
          return quantize_case({ rows, width, x });
        });
      }),
  },
  {
    title: 'multiplies by each picture’s gate first',
    cases: () =>
      [1, 6, 16, 21].map((width) => {
        const random = new Random(width);
        const [pictures, pixels] = [3, 5];
        const rows = pictures * pixels;
        const [x, gate] = [random.floats(rows * width), random.floats(pictures * width, 0, 1)];
        return quantize_case({ rows, width, x, gate, pixels });
      }),
  },
  {
    title: 'takes rows of any size: zeros, subnormals, the largest floats',
    cases: () => {
      const width = 9;
      const sizes = [0, 1e-45, 1e-39, 1e-31, 2 ** -100, 1e-20, 1, 1e30, 3.4e38];
      const x = Float32Array.from(
        sizes.flatMap((s) => Array.from({ length: width }, (_, j) => (s * (j - 4)) / 4)),
      );
      return [quantize_case({ rows: sizes.length, width, x })];
    },
  },
  {
    title: 'gives a row with a NaN or an infinity the scale NaN, and no other row',
    cases: () =>
      [NaN, Infinity, -Infinity].flatMap((bad) =>
        [0, 3, 20].map((column) => {
          const x = new Random(3).floats(4 * 21);
          return quantize_case({ rows: 4, width: 21, x: poisoned(x, 2 * 21 + column, bad) });
        }),
      ),
  },
];
