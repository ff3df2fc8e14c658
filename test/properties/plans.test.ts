// Plans of any model, picture and text: an arena without clashes, a data flow without gaps, and keys that tell all plans
// apart. Nothing is computed, so sizes may be large.

import fc from 'fast-check';
import { assert } from 'vitest';
import { AlignConfig } from '../../src/host/config.ts';
import { AlignError } from '../../src/host/errors.ts';
import { describe as describe_plan, plan_macs, plan_text } from '../../src/host/plan/describe.ts';
import { MAX_PARTS } from '../../src/host/plan/layout.ts';
import { weight_requests, type Plan } from '../../src/host/plan/plan.ts';
import { Recorder, type TextCall, type VisionCall } from '../../src/host/plan/recorder.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { check_arena, check_blocks, check_flow } from '../support/plan_checks.ts';
import { align_dict } from './config_draws.ts';
import { pick, whole } from './draws.ts';
import { property } from './property.ts';

const instance = new Instance(await compile());
const START = { shard: 0, offset: 0, prefixed: true };

const config: fc.Arbitrary<AlignConfig> = align_dict.map((dict) => new AlignConfig(dict));
const options = fc.record({ parts: whole(1, MAX_PARTS), fuse: fc.boolean() });

const vision_call: fc.Arbitrary<VisionCall> = fc.record({
  ...{ batch: whole(1, 4), height: whole(1, 400), width: whole(1, 400) },
  ...{ last_hidden_state: fc.boolean(), hidden_states: fc.boolean() },
});
const text_call: fc.Arbitrary<TextCall> = fc
  .record({
    ...{ sequences: whole(1, 9), length: whole(1, 40), spare: whole(0, 9), inputs_embeds: fc.boolean() },
    ...{ features: fc.boolean(), last_hidden_state: fc.boolean(), hidden_states: fc.boolean(), attentions: fc.boolean() },
  })
  .map(({ spare, ...call }) => ({ ...call, tokens: call.sequences * call.length + (call.attentions ? 0 : spare) })); // prettier-ignore

function text_plan(recorder: Recorder, { text_config, projection_dim }: AlignConfig, call: TextCall): Plan {
  return recorder.text(text_config, { pooler: true, projection_dim }, START, call);
}

/** The plan, or null for a picture that the tower has no pixel left of. */
function vision_plan(recorder: Recorder, { vision_config }: AlignConfig, call: VisionCall): Plan | null {
  try {
    return recorder.vision(vision_config, START, call);
  } catch (error) {
    assert(error instanceof AlignError && error.code === 'invalid_argument', String(error));
    assert(Math.min(call.height, call.width) < 200, `${error.message}, at ${call.height} × ${call.width}`);
    return null;
  }
}

function check(plan: Plan): void {
  check_arena(plan);
  check_flow(plan);
  check_blocks(plan);
}

property(
  'Pictures: no two tensors that live share a byte, and what is read was written',
  [config, options, vision_call],
  (config, options, call) => {
    const plan = vision_plan(new Recorder(instance, options), config, call);
    if (plan) check(plan);
  },
);

property(
  'Texts: no two tensors that live share a byte, and what is read was written',
  [config, options, text_call],
  (config, options, call) => {
    check(text_plan(new Recorder(instance, options), config, call));
  },
);

property(
  'The head: no two tensors that live share a byte, and what is read was written',
  [whole(1, 700), whole(0, 50), whole(0, 50), fc.boolean()],
  (width, texts, images, unit) => {
    const head = (): Plan => new Recorder(instance).align(width, START, texts, images, unit);
    if (texts + images > 0) check(head());
    else assert(head().length === 0);
  },
);

/** Names, places, formats and sources of the blocks that a plan asks for. */
function blocks(plan: Plan): string {
  const all = weight_requests(plan).map(({ name, shard, offset, bytes, format, sources }) => {
    const from = sources.map((source) => `${source.name} ${source.part} ${source.shape.join(' ')}`);
    return [name, shard, offset, bytes, format, ...from].join();
  });
  return all.join('\n');
}

property(
  'A tower asks for the same weights in the same places, whatever it is called with',
  [config, vision_call, vision_call, text_call, text_call, options],
  (config, large, small, long, short, options) => {
    const recorder = new Recorder(instance, options);
    assert.strictEqual(blocks(text_plan(recorder, config, short)), blocks(text_plan(recorder, config, long)));
    const [one, other] = [vision_plan(recorder, config, large), vision_plan(recorder, config, small)];
    if (one && other) assert.strictEqual(blocks(one), blocks(other));
  },
);

property(
  'The number of parts changes scratch alone: the same ops, with the same work and results',
  [config, text_call, whole(1, MAX_PARTS), whole(1, MAX_PARTS)],
  (config, call, a, b) => {
    const [less, more] = [Math.min(a, b), Math.max(a, b)].map((parts) => text_plan(new Recorder(instance, { parts }), config, call)); // prettier-ignore
    const work = (plan: Plan): unknown =>
      describe_plan(plan).map(({ kind, name, macs, shape }) => [kind, name, macs, shape]);
    assert.deepEqual(work(less!), work(more!));
    assert.strictEqual(plan_macs(less!), plan_macs(more!));
    assert.deepEqual([...less!.outputs.keys()], [...more!.outputs.keys()]);
  },
);

/** Calls that differ in one thing at a time, so that a key without it would confuse them. */
const calls = fc.array(
  fc.tuple(
    text_call,
    pick('sequences', 'length', 'inputs_embeds', 'features', 'attentions', 'hidden_states'),
  ),
  { minLength: 1, maxLength: 8 },
);

property(
  'A plan that is kept is the one that a new recorder gives, and the last 16 are kept',
  [config, calls, whole(0, 15)],
  (config, calls, any) => {
    const recorder = new Recorder(instance);
    const all = calls.flatMap(([call, field]) => {
      const value = call[field];
      const changed = { ...call, [field]: typeof value === 'number' ? value + 1 : !value };
      return [call, { ...changed, tokens: changed.sequences * changed.length }];
    });
    const kept = all.map((call) => text_plan(recorder, config, call));
    all.forEach((call, i) => {
      assert(text_plan(recorder, config, call) === kept[i], 'a plan was recorded again');
    });
    const i = any % all.length;
    const [fresh, one] = [text_plan(new Recorder(instance), config, all[i]!), kept[i]!];
    assert(Buffer.compare(fresh.ops, one.ops) === 0, 'other records');
    assert.strictEqual(fresh.arena_bytes, one.arena_bytes);
    assert.deepEqual(
      [...fresh.outputs.keys(), ...fresh.inputs.keys()],
      [...one.outputs.keys(), ...one.inputs.keys()],
    );
  },
);

property(
  'A plan as text has a line for each op, with its layer and its work',
  [config, text_call],
  (config, call) => {
    const plan = text_plan(new Recorder(instance), config, call);
    const ops = describe_plan(plan);
    const lines = plan_text(plan).trimEnd().split('\n');
    assert.strictEqual(lines.length, ops.length + 2);
    ops.forEach(({ index, name, kind, macs, offset }, i) => {
      const line = lines[i + 1]!;
      assert(line.trimStart().startsWith(`${index} `) && line.endsWith(name) && line.includes(kind), line);
      assert(Number.isSafeInteger(macs) && macs >= 0 && offset <= plan.arena_bytes, line);
    });
    assert.strictEqual(
      ops.reduce((sum, { macs }) => sum + macs, 0),
      plan_macs(plan),
    );
  },
);
