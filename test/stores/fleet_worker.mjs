// workerd: a request with the pictures in base64. pg connects by cloudflare:sockets.

import pg from 'pg';
import { embed_into } from './fleet.mjs';

export default {
  async fetch(request) {
    try {
      const { url, pictures } = await request.json();
      for (const name in pictures)
        pictures[name] = Uint8Array.from(atob(pictures[name]), (c) => c.charCodeAt(0));
      await embed_into(url, pictures, pg);
      return new Response('done');
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
