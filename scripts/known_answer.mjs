// Writes what the embedded model answers here, for `align-wasm doctor` to compare with elsewhere.

import { writeFile } from 'node:fs/promises';
import { answer_of } from '../dist/cli/self_test.js';
import { Align } from '../dist/index.js';

const align = await Align.load(undefined, { device: 'wasm' });
const known = { answer: await answer_of(align) };
align.dispose();
await writeFile(new URL('../dist/known_answer.json', import.meta.url), `${JSON.stringify(known)}\n`);
