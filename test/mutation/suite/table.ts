// The table of ops and shapes as test/kernels/table.test.ts has it, without a GPU.

import { describe_table_on_wasm } from '../../kernels/support/table.ts';

describe_table_on_wasm();
