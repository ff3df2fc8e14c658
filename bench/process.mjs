// Processes of their own for what is measured: nothing shares a heap, a thread or a fate, and any Node may run it.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const HANDLER = fileURLToPath(new URL('handler.mjs', import.meta.url));

/**
 * Starts a Node.
 * @param executable this Node's, or another's
 * @returns call(module, name, ...args): what the exported function of a module in bench/ gives; close()
 */
export function start_node(executable = process.execPath) {
  const child = fork(HANDLER, { execPath: executable, execArgv: ['--expose-gc'], serialization: 'advanced' });
  const waiting = new Map();
  let last = 0;
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(Object.assign(new Error(error.message), error));
    else resolve(value);
  });
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values())
      reject(new Error(`the process ended (${signal ?? `exit ${code}`})`));
  });
  return {
    call: (module, name, ...args) =>
      new Promise((resolve, reject) => {
        const id = last++;
        waiting.set(id, { resolve, reject });
        child.send({ id, module, name, args }, (error) => error && reject(error));
      }),
    close: () => void child.kill(),
  };
}

/** Calls one function in a process of its own. */
export async function in_process(executable, module, name, ...args) {
  const place = start_node(executable);
  try {
    return await place.call(module, name, ...args);
  } finally {
    place.close();
  }
}
