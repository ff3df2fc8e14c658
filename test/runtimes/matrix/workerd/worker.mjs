// A Cloudflare Worker: the blob in, {cells} out.

import * as align from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { cells } from '../cells.mjs';

export default {
  async fetch(request) {
    const blob = new Uint8Array(await request.arrayBuffer());
    return Response.json({ cells: await cells(align, blob, icons) });
  },
};
