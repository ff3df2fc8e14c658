// A server that fails or lies while a model's file is fetched from it: the table that test/host/remote_faults.test.ts has too,
// and answers drawn at random.

import type { OpenOptions } from '../../src/host/checkpoint/model_files.ts';
import { AlignError, type AlignErrorCode } from '../../src/host/errors.ts';
import { Dice } from '../fuzz/dice.ts';
import { NETWORK_FAULTS } from '../support/network_faults.ts';
import { random_fault } from '../support/network_random.ts';
import { impatient, Site, type Outcome } from '../support/network_site.ts';
import { also_count, census } from './census.ts';
import { Tally, type FaultKind } from './harness.ts';

const is_error = (outcome: Outcome): outcome is Extract<Outcome, AlignErrorCode> =>
  outcome !== 'right' && outcome !== 'absent';

/** Random faults of a short run. */
const FEW = 40;

/** The servers of the fault that is tried. */
let site: Site | null = null;

/** Runs `task` with servers of its own, which must leave no file half written. */
async function on_site(name: string, tally: Tally, task: (site: Site) => Promise<unknown>): Promise<void> {
  const own = (site = await Site.open());
  await task(own);
  for (const file of await own.partial()) tally.wrong(`${name}: ${file} is left half written`);
  await own.close();
  site = null;
}

/** The file without a fault, from the same cache. */
function once_more(own: Site, cache: OpenOptions['cache']): Promise<string> {
  own.server.fault = null;
  return own.answer({ cache: cache ?? own.cache });
}

function tried(
  [name, fault, expected, options]: (typeof NETWORK_FAULTS)[number],
  tally: Tally,
): Promise<void> {
  return on_site(name, tally, (own) => {
    own.server.fault = fault(own);
    const [right, codes] = is_error(expected) ? ['an error', [expected]] : [expected, []];
    const again = (): Promise<string> => once_more(own, options?.cache);
    return tally.point(name, () => own.answer(options), right, again, { afterwards: 'right', codes });
  });
}

/** Random answers: the file is right, or fails by a code, or is absent where the server said so. */
function tried_at_random(number: number, seed: number, tally: Tally): Promise<void> {
  const name = `${number} of seed ${seed}`;
  return on_site(name, tally, async (own) => {
    const { said, fault, options, denied } = random_fault(Dice.of(seed, number), own);
    own.server.fault = fault;
    // A file that is not there is null, or an error where its SHA-256 was asked for.
    const absent = (error: unknown): string => {
      if (error instanceof AlignError && error.code === 'not_found') return 'absent';
      throw error;
    };
    const answer = async (): Promise<string> => {
      const outcome = await own.answer(options).catch(absent);
      return outcome === 'absent' && denied() ? 'right' : outcome;
    };
    const findings = tally.row.findings.length;
    await tally.point(name, answer, 'right', () => once_more(own, options.cache), {
      codes: ['network', 'integrity'],
    });
    if (tally.row.findings.length > findings) tally.found(`${name}: ${said.join('; ')}`);
  });
}

export const network: FaultKind = {
  name: 'network',
  async run(at, { points, seed }) {
    const patient = impatient();
    also_count('answers under way', () => site?.under_way ?? 0);
    const first = await Site.open(); // what fetching makes once is made before anything is counted
    await first.answer();
    await first.close();
    const before = await census();
    const table = new Tally('network', [], at);
    for (const one of NETWORK_FAULTS) await tried(one, table);
    const rows = [await table.finish(before)];
    const random = new Tally('network, at random', [], at);
    for (let i = 0; i < (points ?? FEW); i++) await tried_at_random(i, seed, random);
    rows.push(await random.finish(before));
    patient();
    return rows;
  },
};
