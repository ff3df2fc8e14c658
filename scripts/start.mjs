// npm start: from a fresh clone to real pictures, classified by the embedded model.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, require_node, root, run, say } from './setup.mjs';

require_node();
install();
build({ only_if_stale: true });

const pictures = readdirSync(join(root, 'examples/pictures'))
  .filter((name) => name.endsWith('.png'))
  .map((name) => `examples/pictures/${name}`);
say(
  `classifying ${pictures.length} pictures that the embedded model has never seen; each is named for what it shows`,
);
const options = ['--labels-file', 'examples/labels.txt', '--top-k', '3'];
const status = run('node', ['dist/cli/main.js', 'classify', ...pictures, ...options]);
if (status !== 0) process.exit(status);

console.log(`
Next:
  node dist/cli/main.js classify YOUR.png --labels "cat,dog,house"   your own icon, emoji or drawing, your own labels
  node examples/classify.mjs                                        the same from a program
  npm test                                                          every check, against transformers' own numbers`);
