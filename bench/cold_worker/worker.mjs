// A Worker whose phases are requests of their own: its clock stands still while it computes, so the time is taken outside.

import { Align } from '../../dist/index.js';
import icons from '../../dist/platform/align_icons_workerd.js';

let align;
const phases = {
  '/import': () => undefined,
  '/load': async () => void (align = await Align.load(icons)),
  '/text': () => align.embed_text('a sailboat'),
  '/picture': async (request) => align.embed_image(new Uint8Array(await request.arrayBuffer())),
};

export default {
  async fetch(request) {
    await phases[new URL(request.url).pathname](request);
    return new Response('done');
  },
};
