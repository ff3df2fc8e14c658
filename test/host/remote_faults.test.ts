// Every way in which a server can fail or lie: the file comes out right or a typed error does, nothing is left open or half
// written, and the next load is right.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NETWORK_FAULTS } from '../support/network_faults.ts';
import { impatient, Site } from '../support/network_site.ts';

let site: Site;
let patient: () => void;
beforeAll(() => (patient = impatient()));
afterAll(() => patient());
beforeEach(async () => (site = await Site.open()));
afterEach(() => site.close());

describe('network faults', () => {
  test('are many, and no two the same', () => {
    expect(NETWORK_FAULTS.length).toBeGreaterThan(60);
    expect(new Set(NETWORK_FAULTS.map(([name]) => name)).size).toBe(NETWORK_FAULTS.length);
  });

  test.each(NETWORK_FAULTS)('%s', async (_, fault, expected, options) => {
    site.server.fault = fault(site);
    expect(await site.outcome(options)).toBe(expected);
    site.server.fault = null;
    expect(await site.outcome({ cache: options?.cache ?? site.cache })).toBe('right');
    expect(await site.partial()).toEqual([]);
    await expect.poll(() => site.under_way).toBe(0);
  });
});
