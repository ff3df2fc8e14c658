// Plans as they are recorded: arena, weight requests, keys. No weights are needed.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { AlignConfig, AlignTextConfig, AlignVisionConfig } from '../../src/host/config.ts';
import { describe as describe_plan, plan_text } from '../../src/host/plan/describe.ts';
import { ALIGNMENT } from '../../src/host/plan/layout.ts';
import { weight_requests, type Plan, type PlanTensor } from '../../src/host/plan/plan.ts';
import { Recorder, type TextCall, type VisionCall } from '../../src/host/plan/recorder.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { TENSORS } from '../support/counter_weights.ts';
import { bytes_of, check_arena, check_blocks, check_flow } from '../support/plan_checks.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compile();
});

const START = { shard: 0, offset: 0, prefixed: true };
const VISION: VisionCall = {
  batch: 1,
  height: 289,
  width: 289,
  last_hidden_state: false,
  hidden_states: false,
};
const TEXT: TextCall = {
  ...{ sequences: 1, length: 64, tokens: 64, inputs_embeds: false, features: true },
  ...{ last_hidden_state: false, hidden_states: false, attentions: false },
};

const golden = (name: string): AlignConfig =>
  new AlignConfig(
    JSON.parse(
      readFileSync(new URL(`../golden/${name}/config.json`, import.meta.url), 'utf8'),
    ) as object as never,
  );

/** Plans of every kind of call of a config. */
function plans_of(config: AlignConfig, vision: VisionCall[], text: TextCall[], limit = 2 ** 32): Plan[] {
  const recorder = new Recorder(new Instance(module), { shard_limit: limit });
  const parts = { pooler: true, projection_dim: config.projection_dim };
  return [
    ...vision.map((call) => recorder.vision(config.vision_config, START, call)),
    ...text.map((call) => recorder.text(config.text_config, parts, START, call)),
    recorder.align(config.projection_dim, START, 3, 2),
    recorder.align(config.projection_dim, START, 0, 5),
  ];
}

const ALL_TAPS = { features: true, last_hidden_state: true, hidden_states: true, attentions: true };
const SMALL = [
  { ...VISION, height: 33, width: 47 },
  { ...VISION, batch: 3, height: 33, width: 47, last_hidden_state: true },
  { ...VISION, batch: 2, height: 31, width: 38, last_hidden_state: true, hidden_states: true },
];
const SHORT = [
  { ...TEXT, length: 16, tokens: 16 },
  { ...TEXT, sequences: 3, length: 11, tokens: 33, ...ALL_TAPS },
  { ...TEXT, sequences: 4, length: 16, tokens: 48, inputs_embeds: true },
];

describe.each(['odd', 'max-pool', 'gray', 'tiny', 'deep', 'wide', 'inputs'])('Plans of %s', (name) => {
  const config = golden(name);
  // Five halvings in `deep`.
  const vision = name === 'deep' ? SMALL.map((call) => ({ ...call, height: 64, width: 97 })) : SMALL;

  test('give tensors that live at the same time bytes of their own', () => {
    for (const plan of plans_of(config, vision, SHORT)) check_arena(plan);
  });

  test('read nothing that was overwritten, and keep outputs to the end', () => {
    for (const plan of plans_of(config, vision, SHORT)) check_flow(plan);
  });

  test('place weight blocks one behind the other', () => {
    for (const plan of plans_of(config, vision, SHORT)) check_blocks(plan);
  });

  test('put a weight at the same place in every call of a tower', () => {
    const plans = plans_of(config, vision, SHORT).slice(0, 6).map(weight_places);
    for (const [i, places] of plans.entries()) expect(places).toEqual(plans[i < 3 ? 0 : 3]);
  });
});

/** Where each source of each block goes. */
function weight_places(plan: Plan): unknown[] {
  return weight_requests(plan).map(({ shard, offset, bytes, sources }) => {
    return { shard, offset, bytes, sources: sources.map(({ name, shape }) => ({ name, shape })) };
  });
}

