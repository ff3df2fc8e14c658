// npm run build:model: the embedded model beside the code. Its name ends in .bin, which Workers' bundler takes as data.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

copyFileSync(join(root, 'weights/align-icons/model.safetensors'), join(root, 'dist/align-icons.bin'));
