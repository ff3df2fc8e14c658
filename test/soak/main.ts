// The process of one subject: it is told what to soak, and tells what that came to.

import { watch_wasm } from './memory.ts';
import { soak, type Order } from './subjects.ts';

watch_wasm();
process.once('message', (order: Order) => {
  void soak(order).then((row) => process.send!(row, () => process.exit()));
});
