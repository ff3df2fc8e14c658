// Browsers, their workers and extensions, and whatever else has fetch: align.wasm is fetched from beside this package.

import { AlignError } from '../errors.ts';
import type { Platform } from './platform.ts';
import { fetch_bytes, web_platform } from './web_base.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

async function compile_own(): Promise<WebAssembly.Module> {
  const url = new URL('../align.wasm', import.meta.url);
  try {
    // Not compileStreaming: servers that do not know wasm send another content type.
    return await WebAssembly.compile((await fetch_bytes(url)) as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    compiled = undefined;
    throw new AlignError('not_found', `${url.href} cannot be loaded: ${String(cause)}`, {
      hint: 'serve align.wasm beside the package, or hand it over as the option `wasm`',
      cause,
    });
  }
}

export const platform: Platform = web_platform('browser', () => (compiled ??= compile_own()));
