// The answer on Cloudflare Workers, to a form of pictures.

import { answer } from './answer.js';

export default {
  async fetch(request) {
    return Response.json(await answer((await request.formData()).getAll('picture')));
  },
};
