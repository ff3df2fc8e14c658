// Configurations: what goes in comes out, what is left out has its default, and what is refused is refused by name.

import fc from 'fast-check';
import { assert, expect } from 'vitest';
import { AlignConfig, AlignTextConfig, AlignVisionConfig, round_filters, round_repeats, type ConfigDict } from '../../src/host/config.ts'; // prettier-ignore
import { AlignError } from '../../src/host/errors.ts';
import { align_dict, text_dict, vision_dict } from './config_draws.ts';
import { pick, whole } from './draws.ts';
import { property } from './property.ts';

type Config = AlignTextConfig | AlignVisionConfig | AlignConfig;
type Make = new (values: object) => Config;

const KINDS: readonly (readonly [kind: string, Config: Make, dicts: fc.Arbitrary<ConfigDict>])[] = [
  ['AlignTextConfig', AlignTextConfig as Make, text_dict],
  ['AlignVisionConfig', AlignVisionConfig as Make, vision_dict],
  ['AlignConfig', AlignConfig as Make, align_dict],
];

for (const [kind, Config, dicts] of KINDS) {
  property(`${kind} keeps what it is given, through its dictionary and its file`, [dicts], (dict) => {
    const config = new Config(dict);
    expect(config).toMatchObject(dict);
    expect(new Config(config.to_dict())).toEqual(config);
    expect(new Config(JSON.parse(config.to_json_string()) as object)).toEqual(config);
    expect(new Config(config)).toEqual(config);
    expect(JSON.parse(config.to_json_string())).toEqual(config.to_dict());
  });
}

const defaults = { text: new AlignTextConfig().to_dict(), vision: new AlignVisionConfig().to_dict() };

property(
  'A key left out, or undefined, has its default; a key that is none is ignored',
  [
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 }),
    fc.subarray(Object.keys(defaults.text)),
    fc.boolean(),
  ],
  (extra, keys, absent) => {
    const strangers = Object.fromEntries(
      Object.entries(extra).filter(
        ([key]) => !(key in defaults.text) && !(key in defaults.vision) && key !== 'position_embedding_type',
      ),
    );
    const known = keys.map((key) => [key, absent ? undefined : defaults.text[key]] as const);
    expect(new AlignTextConfig({ ...strangers, ...Object.fromEntries(known) }).to_dict()).toEqual(
      defaults.text,
    );
    expect(new AlignVisionConfig(strangers).to_dict()).toEqual(defaults.vision);
  },
);

/** Keys whose value is a number, a text, a list, and what a stranger's file may have there. */
const TOWERS = { text: AlignTextConfig, vision: AlignVisionConfig } as const;
const keys = Object.entries(defaults).flatMap(([tower, dict]) =>
  Object.keys(dict).map((key) => [tower as keyof typeof TOWERS, key] as const),
);
const value = fc.oneof(
  fc.anything(),
  fc.double(),
  whole(-5, 5),
  fc.array(fc.oneof(whole(-5, 40), fc.anything()), { maxLength: 8 }),
);

property(
  'Any value of any key is kept as it is, or refused as an AlignError that shows the key',
  [pick(...keys), value],
  ([tower, key], given) => {
    let config: AlignTextConfig | AlignVisionConfig;
    try {
      config = new TOWERS[tower]({ [key]: given });
    } catch (error) {
      assert(error instanceof AlignError, `${key}: ${String(error)}`);
      assert(/^unsupported_(config|activation)$/.test(error.code), error.code);
      // A stage that does not fit the others may show as theirs.
      const stages = /channels|strides|repeats|kernel_sizes|ratio|coefficient|divisor/;
      assert(error.message.includes(key) || (stages.test(key) && stages.test(error.message)) || key === 'num_attention_heads' || key === 'vocab_size', error.message); // prettier-ignore
      return;
    }
    const kept = config.to_dict()[key];
    const ignored = given === undefined || key === 'model_type' || key === 'num_hidden_layers';
    if (!ignored) expect(kept).toEqual(Object.is(given, -0) ? 0 : given);
  },
);

property(
  'AlignConfig refuses any other width of the projection than that of the pictures, and any other model_type',
  [align_dict, whole(1, 300), pick('align_text_model', 'align_vision_model')],
  (dict, width, model_type) => {
    const refused = (change: object): void => {
      expect(() => new AlignConfig({ ...dict, ...change })).toThrow(AlignError);
    };
    if (width !== dict.projection_dim) refused({ projection_dim: width });
    refused({ model_type });
  },
);

property(
  'round_filters gives a multiple of the divisor that loses at most a tenth, and grows with the channels',
  [whole(1, 4000), fc.double({ min: 0.01, max: 8, noNaN: true }), whole(1, 64)],
  (channels, width_coefficient, depth_divisor) => {
    const config = { width_coefficient, depth_divisor };
    const rounded = round_filters(config, channels);
    const scaled = channels * width_coefficient;
    assert(rounded >= depth_divisor && rounded % depth_divisor === 0, `${rounded} of ${depth_divisor}`);
    assert(rounded >= 0.9 * scaled, `${rounded} is less than nine tenths of ${scaled}`);
    assert(
      rounded <= Math.max(scaled + 1.5 * depth_divisor, depth_divisor),
      `${rounded} is far above ${scaled}`,
    );
    assert(round_filters(config, channels + 1) >= rounded, 'it shrinks');
    assert.strictEqual(round_filters({ width_coefficient: 1, depth_divisor: 1 }, channels), channels);
  },
);

property(
  'The number of blocks is that of the stages, each rounded up',
  [vision_dict, fc.double({ min: 0, max: 4, noNaN: true })],
  (dict, depth_coefficient) => {
    const repeats = dict.num_block_repeats as number[];
    // Whole stages stay or go together, as what goes into a stage is what the last with blocks gave.
    const even = { ...dict, num_block_repeats: repeats.map(() => repeats[0]!), depth_coefficient };
    const widths = { in_channels: repeats.map(() => 32), out_channels: repeats.map(() => 32) };
    const config = new AlignVisionConfig({ ...even, ...widths });
    const blocks = repeats.length * round_repeats(config, repeats[0]!);
    assert.strictEqual(config.num_hidden_layers, blocks);
    const least = depth_coefficient * repeats[0]!;
    assert(blocks >= repeats.length * least && blocks <= repeats.length * (least + 1), `${blocks}`);
  },
);
