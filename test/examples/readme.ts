// The commands of an example's README, run as it says.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** A clone of the repository with an example in it, its pictures, and the package as it is published in node_modules. */
export async function clone_with(example: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'align-example-'));
  await mkdir(join(folder, 'examples'));
  const filter = (path: string): boolean => !/node_modules|\.wrangler|labels\.bin/.test(path);
  for (const part of [example, 'pictures', 'endpoint.js'])
    await cp(join(root, 'examples', part), join(folder, 'examples', part), { recursive: true, filter });
  await symlink(join(root, 'test/node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The commands in a README's blocks of shell commands, one a line, without comments. */
export async function readme_commands(example: string): Promise<string[]> {
  const text = await readFile(join(root, 'examples', example, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block!);
  return blocks
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#.*/, ''))
    .filter((line) => line !== '');
}

/** The lines that a README says are printed: of its blocks in no language. */
export async function readme_output(example: string): Promise<string[]> {
  const text = await readFile(join(root, 'examples', example, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```(.*)\n([^]*?)^```/gm)].filter(([, language]) => language === '');
  return blocks.flatMap(([, , block]) => block!.split('\n')).filter((line) => !['', '…'].includes(line));
}

/** What a command prints. @throws Error with what it printed, where it fails */
export async function shell(command: string, cwd: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1' };
  return (await promisify(execFile)('sh', ['-c', command], { cwd, env })).stdout;
}

/** A port of this machine that nothing listens on. */
export async function free_port(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
