// Cloudflare Workers: bytes cannot be compiled there, so the module is imported and comes compiled.

import module from '../align.wasm';
import type { Platform } from './platform.ts';
import { web_platform } from './web_base.ts';

export const platform: Platform = web_platform('workerd', () => Promise.resolve(module));
