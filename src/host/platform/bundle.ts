// dist/bundle: a browser, to which what runs on a GPU is handed over.

import { own_gpu } from './browser_base.ts';
import type { Gpus } from './platform.ts';

export { pictures, platform } from './browser_base.ts';
export const gpus: Gpus = { webgpu: null, ...own_gpu };
