// Another process that writes: node writer.mjs URL FIRST COUNT, entries entry(FIRST) … in one upsert.

import process from 'node:process';
import { open_store } from '../../dist/stores/index.js';
import { entry } from './entries.mjs';

const [url, first, count] = process.argv.slice(2);
const store = await open_store(url, { dimensions: 32, table: 'written', model: 'm' });
console.log('open');
await store.upsert(Array.from({ length: Number(count) }, (_, i) => entry(Number(first) + i)));
await store.close();
