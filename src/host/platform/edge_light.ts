// Vercel's edge runtime: as Workers, but its bundler wants the query.

import module from '../align.wasm?module';
import type { Platform } from './platform.ts';
import { web_platform } from './web_base.ts';

export const platform: Platform = web_platform('edge-light', () => Promise.resolve(module));
