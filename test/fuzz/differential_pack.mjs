// node test/fuzz/differential_pack.mjs SEED FILES: the files of differential.ts to standard output.

import { bundle_of } from '../support/bundled.mjs';

const [seed, files] = process.argv.slice(2).map(Number);
const { differential_files, pack } = await import(await bundle_of('test/fuzz/differential.ts'));
process.stdout.write(pack(differential_files(seed, files)).bytes);
