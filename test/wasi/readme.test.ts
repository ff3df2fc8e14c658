// The lines of Python in the README, as they stand there, in a folder with the package where npm installs it.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RawImage } from '../../src/host/image.ts';
import { new_folder, python } from './hosts.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the Python of the README runs', async () => {
  const folder = new_folder();
  const code = /```python\n(import json\nfrom wasmtime[^]*?)```/.exec(
    readFileSync(`${root}README.md`, 'utf8'),
  )![1]!;
  // Links would lead out of what the module may see.
  const dist = join(folder, 'node_modules/align-wasm/dist');
  mkdirSync(dist, { recursive: true });
  symlinkSync(`${root}dist/align-wasm.wasi.wasm`, join(dist, 'align-wasm.wasi.wasm'));
  writeFileSync(join(dist, 'align-icons.bin'), readFileSync(`${root}dist/align-icons.bin`));
  const image = await RawImage.read(readFileSync(`${root}examples/pictures/sailboat.png`), {
    background: [255, 255, 255],
  });
  const head = Buffer.from(`P6\n${image.width} ${image.height}\n255\n`);
  writeFileSync(join(folder, 'boat.ppm'), Buffer.concat([head, image.data]));
  const { status, stdout, stderr } = spawnSync(python(), ['-c', code], { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  // A thread of Wasmtime's may say on stderr that it panicked while Python ended; the answer is there, and the status 0.
  expect([status, stdout], stderr).toEqual([0, '256 a sailboat\n']);
});
