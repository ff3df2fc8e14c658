// A server that fails or lies while a model's file is fetched from it: the table that test/host/remote_faults.test.ts has too.

import type { AlignErrorCode } from '../../src/host/errors.ts';
import { NETWORK_FAULTS } from '../support/network_faults.ts';
import { impatient, Site, type Outcome } from '../support/network_site.ts';
import { also_count, census } from './census.ts';
import { Tally, type FaultKind } from './harness.ts';

const is_error = (outcome: Outcome): outcome is Extract<Outcome, AlignErrorCode> =>
  outcome !== 'right' && outcome !== 'absent';

/** The servers of the fault that is tried. */
let site: Site | null = null;

async function tried(
  [name, fault, expected, options]: (typeof NETWORK_FAULTS)[number],
  tally: Tally,
): Promise<void> {
  const own = (site = await Site.open());
  own.server.fault = fault(own);
  const again = (): Promise<string> => {
    own.server.fault = null;
    return own.answer({ cache: options?.cache ?? own.cache });
  };
  const [right, codes] = is_error(expected) ? ['an error', [expected]] : [expected, []];
  await tally.point(name, () => own.answer(options), right, again, { afterwards: 'right', codes });
  for (const file of await own.partial()) tally.wrong(`${name}: ${file} is left half written`);
  await own.close();
  site = null;
}

export const network: FaultKind = {
  name: 'network',
  async run(at) {
    const patient = impatient();
    also_count('answers under way', () => site?.under_way ?? 0);
    const first = await Site.open(); // what fetching makes once is made before anything is counted
    await first.answer();
    await first.close();
    const before = await census();
    const tally = new Tally('network', [], at);
    for (const one of NETWORK_FAULTS) await tried(one, tally);
    const row = await tally.finish(before);
    patient();
    return [row];
  },
};
