// Vercel's edge runtime: as Workers, but its bundler wants the query.

import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?module';
import module from '../align.wasm?module';
import { MAX_PIXELS_EDGE, type Platform } from './platform.ts';
import { web_platform } from './web_base.ts';

export const platform: Platform = web_platform('edge-light', () => Promise.resolve(module), {
  jpeg,
  max_pixels: MAX_PIXELS_EDGE,
});
