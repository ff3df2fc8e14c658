// Names of shards in an index from a stranger, in a folder on disk: nothing outside it is opened, no device, no URL.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Checkpoint } from '../../src/host/checkpoint/checkpoint.ts';
import { open_model } from '../../src/host/checkpoint/model_files.ts';
import { file_bytes, one } from '../support/safetensors_files.ts';
import { HOSTILE_NAMES } from './targets/shards.ts';

const root = mkdtempSync(join(tmpdir(), 'align-shards-'));
const folder = join(root, 'model');
const shard = file_bytes(one(), 4);

beforeAll(() => {
  mkdirSync(join(folder, 'a'), { recursive: true });
  // What a name that leads astray would find.
  for (const place of [root, folder, join(folder, 'a')])
    for (const name of ['model.safetensors.other', 'outside', 'CON', 'nul.safetensors', 'COM1', '... '])
      writeFileSync(join(place, name), shard);
});
afterAll(() => rmSync(root, { recursive: true }));

function opened(name: string): Promise<Checkpoint> {
  writeFileSync(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: { w: name } }),
  );
  return open_model(folder).then((model) => Checkpoint.open(model));
}

/** Names that are odd, but those of a file in the folder: it is not there. */
const ODD = [
  '%2e%2e%2fmodel',
  '?',
  '#a',
  '..model',
  'a..b',
  'console',
  'com10',
  'nulls.safetensors',
  '~',
  '$HOME',
];
const HOSTILE = [
  ...HOSTILE_NAMES.filter((name) => !ODD.includes(name)),
  ...[
    '../outside',
    join(root, 'outside'),
    'a/outside',
    './outside',
    '..\\outside',
    'Nul',
    'prn.',
    'aux.txt',
    'outside::$DATA',
  ],
];

test('there are enough of them', () => expect(HOSTILE.length).toBeGreaterThanOrEqual(40));

test.each(HOSTILE)('%j is refused', async (name) => {
  await expect(opened(name)).rejects.toMatchObject({ code: 'corrupt_checkpoint', detail: { tensor: 'w' } });
});

test.each(ODD)('%j is a file that is not there', async (name) => {
  await expect(opened(name)).rejects.toMatchObject({ code: 'not_found', detail: { file: name } });
});

test('a plain name is read', async () => {
  const checkpoint = await opened('outside');
  expect(Array.from(await checkpoint.read_rows('w', 0, 1))).toEqual(Array.from(shard.subarray(-4)));
  await checkpoint.close();
});
