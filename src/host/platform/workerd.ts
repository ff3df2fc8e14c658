// Cloudflare Workers: bytes cannot be compiled there, so the module is imported and comes compiled.

import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import module from '../align.wasm';
import { MAX_PIXELS_EDGE, type Platform } from './platform.ts';
import { web_platform } from './web_base.ts';

export const platform: Platform = web_platform('workerd', () => Promise.resolve(module), {
  jpeg,
  max_pixels: MAX_PIXELS_EDGE,
});
