// The embedded model on Workers, where what a program reads is part of it: their bundler takes .bin files as data.

import bytes from '../align-icons.bin';
import type { ModelFiles } from '../checkpoint/model_files.ts';

const align_icons: ModelFiles = { 'model.safetensors': bytes };

export default align_icons;
