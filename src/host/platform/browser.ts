// Browsers, their workers and extensions, and whatever else has fetch: align.wasm is fetched from beside this package.

import { AlignError } from '../errors.ts';
import { once, type Build, type Platform } from './platform.ts';
import { fetch_bytes, web_platform } from './web_base.ts';

const compiled = new Map<Build, Promise<WebAssembly.Module>>();

async function compile_own(build: Build): Promise<WebAssembly.Module> {
  // Two literals: bundlers look for them.
  const url =
    build === 'fast'
      ? new URL('../align.relaxed.wasm', import.meta.url)
      : new URL('../align.wasm', import.meta.url);
  try {
    // Not compileStreaming: servers that do not know wasm send another content type.
    return await WebAssembly.compile((await fetch_bytes(url)) as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    compiled.delete(build);
    throw new AlignError('not_found', `${url.href} cannot be loaded: ${String(cause)}`, {
      hint: 'serve it beside the package, or hand it over as the option `wasm`',
      cause,
    });
  }
}

export const platform: Platform = web_platform('browser', (build) => once(compiled, build, compile_own), {
  relaxed: true,
});
