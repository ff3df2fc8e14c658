// Plans whose weights are stored in other formats than fp32.

import { beforeAll, describe, expect, test } from 'vitest';
import { AlignConfig } from '../../src/host/config.ts';
import { describe as describe_plan, plan_text } from '../../src/host/plan/describe.ts';
import { Format, Packing } from '../../src/host/plan/layout.ts';
import { weight_requests, type Plan, type WeightRequest } from '../../src/host/plan/plan.ts';
import { Recorder, type TextCall } from '../../src/host/plan/recorder.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { panel_bytes, row_bytes, type FormatName } from '../kernels/support/formats.ts';
import { check_arena, check_blocks, check_flow } from '../support/plan_checks.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compile();
});

const config = new AlignConfig();
const TEXT: TextCall = {
  ...{ sequences: 2, length: 8, tokens: 16, inputs_embeds: false, features: true },
  ...{ last_hidden_state: true, hidden_states: false, attentions: false },
};
const CALL = { batch: 2, height: 65, width: 97, last_hidden_state: false, hidden_states: false };
const FORMATS = Object.keys(Format) as FormatName[];

type Tower = 'vision' | 'text';

function record(tower: Tower, formats?: Uint8Array, of: AlignConfig = config): Plan {
  const recorder = new Recorder(new Instance(module), { parts: 3 });
  const start = { shard: 0, offset: 0, prefixed: true, ...(formats && { formats }) };
  if (tower === 'vision') return recorder.vision(of.vision_config, start, CALL);
  const parts = { pooler: true, projection_dim: of.projection_dim };
  return recorder.text(of.text_config, parts, start, TEXT);
}

/** A tower with every block that can have it in `format`. */
function stored(tower: Tower, format: FormatName): Plan {
  const requests = weight_requests(record(tower));
  return record(
    tower,
    Uint8Array.from(requests, ({ accepts }) => (accepts & (1 << Format[format]) ? Format[format] : 0)),
  );
}

describe.each(['vision', 'text'] as const)('The %s tower', (tower) => {
  test.each(FORMATS)('in %s keeps a sound arena, data flow and blocks of the right size', (name) => {
    const plan = stored(tower, name);
    check_arena(plan);
    check_flow(plan);
    check_blocks(plan);
    const format = Format[name];
    for (const r of weight_requests(plan)) {
      expect(r.format).toBe(r.accepts & (1 << format) ? format : Format.F32);
      const stored_as = FORMATS[r.format]!;
      const { packing, rows, depth } = r as WeightRequest & Record<'packing' | 'rows' | 'depth', number>;
      if (packing === Packing.Panels)
        expect(r.bytes).toBe(Math.ceil(rows / 16) * panel_bytes(stored_as, depth));
      if (packing === Packing.Rows) expect(r.bytes).toBe(rows * row_bytes(stored_as, depth));
    }
  });

  test('lets products have every format, tables all but Q8D, the rest fp32 alone', () => {
    const mask = (...names: FormatName[]): number =>
      names.reduce((bits, name) => bits | (1 << Format[name]), 0);
    for (const { name, accepts } of weight_requests(record(tower))) {
      if (/norm|depthwise|embeddings\.convolution/i.test(name)) expect(accepts, name).toBe(mask('F32'));
      else if (/_embeddings$/.test(name)) expect(accepts, name).toBe(mask('F32', 'F16', 'BF16', 'Q8', 'Q4'));
      else expect(accepts, name).toBe(mask(...FORMATS));
    }
  });

  test('refuses a format that a block cannot have, and one that there is not', () => {
    const requests = weight_requests(record(tower));
    const first = requests.findIndex(({ accepts }) => accepts === 1 << Format.F32);
    for (const format of [Format.Q8, 6, 255]) {
      const formats = new Uint8Array(requests.length);
      formats[first] = format;
      expect(() => record(tower, formats)).toThrow(
        expect.objectContaining({
          code: 'invalid_argument',
          message: expect.stringContaining(
            `${requests[first]!.name} cannot be stored in format ${format}`,
          ) as string,
        }) as Error,
      );
    }
  });

  test('reads a list that ends early as fp32 from there on', () => {
    const half = stored(tower, 'BF16');
    const formats = Uint8Array.from(weight_requests(half), ({ format }) => format);
    const plan = record(tower, formats.subarray(0, 7));
    weight_requests(plan).forEach(({ format }, i) => {
      expect(format).toBe(i < 7 ? formats[i] : Format.F32);
    });
  });

  test('names its blocks as its ops do', () => {
    const plan = record(tower);
    const names = weight_requests(plan).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const ops = describe_plan(plan).flatMap(({ name }) => name.split(' + '));
    for (const name of names) expect(ops).toContain(name);
  });
});

test('Rows are quantised before every Q8D product, the gate of a squeeze and excitation with them', () => {
  const ops = describe_plan(stored('vision', 'Q8D'));
  for (const { index, kind, name, fields } of ops) {
    if (kind !== 'Gemm' && kind !== 'ExpandDepthwise') continue;
    const before = ops[index - 1]!;
    expect([before.kind, before.name]).toEqual(['Quantize', name.split(' + ')[0]]);
    expect([before.fields.rows, before.fields.width, before.fields.out]).toEqual([
      fields.m,
      fields.k,
      fields.a,
    ]);
    expect(before.fields.gate !== 0xffffffff).toBe(name.includes('project_conv'));
  }
  expect(describe_plan(stored('vision', 'Q8')).some(({ kind }) => kind === 'Quantize')).toBe(false);
  expect(plan_text(stored('text', 'Q8D'))).toMatch(/Gemm Q8D/);
});

test('Q8D is refused where its sums could be more than 32 bits hold', () => {
  const wide = (intermediate_size: number): AlignConfig =>
    new AlignConfig({
      text_config: { hidden_size: 4, num_attention_heads: 1, num_hidden_layers: 1, intermediate_size },
    });
  const formats = (of: AlignConfig): Uint8Array =>
    Uint8Array.from(weight_requests(record('text', undefined, of)), ({ accepts }) =>
      accepts & (1 << Format.Q8D) ? Format.Q8D : 0,
    );
  const [most, more] = [wide(133_000), wide(133_001)];
  expect(record('text', formats(most), most).length).toBeGreaterThan(0);
  expect(() => record('text', formats(more), more)).toThrow(/133001 integer products/);
  expect(127 * 127 * 133_000).toBeLessThan(2 ** 31);
});
