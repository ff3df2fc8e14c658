// examples/node, run by its README's command in a folder with the package installed.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Align } from '../../src/host/index.ts';
import { clone_with, readme_commands, readme_output, shell } from './readme.ts';

let folder = '';

beforeAll(async () => {
  folder = await clone_with('node');
});
afterAll(() => rm(folder, { recursive: true }));

test('sorts every picture as the package in Node classifies it, in the command of its README', async () => {
  const [command] = await readme_commands('node');
  const [, pictures, into, ...names] = command!.split(' ').slice(1);
  const output = await shell(command!, folder);

  const model = await Align.load();
  const labels = await model.label_set(names);
  const lines: string[] = [];
  for (const name of (await readdir(join(folder, pictures!)))
    .filter((name) => name.endsWith('.png'))
    .sort()) {
    const picture = await readFile(join(folder, pictures!, name));
    const [{ label, score }] = (await model.classify(picture, labels)) as [{ label: string; score: number }];
    const path = join(score < 0.7 ? 'unsure' : label, name);
    lines.push(`${(100 * score).toFixed(0).padStart(3)} %  ${path}\n`);
    expect(await readFile(join(folder, into!, path))).toEqual(picture);
  }
  model.dispose();
  expect(output).toBe(lines.join(''));
  for (const line of await readme_output('node')) expect(output).toContain(`${line}\n`);
  expect(lines.length).toBeGreaterThanOrEqual(14);
  const sorted = await readdir(join(folder, into!), { recursive: true });
  expect(sorted.filter((name) => name.endsWith('.png'))).toHaveLength(lines.length);
});

test('pictures that cannot be read are named and left out; labels become names of folders and nothing else', async () => {
  await writeFile(join(folder, 'examples/pictures/broken.png'), 'no picture');
  const command = 'node examples/node/sort.mjs examples/pictures above ../a ../b';
  const failed = await shell(command, folder).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('broken.png is left out: ') as unknown,
  });
  const folders = await readdir(join(folder, 'above'));
  expect(['-a', '-b', 'unsure']).toEqual(expect.arrayContaining(folders));
});

test('says how it is used', async () => {
  const failed = await shell('node examples/node/sort.mjs examples/pictures', folder).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ code: 2, stderr: 'Usage: node sort.mjs FOLDER INTO LABEL LABEL…\n' });
});
