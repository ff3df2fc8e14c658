// Node and Deno: PROGRAM fleet_host.mjs URL PICTURE…

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import process from 'node:process';
import { embed_into } from './fleet.mjs';

const [url, ...paths] = process.argv.slice(2);
const pictures = {};
for (const path of paths) pictures[basename(path)] = new Uint8Array(await readFile(path));
await embed_into(url, pictures);
