// The worker of workers.html: the threads that models loaded in it have, and whether it has workers for models.

import { Align } from '../node_modules/align-wasm/dist/bundle/index.js';

const threads = new Set();
for (let i = 0; i < Number(location.search.slice(1)); i++) {
  const align = await Align.load(undefined, { threads: 2 });
  threads.add(align.model.threads);
  align.dispose();
}
const models = await Align.load(undefined, { worker: true }).then(
  (align) => align.dispose() ?? 'loaded',
  ({ code }) => code,
);
postMessage({ threads: [...threads], models });
