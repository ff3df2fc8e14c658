// The answers in Node: the paths of pictures in, JSON out.

import { readFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { answer } from './answer.js';

const pictures = await Promise.all(argv.slice(2).map((path) => readFile(path)));
console.log(JSON.stringify([await answer(pictures), await answer(pictures, { threads: 2 })]));
