// Browsers, their workers and extensions, and whatever else has fetch.

import webgpu from '../webgpu/index.ts';
import { platform as base } from './browser_base.ts';
import type { Platform } from './platform.ts';

export const platform: Platform = { ...base, webgpu };
