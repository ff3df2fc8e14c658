// No kernel reads or writes outside its tensors: the table of kernels, whole models and packing on the checked build. Each
// kind of broken record is caught, and a record that is not broken never is.

import { beforeAll, describe, expect, test } from 'vitest';
import * as layout from '../../src/host/plan/layout.ts';
import { describe as describe_plan, type OpDescription } from '../../src/host/plan/describe.ts';
import type { Plan } from '../../src/host/plan/plan.ts';
import { Recorder } from '../../src/host/plan/recorder.ts';
import { write_struct, type Struct } from '../../src/host/plan/struct.ts';
import { WasmExecutor } from '../../src/host/wasm/executor.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { TABLE } from '../kernels/cases/index.ts';
import { WASM } from '../kernels/support/bounds.ts';
import { GuardedMemory } from '../kernels/support/memory.ts';
import { run_parts, test_instance } from '../kernels/support/run_op.ts';
import { pack_block } from '../kernels/support/weights.ts';
import { bits, random_config, random_inputs, random_model, Random } from '../support/random_models.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { Resizer } from '../../src/host/processor/resize.ts';
import { WordPiece } from '../../src/host/processor/wordpiece.ts';
import { calls_of } from './calls.ts';
import { Dice } from '../fuzz/dice.ts';
import { checked, install_checked_build } from './checked.ts';

install_checked_build();

describe.each(Object.keys(TABLE))('%s', (op) => {
  test('stays inside its operands, in 1 and 3 parts', async () => {
    const instance = await test_instance();
    const before = checked.ops;
    for (const { cases } of TABLE[op]!)
      for (const { op: spec, check } of cases()) {
        check(run_parts(instance, spec, 1), WASM);
        run_parts(instance, spec, 3);
      }
    expect(checked.ops).toBeGreaterThan(before);
  });
});

describe('models', () => {
  test.each([1, 2, 3])(
    'of a random shape stay inside the tensors and blocks of their plans: %i',
    async (seed) => {
      const random = new Random(seed);
      const config = random_config(random);
      const inputs = random_inputs(random, config);
      const before = { ...checked };
      const model = await random_model(config, { device: 'wasm', threads: 1 });
      const all = { ...inputs, output_attentions: true, output_hidden_states: true };
      const once = bits(await model.forward(all));
      expect(bits(await model.forward(all))).toEqual(once);
      await model.get_text_features(inputs);
      await model.get_image_features(inputs);
      model.dispose();
      expect(checked.packs).toBeGreaterThan(before.packs);
      expect(checked.planned - before.planned).toBe(checked.ops - before.ops);
      expect(checked.planned - before.planned).toBeGreaterThan(50);
    },
  );
});

