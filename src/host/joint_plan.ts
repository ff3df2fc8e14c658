// A call of the whole model on a GPU: the towers' plans and the head's as one, so that nothing comes back between them.

import type { Step, TowerOptions } from './batches.ts';
import type { Inputs, Outputs } from './executor.ts';
import type { JointCall, JointOutputs } from './joint.ts';
import { join_plans, type Joined } from './plan/join.ts';
import type { Plan } from './plan/plan.ts';
import { loaded, type Runtime } from './runtime.ts';

/** What the head reads: its input's name, and the tower's output that it is. */
const FEATURES = {
  text: ['text_features', 'features'],
  vision: ['image_features', 'pooler_output'],
} as const;

/** Runs a call as one plan; null where the executor gains nothing by it, or the call takes several runs. */
export async function run_as_one(
  runtime: Runtime,
  call: JointCall,
  options: TowerOptions,
): Promise<JointOutputs | null> {
  const joint = runtime.executor.device === 'webgpu' ? joint_plan(runtime, call, options) : null;
  if (!joint) return null;
  const inputs: Record<string, Inputs[string]> = {};
  for (const [tower, step] of joint.steps)
    for (const [name, data] of Object.entries(await step.inputs())) inputs[`${tower}.${name}`] = data;
  const outputs = await runtime.executor.run(joint.plan, inputs, options);
  const own = (prefix: string): Outputs | null => {
    const found = Array.from(outputs).filter(([name]) => name.startsWith(prefix));
    return found.length > 0
      ? new Map(found.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
      : null;
  };
  return { text: own('text.'), vision: own('vision.'), head: own('head.')! };
}

type Tower = keyof typeof FEATURES;

interface Joint {
  readonly plan: Plan;
  readonly steps: readonly (readonly [Tower, Step])[];
}

/** Joint plans by their first two: these say what the head has to be. */
const known = new WeakMap<Plan, WeakMap<Plan, Plan>>();

/** The plan of a whole call, or null where the call takes several runs. */
function joint_plan(
  { text, vision, head, executor }: Runtime,
  call: JointCall,
  options: TowerOptions,
): Joint | null {
  const wanted = { ...call.wanted, features: true };
  const steps: [Tower, Step][] = [];
  const add = (tower: Tower, step: Step | null): boolean => step !== null && steps.push([tower, step]) > 0;
  if (call.vision && !add('vision', loaded(vision, 'vision').step(call.vision, wanted, options))) return null;
  if (call.text && !add('text', loaded(text, 'text').step(call.text, wanted, options))) return null;
  const last = head!.plan(call.text?.batch ?? 0, call.vision?.batch ?? 0);
  const [first, second] = [...steps.map(([, { plan }]) => plan), last] as [Plan, Plan];
  const after = known.get(first) ?? new WeakMap<Plan, Plan>();
  known.set(first, after);
  let plan = after.get(second);
  if (!plan) {
    const links = Object.fromEntries(
      steps.map(([tower]) => [FEATURES[tower][0], `${tower}.${FEATURES[tower][1]}`]),
    );
    const towers = steps.map(([name, step]): Joined => ({ name, plan: step.plan }));
    plan = join_plans([...towers, { name: 'head', plan: last, links }]);
    after.set(second, plan);
  }
  return executor.fits(plan) ? { plan, steps } : null;
}
