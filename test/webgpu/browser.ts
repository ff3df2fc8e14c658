// Browsers: a page, a dedicated worker that it starts, or an extension's service worker. The request comes from the server
// of the tests, and the answer, or what went wrong, goes back there.

import { answer } from './answer.ts';

/** Address of the server, put in by the bundler: an extension has another origin. */
declare const SERVER: string;

async function run(where: string): Promise<void> {
  const send = (path: string, body: BodyInit): Promise<Response> =>
    fetch(`${SERVER}/${path}?${where}`, { method: 'POST', body });
  try {
    // Not every runtime has it, whatever its types say.
    const gpu = navigator.gpu as GPU | undefined;
    if (!gpu) throw new Error('there is no navigator.gpu');
    const response = await fetch(`${SERVER}/request?${where}`);
    await send('answer', await answer(gpu, new Uint8Array(await response.arrayBuffer())));
  } catch (error) {
    await send('error', error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error));
  }
}

// Nothing is awaited here: a service worker may not.
if ('document' in globalThis) {
  new Worker('client.js', { type: 'module' });
  void run('window');
} else void run('DedicatedWorkerGlobalScope' in globalThis ? 'worker' : 'extension');
