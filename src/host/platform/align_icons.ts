// The embedded model as an import of its own, `align-wasm/align-icons`: one packed file (weights/FORMAT.md), a copy
// of weights/align-icons/model.safetensors. It is read when a model is loaded from it.

import type { ModelFiles } from '../checkpoint/model_files.ts';

const align_icons: ModelFiles = {
  'model.safetensors': new URL('../align-icons.bin', import.meta.url), // a literal: bundlers look for it
};

export default align_icons;
