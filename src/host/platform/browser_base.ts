// Browsers, their workers and extensions, and whatever else has fetch, without what runs on a GPU: align.wasm is fetched
// from beside this package.

import { AlignError } from '../errors.ts';
import align_icons from './align_icons.ts';
import { MAX_MODULE_BYTES, navigator_gpu, once, type Build, type Platform } from './platform.ts';
import { fetch_bytes, web_platform } from './web_base.ts';

export { web_pictures as pictures } from './web_base.ts';

const compiled = new Map<Build, Promise<WebAssembly.Module>>();

/** Literals: bundlers look for them. */
const URLS: Readonly<Record<Build, URL>> = {
  exact: new URL('../align.wasm', import.meta.url),
  fast: new URL('../align.relaxed.wasm', import.meta.url),
  exact_threads: new URL('../align.threads.wasm', import.meta.url),
  fast_threads: new URL('../align.relaxed.threads.wasm', import.meta.url),
};

const channels: MessageChannel[] = [];

/** A message to oneself: browsers make nested timers wait for 4 ms. */
function turn(): Promise<void> {
  const channel = channels.pop() ?? new MessageChannel();
  return new Promise((resume) => {
    channel.port1.onmessage = () => {
      channels.push(channel);
      resume();
    };
    channel.port2.postMessage(null);
  });
}

async function compile_own(build: Build): Promise<WebAssembly.Module> {
  const url = URLS[build];
  try {
    // Not compileStreaming: servers that do not know wasm send another content type.
    return await WebAssembly.compile((await fetch_bytes(url, MAX_MODULE_BYTES)) as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    compiled.delete(build);
    throw new AlignError('not_found', `${url.href} cannot be loaded: ${String(cause)}`, {
      hint: 'serve it beside the package, or hand it over as the option `wasm`',
      cause,
    });
  }
}

export const browser_gpu = (): Promise<GPU | null> => Promise.resolve(navigator_gpu());

export const GPU_HINT =
  "WebGPU needs a browser that has it and a page from https: or localhost; otherwise use device 'wasm'";

export const platform: Platform = {
  ...web_platform('browser', (build) => once(compiled, build, compile_own), { relaxed: true }),
  turn,
  embedded_model: () => align_icons,
};
