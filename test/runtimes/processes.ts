// Runtimes that are programs: a script of this folder, the blob on its standard input, JSON on its standard output.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NEWEST_NODE, program } from '../support/programs.ts';
import { serve } from './server.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** @throws Error with what the program said where it failed */
export function run_process<T>(command: string, args: readonly string[], input: Uint8Array): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: here, stdio: ['pipe', 'pipe', 'pipe'] });
    const [out, err]: [string[], string[]] = [[], []];
    child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
    child.on('error', reject);
    child.stdin.on('error', () => undefined); // the exit status says why it closed
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(out.join('')) as T);
      else reject(new Error(`${command} exited with ${String(status)}: ${err.join('')}`));
    });
    child.stdin.end(input);
  });
}

/** As run_in_chromium, in Firefox. */
export async function run_in_firefox<T>(page_path: string, blob: Uint8Array): Promise<T> {
  const path = process.env['FIREFOX'] ?? '/usr/bin/firefox-esr';
  if (!existsSync(path))
    throw new Error(`${path} is not there: apt-get install firefox-esr, or set FIREFOX to its path`);
  const server = await serve(blob);
  try {
    const args = ['firefox.mjs', server.url + page_path, path];
    return await run_process<T>(program(NEWEST_NODE), args, new Uint8Array());
  } finally {
    server.close();
  }
}
