// examples/deno, run by its README's commands, on what is built here and on the package as it is published.

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/index.ts';
import { DENO, program } from '../support/programs.ts';
import { check_answers, check_crowd, check_curls } from './endpoint_checks.ts';
import { serve_deno, type Endpoint } from './endpoint_servers.ts';
import { readme_commands, readme_output, root, shell } from './readme.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const deno = program(DENO);
let endpoint: Endpoint;
let [folder, commands] = ['', [] as string[]];

/** Runs a command in the example's folder, where `deno` is the one of the tests. */
const run = (command: string): Promise<string> =>
  shell(
    `export PATH="${dirname(deno)}:$PATH" DENO_NO_UPDATE_CHECK=1; ${command}`,
    join(folder, 'examples/deno'),
  );

beforeAll(async () => {
  commands = await readme_commands('deno');
  endpoint = await serve_deno();
  ({ folder } = endpoint);
});

afterAll(() => endpoint.stop());

test('the script labels pictures as the package in Node, with the permissions of its task, and by the published package', async () => {
  const command = commands.find((line) => line.startsWith('deno task label '))!;
  const model = await Align.load();
  const source = await readFile(join(root, 'examples/deno/label.js'), 'utf8');
  const labels = await model.label_set(/'(airplane .*)'/.exec(source)![1]!.split(' '));
  const lines: string[] = [];
  for (const path of command.split(' ').slice(3)) {
    const picture = await readFile(join(root, 'examples/deno', path));
    const [{ label, score }] = (await model.classify(picture, labels)) as [{ label: string; score: number }];
    lines.push(`${(100 * score).toFixed(0).padStart(3)} %  ${label.padEnd(8)}  ${path}\n`);
  }
  model.dispose();
  expect(lines.length).toBeGreaterThan(1);
  expect(await run(command)).toBe(lines.join(''));
  const picture = await readFile(join(root, 'examples/pictures/dog.png'));
  const answer = await (await fetch(endpoint.url, { method: 'POST', body: picture })).text();
  expect(`${lines.join('')}${answer}`.split('\n')).toEqual(await readme_output('deno'));

  const readme = await readFile(join(root, 'examples/deno/README.md'), 'utf8');
  const published = /^```json\n([^]*?)^```/m.exec(readme)![1]!;
  const config = join(folder, 'examples/deno/published.json');
  await writeFile(config, published.replace('"auto"', '"manual"')); // "auto" would ask npm
  const paths = command.split(' ').slice(3).join(' ');
  const task = `deno run --no-prompt --config published.json --allow-read=../../node_modules,../pictures label.js ${paths}`;
  expect(await run(task)).toBe(lines.join(''));
});

test('the tasks allow what they read and listen on by name, and no more', async () => {
  const { tasks } = JSON.parse(await readFile(join(root, 'examples/deno/deno.json'), 'utf8')) as {
    tasks: Record<string, string>;
  };
  for (const task of Object.values(tasks))
    expect(task).toMatch(/^deno run --allow-read=[\w./@,-]+ (--allow-net=127\.0\.0\.1:8000 )?\w+\.js$/);
  const refused = run('deno run --no-prompt --allow-read=../../dist label.js ../pictures/dog.png');
  await expect(refused).rejects.toThrow('dog.png');
});

test('the endpoint answers as Node would, by the commands of the README too', async () => {
  await check_answers(endpoint.url);
  const curls = commands.filter((line) => line.startsWith('curl '));
  await check_curls(curls, 'http://localhost:8000/', endpoint.url, join(folder, 'examples/deno'));
});

test('64 clients at once are each answered rightly, whatever the others do', async () => {
  await check_crowd(endpoint.url);
  expect(endpoint.log.join('')).not.toMatch(/error|uncaught/i);
});