describe('Plans of the default AlignConfig', () => {
  const config = new AlignConfig();
  const calls = (): Plan[] =>
    plans_of(
      config,
      [VISION, { ...VISION, batch: 2, last_hidden_state: true, hidden_states: true }],
      [TEXT, { ...TEXT, sequences: 2, tokens: 128, ...ALL_TAPS }],
    );
  const macs = (plan: Plan): number => describe_plan(plan).reduce((sum, op) => sum + op.macs, 0);

  test('are sound: arena, data flow, weights', () => {
    for (const plan of calls()) {
      check_arena(plan);
      check_flow(plan);
      check_blocks(plan);
    }
  });

  test('count 8.40 GMAC for a picture of 289 pixels and 5.51 for a text of 64 tokens', () => {
    const whole = { ...TEXT, last_hidden_state: true };
    const [vision, all, features] = plans_of(config, [VISION], [whole, TEXT]);
    expect(macs(vision!) / 1e9).toBeCloseTo(8.4, 1);
    expect(macs(all!) / 1e9).toBeCloseTo(5.51, 2);
    // Features alone need but the [CLS] rows behind the last layer's attention.
    expect(macs(features!) / 1e9).toBeCloseTo(5.18, 2);
  });

  test('name every parameter of the state dict once, in its shape', () => {
    const [vision, , text, , align] = calls();
    const sources = [vision!, text!, align!]
      .flatMap((plan) => weight_requests(plan))
      .flatMap((r) => r.sources);
    const named = sources.map(({ name, shape }) => [name, shape] as const).sort(by_name);
    const wanted = [...TENSORS].filter(([name]) => !name.endsWith('num_batches_tracked')).sort(by_name);
    expect(named).toEqual(wanted);
  });

  test('reuse the arena: no larger than what lives at one time', () => {
    const aligned = (t: PlanTensor): number => Math.ceil(bytes_of(t) / ALIGNMENT) * ALIGNMENT;
    const sum = (tensors: readonly PlanTensor[]): number =>
      tensors.reduce((total, t) => total + aligned(t), 0);
    const ratios = calls().map(({ tensors, length, arena_bytes }) => {
      const living = Array.from({ length }, (_, i) => tensors.filter((t) => t.first <= i && i <= t.last));
      return arena_bytes / Math.max(...living.map(sum));
    });
    expect(ratios[0]).toBe(1);
    expect(Math.max(...ratios)).toBeLessThan(1.05);
    const [vision] = calls();
    expect(vision!.arena_bytes).toBeLessThan(10.7e6);
    expect(sum(vision!.tensors) / vision!.arena_bytes).toBeGreaterThan(10);
  });

  test('never hold an expanded map of more than 500,000 numbers', () => {
    const ops = describe_plan(calls()[0]!);
    const size = (fields: Readonly<Record<string, number>>): number =>
      fields.in_h! * fields.in_w! * fields.channels!;
    const fused = ops.flatMap(({ second }) => (second ? [size(second)] : []));
    const apart = ops.flatMap(({ kind, fields }, i) =>
      kind === 'Depthwise' && ops[i - 1]!.name.endsWith('expand_conv') ? [size(fields)] : [],
    );
    expect(Math.min(...fused)).toBeGreaterThan(500_000);
    expect(Math.max(...apart)).toBeLessThanOrEqual(500_000);
    expect([fused.length, apart.length]).toEqual([15, 36]); // of 55 blocks, 4 do not expand
  });

  test('keep to shards of 128 MiB where an executor can bind no more', () => {
    const limit = 128 * 2 ** 20;
    for (const plan of plans_of(config, [VISION], [TEXT], limit)) check_blocks(plan, limit);
  });

  test('fill a shard to its last byte', () => {
    const shards = (limit: number): Set<number> =>
      new Set(weight_requests(plans_of(golden('odd'), [], [TEXT], limit)[0]!).map(({ shard }) => shard));
    const [{ weight_bytes }] = plans_of(golden('odd'), [], [TEXT]) as [Plan];
    expect(shards(weight_bytes)).toEqual(new Set([0]));
    expect(shards(weight_bytes - 1)).toEqual(new Set([0, 1]));
  });

  test('split a word table that is larger than a shard, an op for each piece', () => {
    const limit = 20 * 2 ** 20;
    const [plan] = plans_of(config, [], [TEXT], limit);
    check_blocks(plan!, limit);
    const words = weight_requests(plan!).find(({ name }) => name.endsWith('word_embeddings'))!;
    const row = config.text_config.hidden_size * 4;
    expect(words.piece).toBe(Math.floor(limit / row) * row);
    const pieces = describe_plan(plan!).filter(({ name }) => name === words.name);
    const { vocab_size } = config.text_config;
    expect(pieces.map(({ fields }) => fields.shard)).toEqual(
      Array.from({ length: Math.ceil(words.bytes / words.piece) }, (_, i) => words.shard + i),
    );
    expect(pieces.reduce((rows, { fields }) => rows + fields.rows!, 0)).toBe(vocab_size);
    for (const [i, { fields }] of pieces.entries()) {
      expect(fields.first).toBe((i * words.piece) / row);
      expect(fields.accumulate).toBe(Number(i > 0));
      expect(fields.weights).toBe(0);
    }
  });

  test('refuse another block that is larger than a shard', () => {
    expect(() => plans_of(config, [], [TEXT], 2 ** 20)).toThrow(
      /attention\.self\.query\+key\+value takes \d+ bytes in one piece, more than the 1048576/,
    );
  });

  test('print one op a line', () => {
    const [vision] = calls();
    const lines = plan_text(vision!).trimEnd().split('\n');
    expect(lines).toHaveLength(vision!.length + 2);
    expect(lines[1]).toMatch(
      /^ *0 +Conv2d 3×3\/2 Silu +1×144×144×64 +\d+ +[\d,]+ +vision_model\.embeddings\.convolution$/,
    );
    expect(lines.at(-1)).toContain(`${vision!.length} ops`);
  });
});

const by_name = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1;

