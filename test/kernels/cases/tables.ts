// Rows of tables: exact to the bit, but for a sum that may be fused with a scale.

import { U, WASM } from '../support/bounds.ts';
import { expect_same_bits, expect_within } from '../support/compare.ts';
import * as formats from '../support/formats.ts';
import type { FormatName } from '../support/formats.ts';
import { embedding_op, gather_op, type EmbeddingArgs } from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import type { Case, Group } from './case.ts';
import { WEIGHT_ONLY } from './quantized.ts';

const WIDTHS = [1, 2, 3, 5, 7, 15, 16, 17, 33];

function table_case(args: EmbeddingArgs, format: FormatName): Case {
  const { table, width, sum } = args;
  const name = `${args.ids.length} tokens of ${width} in ${format}`;
  const held = format === 'F32' ? table : formats.restored(format, table, width);
  const value = oracle.embedding({ ...args, table: held });
  return {
    name,
    op: embedding_op({ ...args, format }),
    check: ({ out }, on) =>
      on === WASM || !sum
        ? expect_same_bits(out!, Float32Array.from(value), name)
        : expect_within(out!, value, value.map((v, i) => 2 * U * (Math.abs(v) + 2 * Math.abs(sum[i]!))), name), // prettier-ignore
  };
}

export const EMBEDDING: readonly Group[] = [
  {
    title: 'copies rows, or adds them',
    cases: () =>
      WIDTHS.flatMap((width) => {
        const random = new Random(width);
        const table = random.floats(11 * width);
        return [1, 2, 7, 18].flatMap((tokens) =>
          [undefined, random.floats(tokens * width)].map((sum) =>
            table_case(
              { rows: 11, width, table, ids: random.integers(tokens, 11), ...(sum && { sum }) },
              'F32',
            ),
          ),
        );
      }),
  },
  {
    title: 'of a piece of a table gives zeros for rows of other pieces, or adds nothing',
    cases: () =>
      WIDTHS.flatMap((width) => {
        const random = new Random(width);
        const table = random.floats(5 * width);
        const ids = Int32Array.of(0, 3, 4, 6, 8, 9, 200);
        return [undefined, random.floats(ids.length * width)].map((sum) =>
          table_case({ rows: 5, first: 4, width, table, ids, ...(sum && { sum }) }, 'F32'),
        );
      }),
  },
  ...WEIGHT_ONLY.map((format) => ({
    title: `gives the rows of a table in ${format}, or adds them`,
    cases: () =>
      [1, 3, 4, 15, 17, 33, 64, 300].flatMap((width) => {
        const random = new Random(width);
        const table = random.floats(11 * width);
        return [undefined, random.floats(7 * width)].map((sum) =>
          table_case({ rows: 11, width, table, ids: random.integers(7, 11), ...(sum && { sum }) }, format),
        );
      }),
  })),
];

export const GATHER: readonly Group[] = [
  {
    title: 'picks rows in any order, and one twice',
    cases: () =>
      WIDTHS.flatMap((width) => {
        const x = new Random(width).floats(9 * width);
        return [[0], [8, 0, 3], [5, 5, 1, 7, 2, 0]].map((list): Case => {
          const name = `rows ${list.join()} of ${width}`;
          const want = Float32Array.from(list.flatMap((row) => [...x.slice(row * width, (row + 1) * width)]));
          return {
            name,
            op: gather_op({ width, x, rows: Int32Array.from(list) }),
            check: ({ out }) => expect_same_bits(out!, want, name),
          };
        });
      }),
  },
];