describe('calls', () => {
  test('of the tokenizer', async () => {
    const added = { special: false, lstrip: true, rstrip: true, single_word: false };
    const pieces = new WordPiece(await compile(), {
      vocab: new Map([['[UNK]', 0], ['a', 1], ['##b', 2], ['ab', 3], ['.', 4]]),
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      normalizer: { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
      added_tokens: [{ ...added, id: 5, content: 'X', normalized: false }, { ...added, id: 6, content: 'É', normalized: true }],
    }); // prettier-ignore
    // As many ids as bytes; a text that grows by normalisation; one that is nothing.
    expect(Array.from(pieces.encode('a'))).toEqual([1]);
    expect(Array.from(pieces.encode('....'))).toEqual([4, 4, 4, 4]);
    expect(Array.from(pieces.encode('abb X é 中ḗ'))).toEqual([3, 2, 5, 6, 0, 6]);
    expect(Array.from(pieces.encode(''))).toEqual([]);
    expect(new TextDecoder().decode(pieces.normalize('Ä中'))).toBe('a 中 ');
  });

  test('of resizing, each filter, passes in each order', async () => {
    const resizer = new Resizer(await compile());
    for (const filter of [0, 1, 2, 3, 4, 5])
      for (const channels of [1, 3, 4])
        for (const [width, height] of [[5, 7], [13, 7], [5, 3], [3, 20], [20, 3], [29, 17]] as const) {
          const image = { data: new Uint8Array(13 * 17 * channels).fill(255), width: 13, height: 17, channels };
          expect(resizer.resize(image, width, height, filter)).toEqual(new Uint8Array(width * height * channels).fill(255));
        } // prettier-ignore
  });

  test.each(['fp32', 'int8', 'binary'] as const)('of an index of %s', async (dtype) => {
    const dice = Dice.of(5, 0);
    const vector = (): Float32Array => Float32Array.from({ length: 21 }, () => dice.next() - 0.5);
    const index = await AlignIndex.create({ dimensions: 21, dtype });
    // Groups of four rows, whole ones and one that is not.
    for (let i = 0; i < 76; i++) {
      index.add(i, vector());
      if (i < 74) continue;
      expect(index.search(vector(), 3)).toHaveLength(3);
      expect(index.search(Array.from({ length: 16 }, vector), 3)).toHaveLength(16);
    }
    const again = await AlignIndex.from_bytes(index.to_bytes());
    expect(again.size).toBe(76);
  });

  test('are all checked that have ranges', async () => {
    const names = calls_of(new Instance(await compile()).exports).keys();
    expect(Object.keys(checked.calls).sort()).toEqual(Array.from(names).sort());
  });
});

describe('a record that is broken', () => {
  let module: WebAssembly.Module;
  let plans: Plan[];

  beforeAll(async () => {
    module = await compile();
    const config = random_config(new Random(3));
    const recorder = new Recorder(new Instance(module));
    const place = { shard: 0, offset: 0, prefixed: true };
    const none = { last_hidden_state: false, hidden_states: false };
    const parts = { pooler: true, projection_dim: config.projection_dim };
    const text = {
      sequences: 2,
      length: 6,
      tokens: 9,
      inputs_embeds: false,
      features: false,
      attentions: true,
    };
    plans = [
      recorder.text(config.text_config, parts, place, { ...text, ...none }),
      recorder.vision(config.vision_config, place, { batch: 2, height: 37, width: 41, ...none }),
      recorder.align(config.projection_dim, place, 2, 3),
    ];
  });

  /** Runs op `index` of a plan whose record has other values, on inputs of zeros but for `numbers`. */
  function run_changed(
    plan: Plan,
    index: number,
    changes: Readonly<Record<string, number>>,
    numbers: Readonly<Record<string, readonly number[]>> = {},
  ): void {
    const ops = plan.ops.slice();
    const { kind, fields } = describe_plan(plan)[index]!;
    write_struct(ops.buffer, index * layout.RECORD_BYTES, layout[kind as 'Gemm'] as Struct, changes);
    const broken = { ...plan, ops };
    const executor = new WasmExecutor(module, plan.weight_bytes);
    const arena = executor.prepare(broken);
    for (const [name, values] of Object.entries(numbers))
      executor.instance.u32(arena + fields[name]!, values.length).set(values);
    executor.execute(broken, index, 1);
  }

  /** By kind: places and sizes that are a little off, and sizes far off. A column more may fit into what is there. */
  const FIELDS: readonly (readonly [kind: string, near: readonly string[], far: readonly string[]])[] = [
    ['Gemm', ['a', 'c', 'm'], ['n', 'k', 'lda', 'ldc', 'weights', 'residual']],
    ['Conv2d', ['input', 'out', 'batch', 'in_h', 'out_h', 'in_w', 'out_w', 'kernel'], ['n', 'ldc', 'weights']],
    ['Depthwise', ['input', 'sums', 'out', 'batch', 'in_h', 'in_w', 'out_h', 'out_w', 'kernel'], ['channels', 'ldc', 'weights']],
    ['Pool', ['input', 'out', 'batch', 'h', 'w'], ['ldc']],
    ['Embedding', ['out', 'tokens', 'rows'], ['ldc', 'weights']],
    ['LayerNorm', ['x', 'out', 'rows'], ['ldc', 'weights']],
    ['Attention', ['qkv', 'probs', 'scratch', 'out', 'tokens', 'ldq', 'ldo'], ['sequences', 'length', 'heads', 'd', 'ldp', 'slot']],
    ['Gather', ['out', 'count'], ['ldc']],
    ['Normalize', ['x', 'out', 'rows'], ['ldc']],
    ['Similarity', ['a', 'b', 'out', 'm', 'n'], ['k', 'ldo', 'weights']],
  ]; // prettier-ignore

  const found = (kind: string): { plan: Plan; op: OpDescription } => {
    for (const plan of plans) {
      const op = describe_plan(plan).find((candidate) => candidate.kind === kind);
      if (op) return { plan, op };
    }
    throw new Error(`no plan has a ${kind}`);
  };

  test.each(FIELDS)('%s is caught by each of its fields', (kind, near, far) => {
    const { plan, op } = found(kind);
    run_changed(plan, op.index, {});
    for (const [fields, step] of [
      [near, 1],
      [[...near, ...far], 2 ** 20],
    ] as const)
      for (const field of fields) {
        const value = op.fields[field]!;
        if (value === layout.NONE) continue;
        const change = { [field]: value + step };
        expect(() => { run_changed(plan, op.index, change); }, `${field} ${value} + ${step}`).toThrow(/trapped/); // prettier-ignore
      }
  });

  test('numbers that an op reads and follows are caught where they lead outside', () => {
    const attention = found('Attention');
    run_changed(attention.plan, attention.op.index, {}, { starts: [0, 4, 9] });
    for (const starts of [[0, 4, 10], [0, 4, 90], [9, 4, 9], [0, 2 ** 28, 2 ** 28 + 1]])
      expect(() => { run_changed(attention.plan, attention.op.index, {}, { starts }); }, starts.join()).toThrow(/trapped/); // prettier-ignore
    const gather = found('Gather');
    run_changed(gather.plan, gather.op.index, {}, { rows: [0, 8] });
    expect(() => { run_changed(gather.plan, gather.op.index, {}, { rows: [0, 9] }); }).toThrow(/trapped/); // prettier-ignore
  });

  test('packing more rows than a block has is caught', () => {
    const instance = new Instance(module);
    const block = { packing: 'Rows', rows: 4, depth: 8, channels: 8, taps: 1 } as const;
    const packed = (rows: number): void => {
      pack_block(new GuardedMemory(instance), {
        ...block,
        sources: [{ part: 'Weight', data: new Float32Array(8 * rows), rows }],
      });
    };
    packed(4);
    const message = expect.stringMatching(/pack.* writes .* outside/) as string;
    const cause = expect.objectContaining({ message }) as Error;
    expect(() => { packed(5); }).toThrow(expect.objectContaining({ code: 'trap', cause })); // prettier-ignore
  });
});
