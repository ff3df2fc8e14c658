// Sorts a folder of pictures into folders by what they show; the pictures are copied, not moved.

import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Align, AlignError } from 'align-wasm';

const [from, into, ...names] = process.argv.slice(2);
if (names.length < 2) {
  console.error('Usage: node sort.mjs FOLDER INTO LABEL LABEL…');
  process.exit(2);
}

/** Below this share of 1 the best label is a guess. */
const SURE = 0.7;

const model = await Align.load();
const labels = await model.label_set(names);
const pictures = (await readdir(from)).filter((name) => /\.(png|jpe?g)$/i.test(name)).sort();
for (const name of pictures) {
  try {
    const [{ label, score }] = await model.classify(join(from, name), labels);
    const folder = score < SURE ? 'unsure' : label.replace(/[^\p{L}\p{N}]+/gu, '-');
    await mkdir(join(into, folder), { recursive: true });
    await copyFile(join(from, name), join(into, folder, name));
    console.log(`${(100 * score).toFixed(0).padStart(3)} %  ${join(folder, name)}`);
  } catch (error) {
    if (!(error instanceof AlignError)) throw error;
    console.error(`       ${name} is left out: ${error.message}`);
    process.exitCode = 1;
  }
}
model.dispose();