describe('Recorder', () => {
  const config = golden('odd');
  const parts = { pooler: true, projection_dim: config.projection_dim };
  const recorder = (): Recorder => new Recorder(new Instance(module));
  const small: VisionCall = { ...VISION, height: 32, width: 32 };

  test('records the same bytes twice', () => {
    const [one, two] = [plans_of(config, SMALL, SHORT), plans_of(config, SMALL, SHORT)];
    expect(one).toEqual(two);
  });

  test('records the same bytes whatever was recorded before', () => {
    const used = recorder();
    for (const call of SHORT) used.text(config.text_config, parts, START, call);
    const fresh = recorder().vision(config.vision_config, START, small);
    expect(used.vision(config.vision_config, START, small)).toEqual(fresh);
  });

  test('gives the plan it has for the same call, another one for every other call', () => {
    const r = recorder();
    const visions: VisionCall[] = [
      small,
      { ...small, batch: 2 },
      { ...small, height: 33 },
      { ...small, width: 33 },
      { ...small, last_hidden_state: true },
      { ...small, last_hidden_state: true, hidden_states: true },
    ];
    const text: TextCall = { ...TEXT, length: 8, tokens: 16, sequences: 2 };
    const texts: TextCall[] = [
      text,
      { ...text, sequences: 1 },
      { ...text, length: 9 },
      { ...text, tokens: 32 },
      { ...text, inputs_embeds: true },
      { ...text, features: false },
      { ...text, last_hidden_state: true },
      { ...text, hidden_states: true },
      { ...text, attentions: true },
    ];
    const ask = (): Plan[] => [
      ...visions.map((call) => r.vision(config.vision_config, START, call)),
      ...texts.map((call) => r.text(config.text_config, parts, START, call)),
    ];
    const plans = ask();
    expect(new Set(plans).size).toBe(15);
    for (const [i, plan] of ask().entries()) expect(plan).toBe(plans[i]);
  });

  test('keeps the 16 plans used last', () => {
    const r = recorder();
    const ask = (height: number): Plan => r.vision(config.vision_config, START, { ...small, height });
    const plans = Array.from({ length: 16 }, (_, i) => ask(32 + i));
    expect(ask(32)).toBe(plans[0]); // now the one used last
    ask(100); // drops the oldest, 33
    for (const i of [0, 2, 3, 15]) expect(ask(32 + i)).toBe(plans[i]);
    expect(ask(33)).not.toBe(plans[1]);
  });

  test('refuses what the tower cannot compute, and records again afterwards', () => {
    const r = recorder();
    const ask = (height: number, width: number): Plan =>
      r.vision(config.vision_config, START, { ...small, height, width });
    const wide = 4 * config.vision_config.hidden_dim * 8;
    expect(() => ask(1, 1)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('too small') as string,
      }) as Error,
    );
    expect(() => ask(32, wide)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining('hidden_dim') as string,
      }) as Error,
    );
    expect(ask(32, 32).length).toBeGreaterThan(0);
  });
});

describe('Sizes that 32 bits do not hold', () => {
  const { text_config, vision_config } = golden('odd');
  const recorder = (): Recorder => new Recorder(new Instance(module));
  const text = (values: object): Plan =>
    recorder().text(
      new AlignTextConfig({ ...text_config.to_dict(), num_attention_heads: 1, ...values }),
      { pooler: true, projection_dim: 0 },
      START,
      SHORT[0]!,
    );
  const MOST = 2 ** 24;

  test.each([
    ['word_embeddings', { vocab_size: MOST }],
    ['position_embeddings', { max_position_embeddings: MOST }],
    ['token_type_embeddings', { type_vocab_size: MOST }],
  ])('are refused for %s of more pieces than any device holds', (name, size) => {
    expect(() => text({ hidden_size: MOST, ...size })).toThrow(
      expect.objectContaining({
        code: 'limit_exceeded',
        message: expect.stringContaining(`${name} takes ${2 ** 50} bytes, more than the `) as string,
      }) as Error,
    );
  });

  test('are counted for a table of more than 4 GiB, which fewer bits a number may make small enough', () => {
    const plan = text({ vocab_size: MOST, hidden_size: 256, intermediate_size: 8 });
    const [words] = weight_requests(plan);
    expect([words!.bytes, words!.piece]).toEqual([2 ** 34, 2 ** 32 - 1024]);
    check_blocks(plan, 2 ** 32);
  });

  test('are refused for a convolution of many channels', () => {
    const config = new AlignVisionConfig({ ...vision_config.to_dict(), num_channels: MOST });
    expect(() => recorder().vision(config, START, VISION)).toThrow(
      expect.objectContaining({
        code: 'limit_exceeded',
        message: expect.stringMatching(/convolution takes \d+ bytes in one piece/) as string,
      }) as Error,
    );
  });

  test('are refused for a picture', () => {
    const large = { ...VISION, height: 2 ** 20, width: 2 ** 20 };
    expect(() => recorder().vision(vision_config, START, large)).toThrow(
      '1 × 1048576 × 1048576 pixels are more than 32 bits count',
    );
  });
});
