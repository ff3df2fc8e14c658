// No network unless asked: neither by the embedded model, nor by the command line.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const guard = new URL('../support/no_network.mjs', import.meta.url).href;

/** What a process printed that cannot reach any network, and its attempts to. */
function run(...args: string[]): Promise<{ status: number; out: string; attempts: string[] }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', guard, ...args], (_, out, err) => {
      resolve({ status: child.exitCode!, out, attempts: err.match(/NETWORK \S+/g) ?? [] });
    });
  });
}

test('the embedded model: texts, pictures, labels, an index', async () => {
  const { status, out, attempts } = await run(path('test/support/embedded_model_work.mjs'));
  expect({ status, out, attempts }).toEqual({ status: 0, out: 'a lock 0\nnot_found\n', attempts: [] });
});

test.each([
  ['--help'],
  ['doctor'],
  ['classify', path('examples/pictures/lock.png'), '--labels', 'a lock,a boat'],
])('the command line: %s', async (...args) => {
  const { status, out, attempts } = await run(path('dist/cli/main.js'), ...args);
  expect({ status, attempts }).toEqual({ status: 0, attempts: [] });
  expect(out).not.toBe('');
});

test.each([
  ['fetch("http://127.0.0.1:1/")', 'globalThis.fetch'],
  ['import("node:net").then(({ connect }) => connect(1))', 'socket.connect'],
  ['import("node:https").then(({ get }) => get("https://127.0.0.1:1/"))', 'https.get'],
  ['import("node:dns/promises").then(({ lookup }) => lookup("localhost"))', 'dns.promises.lookup'],
])('an attempt is seen: %s', async (code, attempt) => {
  expect((await run('--input-type=module', '--eval', code)).attempts).toEqual([`NETWORK ${attempt}`]);
});

test('a URL is what asks', async () => {
  const { attempts } = await run(path('dist/cli/main.js'), 'inspect', 'http://127.0.0.1:1/m/');
  expect(attempts.length).toBeGreaterThan(0);
});
