// Runs command lines of the WASI module in this Node: from standard input as JSON {wasm, folder, runs: [{args, stdin}]},
// their statuses and outputs to standard output. A trap is a status of its own.

import { closeSync, openSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { WASI } from 'node:wasi';

const { wasm, folder, runs } = JSON.parse(readFileSync(0, 'utf8'));
const module = await WebAssembly.compile(readFileSync(wasm));

function run({ args, stdin = '/dev/null' }) {
  const paths = [`${folder}/stdout`, `${folder}/stderr`];
  const files = [openSync(stdin, 'r'), ...paths.map((path) => openSync(path, 'w'))];
  const [input, out, err] = files;
  const options = { args: ['align-wasm', ...args], preopens: { '.': folder }, returnOnExit: true };
  const wasi = new WASI({ version: 'preview1', ...options, stdin: input, stdout: out, stderr: err });
  let status;
  try {
    status = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
  } catch (error) {
    status = `trap: ${error.message}`;
  }
  files.forEach((file) => closeSync(file));
  const [stdout, stderr] = paths.map((path) => readFileSync(path, 'utf8'));
  return { status, stdout, stderr };
}

process.stdout.write(JSON.stringify(runs.map(run)));
