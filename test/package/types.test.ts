// What TypeScript says of a program that uses the installed package, by its strictest rules and with its declarations checked.

import ts from 'typescript';
import { expect, test } from 'vitest';
import { root } from './package.ts';

const PROGRAM = `
import { Align, AlignError, AlignModel, LabelSet, clear_cache, pipeline } from 'align-wasm';
import type { CallOptions, ImageInput, LoadOptions, ProgressInfo } from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { Align as Core } from 'align-wasm/core';
import * as image from 'align-wasm/image';
import { open_store } from 'align-wasm/stores';
import webgpu from 'align-wasm/webgpu';

const told = (event: ProgressInfo): void => {
  if (event.status === 'progress_total') console.log(event.loaded / event.total);
};
const options: LoadOptions = {
  ...{ worker: true, threads: 2, wasm: new URL('https://example.org/align.wasm') },
  ...{ progress_callback: told, signal: AbortSignal.timeout(1000), webgpu },
};
const model: Align = await Align.load(icons, options);
const one: Float32Array = await model.embed_text('a cat');
const many: Float32Array[] = await model.embed_text(['a cat', 'a dog']);
const picture: ImageInput = new Uint8Array(3);
const call: CallOptions = { yield_ms: 8, batch_size: 4 };
const labels = LabelSet.from_bytes((await model.label_set(['a cat'])).to_bytes());
const best: { label: string; score: number } | undefined = (await model.classify(picture, labels, call))[0];
const device: string = (await AlignModel.from_pretrained('model', { dtype: 'q8' })).device;
const classify = await pipeline('zero-shot-image-classification');
console.log(one, many, best, device, await classify('cat.png', ['a cat']), Core, image, open_store);
await clear_cache().catch((error: unknown) => error instanceof AlignError && console.log(error.code, error.hint));
// @ts-expect-error A misspelt option.
await Align.load(undefined, { thread: 2 });
`;

const NODE = ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'];
const { Bundler, Node16, NodeNext } = ts.ModuleResolutionKind;
const { Node16: AsNode16, NodeNext: AsNode, Preserve } = ts.ModuleKind;

test.each([
  ['a bundler, for browsers', Preserve, Bundler, [...NODE, 'lib.dom.d.ts']],
  ['a bundler, for workers', Preserve, Bundler, [...NODE, 'lib.webworker.d.ts']],
  ['a bundler, without types of the web', Preserve, Bundler, NODE],
  ['node16, with types of the web', AsNode16, Node16, [...NODE, 'lib.dom.d.ts']],
  ['nodenext, without types of the web', AsNode, NodeNext, NODE],
])('nothing: %s', { timeout: 60_000 }, (_, module, moduleResolution, lib) => {
  const options: ts.CompilerOptions = {
    ...{ module, moduleResolution, lib, target: ts.ScriptTarget.ES2022, types: ['node'], noEmit: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ verbatimModuleSyntax: true, skipLibCheck: false },
  };
  const path = `${root}test/program.mts`;
  const host = ts.createCompilerHost(options);
  const given = { ...host };
  host.fileExists = (name) => name === path || given.fileExists(name);
  host.readFile = (name) => (name === path ? PROGRAM : given.readFile(name));
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, PROGRAM, rest[0]) : given.getSourceFile(name, ...rest);
  const program = ts.createProgram([path], options, host);
  const said = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(said).toEqual([]);
});
