// Starts a process for a subject, so that subjects do not disturb each other.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle_of } from '../support/bundled.mjs';

/** Bundles what runs in the processes; gives what starts one: for a name, a row. */
export async function soaker({ quick, seed, leak = 0 }) {
  const main = fileURLToPath(await bundle_of('test/soak/main.ts'));
  const counted_worker = (await bundle_of('test/soak/counted_worker.ts')).href;
  return (name) =>
    new Promise((resolve, reject) => {
      const child = fork(main, { execArgv: ['--expose-gc', '--enable-source-maps'] });
      child.once('message', resolve).once('error', reject);
      child.once('exit', (code, signal) =>
        reject(new Error(`${name} ended with ${code ?? signal}: see above`)),
      );
      child.send({ name, quick, seed, leak, counted_worker });
    });
}
