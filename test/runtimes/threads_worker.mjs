// The digests of the models computed by two threads, in a browser's worker. Import maps are for pages, so the
// server puts addresses in place of names.

import * as align from '../node_modules/align-wasm/dist/index.js';
import { unpack } from './blob.mjs';
import { thread_digests } from './check.mjs';

const response = await fetch('/files');
const files = unpack(new Uint8Array(await response.arrayBuffer()));
postMessage(await thread_digests(align, files, 2));
