// The text tower on the GPU of a browser, beside onnxruntime-web on the same adapter. On a software adapter only the ratio
// says anything. Which op takes how long: align-wasm bench --device webgpu.

import { compete } from '../compete.mjs';
import { difference } from '../measure.mjs';

const OURS = { who: "device: 'webgpu'", module: './align.mjs', options: { device: 'webgpu' } };
const WEB = {
  who: 'onnxruntime-web, WebGPU',
  module: './peers/onnxruntime.mjs',
  options: { kind: 'webgpu', threads: 1 },
};

export async function webgpu(bench) {
  const { rounds } = bench;
  const race = { section: 'webgpu', work: 'text', where: 'chromium', contestants: [OURS, WEB], rounds };
  await compete(bench, race, async (open) => {
    const ours = open.find(({ contestant }) => contestant === OURS);
    const peer = open.find(({ contestant }) => contestant === WEB);
    if (ours && peer) peer.row.difference = difference(await ours.features(), await peer.features());
  });
}
