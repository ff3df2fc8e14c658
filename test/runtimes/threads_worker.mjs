// The digests of the models computed by two threads, in a browser's worker. Import maps are for pages, so the
// server puts addresses in place of names.

import * as align from '../../dist/index.js';
import { thread_digests, unpack } from './check.mjs';

const response = await fetch('/files');
const files = unpack(new Uint8Array(await response.arrayBuffer()));
postMessage(await thread_digests(align, files, 2));
