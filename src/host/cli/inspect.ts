// align-wasm inspect: what a model is, whether its checkpoint is whole, and the plan of its forward pass.

import { describe, plan_text } from '../plan/describe.ts';
import { choice, COMMON, parse_words } from './args.ts';
import { Blueprint, type Sizes } from './blueprint.ts';
import { OK, UsageError, type Io } from './io.ts';
import { print_summary, summary_of } from './summary.ts';
import { styled } from './text.ts';

export const HELP = `align-wasm inspect [MODEL] [--plan] [options]

Shows a model's configuration and tensors, and fails if some are missing or misshapen. With --plan, the ops of its forward
pass in order: kernel, output shape, place in the arena, multiply-accumulates, layer.

  MODEL                 a model's folder or packed file (default: the embedded icon model)
  --plan                print the plan
  --tower PART          text, vision or align (the head) alone; default all that the model has
  --batch N             texts or pictures at once (default 1)
  --height N --width N  size of the pictures (default: what the model's processor makes)
  --tokens N            tokens of a text (default 64, or as many as the model has positions)
  --json                one JSON object, or with --plan one an op
`;

/** Runs the command; gives its exit status. */
export async function inspect(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...COMMON,
    plan: { type: 'boolean' },
    tower: { type: 'string' },
    batch: { type: 'string' },
    height: { type: 'string' },
    width: { type: 'string' },
    tokens: { type: 'string' },
  });
  const part = choice(words, 'tower', ['text', 'vision', 'align']);
  const given = {
    batch: words.count('batch'),
    height: words.count('height'),
    width: words.count('width'),
    tokens: words.count('tokens'),
  };
  const only_plan = Object.entries({ tower: part, ...given }).find(([, value]) => value !== undefined);
  if (!words.flag('plan') && only_plan) throw new UsageError(`--${only_plan[0]} needs --plan`);
  const [positional, ...rest] = words.positionals;
  const named = words.text('model');
  if (rest.length > 0 || (positional !== undefined && named !== undefined))
    throw new UsageError('inspect takes one MODEL');

  const blueprint = await Blueprint.open(positional ?? named, io.signal);
  try {
    const [height, width] = await blueprint.image_size();
    const sizes: Sizes = {
      batch: given.batch ?? 1,
      height: given.height ?? height,
      width: given.width ?? width,
      tokens: given.tokens ?? Math.min(64, blueprint.text?.max_position_embeddings ?? 64),
    };
    if (part !== undefined && !blueprint.parts.includes(part))
      throw new UsageError(`--tower ${part}: the model has ${blueprint.parts.join(', ')} only`);
    const parts = part === undefined ? blueprint.parts : [part];
    const plans = new Map(parts.map((name) => [name, blueprint.plan(name, sizes)]));
    const json = words.flag('json');
    if (!words.flag('plan')) return print_summary(summary_of(blueprint, plans), blueprint, json, io);
    for (const [name, plan] of plans) {
      if (json) for (const op of describe(plan)) io.out(`${JSON.stringify({ part: name, ...op })}\n`);
      else io.out(`${styled(io, 'bold', name)}\n${plan_text(plan)}\n`);
    }
    return OK;
  } finally {
    await blueprint.checkpoint.close();
  }
}
