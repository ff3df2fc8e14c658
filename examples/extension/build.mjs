// The extension in a folder that Chromium loads: node examples/extension/build.mjs [folder]

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import { build } from 'esbuild';
import { Align, LabelSet } from '../../dist/index.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, '../../dist');

/** What of the package goes along: one module and what it imports, its WebAssembly, the embedded model. */
const PACKAGE = ['bundle', 'align.wasm', 'align-icons.bin'];
const OWN = [
  'manifest.json',
  'service_worker.js',
  'settings.js',
  'ask.js',
  'popup.html',
  'popup.css',
  'popup.js',
];

/** The names with their embeddings: of a name with several words the mean of theirs. */
async function label_set() {
  const lines = readFileSync(join(here, 'names.txt'), 'utf8').split('\n');
  const names = new Map();
  for (const line of lines.filter((text) => text && !text.startsWith('#'))) {
    const [name, words = name] = line.split(': ');
    names.set(name, words.split(', '));
  }
  const model = await Align.load();
  const embeddings = [];
  for (const words of names.values()) embeddings.push(await model.mix(words.map((text) => ({ text }))));
  model.dispose();
  return new LabelSet([...names.keys()], embeddings, '{}');
}

/** Builds into `out`, which is emptied first. */
export async function build_extension(out = join(here, 'dist')) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'align'), { recursive: true });
  for (const file of OWN) cpSync(join(here, 'src', file), join(out, file));
  for (const part of PACKAGE) cpSync(join(dist, part), join(out, 'align', part), { recursive: true });
  // Scripts that are put into pages cannot be modules: this one is made of several.
  await build({
    entryPoints: [join(here, 'src/page/index.js')],
    outfile: join(out, 'page.js'),
    bundle: true,
  });
  writeFileSync(join(out, 'names.bin'), (await label_set()).to_bytes());
  const icon = readFileSync(join(here, 'src/icon.svg'), 'utf8');
  for (const size of [16, 48, 128]) {
    const png = new Resvg(icon, { fitTo: { mode: 'width', value: size } }).render().asPng();
    writeFileSync(join(out, `icon${size}.png`), png);
  }
  return out;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const out = await build_extension(process.argv[2]);
  console.log(`Built. In Chromium: chrome://extensions, developer mode, "Load unpacked", ${out}`);
}
