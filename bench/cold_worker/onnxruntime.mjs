// onnxruntime-web in a Worker, to see what it says.

import ort from '../peers/onnxruntime_web.mjs';
import { identity_model } from '../cold.mjs';

export default {
  async fetch() {
    ort.env.wasm.numThreads = 1;
    try {
      await ort.InferenceSession.create(identity_model());
      return new Response('started');
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
