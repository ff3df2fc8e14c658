// examples/cloudflare, bundled by wrangler with the package as it is published, and run in workerd.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LabelSet } from '../../src/host/index.ts';
import { check_answers, check_crowd, check_curls } from './endpoint_checks.ts';
import { serve_workerd, type Endpoint } from './endpoint_servers.ts';
import { free_port, readme_commands, readme_output, root } from './readme.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const require = createRequire(new URL('../runtimes/binaries/package.json', import.meta.url));
let endpoint: Endpoint;

beforeAll(async () => {
  endpoint = await serve_workerd();
});

afterAll(() => endpoint.stop());

test('its labels are embedded before it is bundled, and it needs no flag', async () => {
  const labels = LabelSet.from_bytes(await readFile(join(endpoint.folder, 'examples/cloudflare/labels.bin')));
  const about = (await (await fetch(endpoint.url)).json()) as { labels: string[] };
  expect(about.labels).toEqual(labels.labels);
  expect(await readFile(join(root, 'examples/cloudflare/wrangler.jsonc'), 'utf8')).not.toContain('flags');
});

test('it answers as Node would, and as its README says', async () => {
  await check_answers(endpoint.url);
  const picture = await readFile(join(root, 'examples/pictures/dog.png'));
  const answer = await fetch(endpoint.url, { method: 'POST', body: picture });
  expect([await answer.text()]).toEqual(await readme_output('cloudflare'));
});

test('64 clients at once are each answered rightly, whatever the others do', async () => {
  await check_crowd(endpoint.url);
  expect(endpoint.log.filter((line) => /error|uncaught|hung/i.test(line))).toEqual([]);
});

test('the commands of its README: wrangler dev builds it, and answers', async () => {
  const { folder } = endpoint;
  const place = join(folder, 'examples/cloudflare');
  const [dev, ...curls] = await readme_commands('cloudflare');
  expect(dev).toBe('npx wrangler dev');
  const port = String(await free_port());
  const wrangler = require.resolve('wrangler/bin/wrangler.js'); // npx would install it
  const args = [wrangler, 'dev', '--port', port, '--inspector-port', '0'];
  const printed: string[] = [];
  const env = {
    ...process.env,
    NO_COLOR: '1',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true', // it looks for newer versions
    WRANGLER_LOG_PATH: join(folder, 'logs'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    CLOUDFLARE_CF_FETCH_ENABLED: 'false', // else it fetches request.cf
  };
  const server = spawn(process.execPath, args, { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => printed.push(text));
  try {
    await vi.waitUntil(() => printed.join('').includes('Ready on'), { timeout: 60_000 });
    await check_curls(curls, 'http://localhost:8787/', `http://localhost:${port}/`, place);
    // Its own output sets nothing off: wrangler builds once, or twice where it sees the folder appear.
    expect(printed.join('').match(/Running: node labels\.mjs/g)!.length).toBeLessThanOrEqual(2);
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGINT');
    await ended;
  }
});
