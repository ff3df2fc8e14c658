// Vercel's edge runtime: as Workers, but its bundler wants the query.

import jpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?module';
import module from '../align.wasm?module';
import { MAX_PIXELS_EDGE, MEMORY_EDGE, type Pictures, type Platform } from './platform.ts';
import { web_pictures, web_platform } from './web_base.ts';

export { no_gpus as gpus } from './platform.ts';

export const platform: Platform = {
  ...web_platform('edge-light', () => Promise.resolve(module), { max_pixels: MAX_PIXELS_EDGE }),
  memory_limit: MEMORY_EDGE,
};

export const pictures: Pictures = { ...web_pictures, jpeg_wasm: () => Promise.resolve(jpeg) };
