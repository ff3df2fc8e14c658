// The digests of check.mjs in a Worker: the blob of files in, JSON out. GET: what loading without a model says.

import decode_webp, { init } from '@jsquash/webp/decode.js';
import webp from '@jsquash/webp/codec/dec/webp_dec.wasm';
import * as align from 'align-wasm';
import { unpack } from '../blob.mjs';
import { digests } from '../check.mjs';

export default {
  async fetch(request) {
    if (request.method === 'GET') {
      const { code, hint } = await align.Align.load().catch((error) => error);
      return Response.json({ code, hint });
    }
    await init(webp);
    align.use_webp(decode_webp);
    return Response.json(await digests(align, unpack(new Uint8Array(await request.arrayBuffer())), ['wasm']));
  },
};
