// A part of the kernel table as a request for another runtime, and a look at its answer.

import { expect } from 'vitest';
import type { Case } from '../kernels/cases/case.ts';
import { TABLE } from '../kernels/cases/index.ts';
import { WGSL } from '../kernels/support/bounds.ts';
import { lay, type Laid } from '../kernels/support/run_gpu.ts';
import { test_instance } from '../kernels/support/run_op.ts';
import type { Answer, Job } from './answer.ts';
import { pack, unpack } from './blob.ts';
import { GPU_ACTIVATIONS, type TableSetting } from './settings.ts';

export interface TableRequest {
  readonly bytes: Uint8Array;
  /** Checks every result of the answer, and returns what it says of the device. */
  readonly check: (answer: Uint8Array) => Answer;
}

/** Every `share`th case of each group of each op that a setting is for; the first always. */
export async function table_request(settings: readonly TableSetting[], share: number): Promise<TableRequest> {
  const instance = await test_instance();
  const asked: { where: string; laid: Laid; check: Case['check'] }[] = [];
  const jobs = settings.map((setting): Job => {
    const { ops = Object.keys(TABLE) } = setting;
    const kinds: Job['kinds'][number][] = [];
    for (const op of ops)
      for (const { title, cases } of TABLE[op]!)
        cases(GPU_ACTIVATIONS)
          .filter((_, i) => i % share === 0)
          .forEach(({ name, op: spec, check }) => {
            asked.push({
              where: `${setting.name}: ${op} ${title}: ${name}`,
              laid: lay(instance, spec),
              check,
            });
            kinds.push(spec.kind);
          });
    return { setting, kinds };
  });
  const parts = asked.flatMap(({ laid: { image } }) => [image.record, image.weights, image.arena]);
  return {
    bytes: pack(jobs, parts),
    check: (answer) => {
      const { head, parts: arenas } = unpack(answer);
      expect(arenas).toHaveLength(asked.length);
      asked.forEach(({ where, laid, check }, i) => {
        try {
          check(laid.results(arenas[i]!), WGSL);
        } catch (error) {
          throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
        }
      });
      console.log(`${asked.length} ops on ${(head as Answer).description}`);
      return head as Answer;
    },
  };
}
