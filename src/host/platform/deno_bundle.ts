// dist/deno: Deno, with the scripts of its workers beside it.

import { deno_platform } from './deno.ts';
import type { Platform } from './platform.ts';

export { gpus, pictures } from './deno.ts';
export const platform: Platform = deno_platform('./');
