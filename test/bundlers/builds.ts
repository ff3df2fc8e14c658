// The app of this folder built by each bundler, with as little configuration as its users get along with.

import { nodeResolve } from '@rollup/plugin-node-resolve';
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { rollup, type Plugin } from 'rollup';
import * as vite from 'vite';
import webpack from 'webpack';
import { BUN, program } from '../support/programs.ts';
import { BASE, ISOLATED } from './site.ts';

const tests = fileURLToPath(new URL('../', import.meta.url));

/** The pictures of the app, by the names that they have in its folder `public`. */
const PICTURES: readonly (readonly [name: string, path: string])[] = [
  ['scissors.png', `${tests}../examples/pictures/scissors.png`],
  ['photo.jpg', `${tests}runtimes/photos/rotated.jpg`],
];

/** What a bundler does: the app's folder in, the folder of a site out. */
export type Build = (app: string, out: string) => Promise<void>;

/** The app in `app` of a new folder, with the installed package as its only way to ours. */
export async function app_folder(): Promise<string> {
  const app = join(await mkdtemp(join(tmpdir(), 'align-bundlers-')), 'app');
  await cp(`${tests}bundlers/app`, app, { recursive: true });
  await cp(`${tests}node_modules`, join(app, 'node_modules'), { recursive: true });
  await writeFile(join(app, 'package.json'), '{ "type": "module" }');
  await mkdir(join(app, 'public'));
  for (const [name, path] of PICTURES) await copyFile(path, join(app, 'public', name));
  return app;
}

/** Paths of the app's pictures. */
export const pictures_of = (app: string): string[] => PICTURES.map(([name]) => join(app, 'public', name));

/** Puts the page and its pictures beside what a bundler wrote that knows no pages. */
async function add_page(app: string, out: string, script: string): Promise<void> {
  const page = await readFile(join(app, 'index.html'), 'utf8');
  await writeFile(join(out, 'index.html'), page.replace('main.js', script));
  await cp(join(app, 'public'), out, { recursive: true });
}

const VITE: vite.InlineConfig = { configFile: false, logLevel: 'error', base: BASE };

export const build_vite: Build = async (app, out) => {
  await vite.build({ ...VITE, root: app, build: { outDir: out } });
};

/** Vite's server for developing; it listens. */
export async function serve_vite(app: string): Promise<vite.ViteDevServer> {
  const server = { host: '127.0.0.1', port: 0, headers: { ...ISOLATED } };
  return (await vite.createServer({ ...VITE, root: app, server })).listen();
}

export const build_webpack: Build = async (app, out) => {
  const compiler = webpack({
    mode: 'production',
    context: app,
    entry: './main.js',
    output: { path: out, filename: '[name].[contenthash].js' },
    performance: false, // it warns of more than 244 KB
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  if (stats!.hasErrors() || stats!.hasWarnings()) throw new Error(stats!.toString('errors-warnings'));
  await add_page(
    app,
    out,
    (await readdir(out)).find((name) => /^main\..*\.js$/.test(name))!,
  );
};

/** Follows `new URL('…', import.meta.url)` for Rollup: scripts of workers are bundled, everything else is copied. */
const new_urls: Plugin = {
  name: 'new-urls',
  async transform(code, id) {
    const found = [...code.matchAll(/new URL\((['"])([^'"]+)\1,\s*import\.meta\.url\)/g)];
    for (const [whole, , relative] of found) {
      const path = join(dirname(id), relative!);
      const file = /\.m?js$/.test(path)
        ? this.emitFile({ type: 'chunk', id: path })
        : this.emitFile({ type: 'asset', name: basename(path), source: await readFile(path) });
      code = code.replace(whole, `new URL(import.meta.ROLLUP_FILE_URL_${file})`);
    }
    return found.length > 0 ? { code, map: null } : null;
  },
};

export const build_rollup: Build = async (app, out) => {
  const bundle = await rollup({
    input: join(app, 'main.js'),
    plugins: [nodeResolve({ browser: true }), new_urls],
    onLog(_, { code, message }) {
      if (code !== 'CIRCULAR_DEPENDENCY') throw new Error(message);
    },
  });
  await bundle.write({ dir: out, entryFileNames: '[name]-[hash].js' });
  await bundle.close();
  await add_page(
    app,
    out,
    (await readdir(out)).find((name) => name.startsWith('main-'))!,
  );
};

/** What bundlers leave where it is that do not know `new URL(…, import.meta.url)`: they write to a folder `bundle`. */
async function copy_files(app: string, out: string): Promise<void> {
  const dist = join(app, 'node_modules/align-wasm/dist');
  const copy = async (folder: string, names: RegExp): Promise<void> => {
    for (const name of await readdir(join(dist, folder)))
      if (names.test(name)) await copyFile(join(dist, folder, name), join(out, folder, name));
  };
  await copy('', /\.(wasm|bin)$/);
  await copy('bundle', /^browser_.*\.js$|\.wasm$/);
}

export const build_esbuild: Build = async (app, out) => {
  await esbuild.build({
    entryPoints: [join(app, 'main.js'), join(app, 'worker.js')],
    ...{ bundle: true, format: 'esm', minify: true, splitting: true, logLevel: 'error' },
    outdir: join(out, 'bundle'),
  });
  await copy_files(app, out);
  await add_page(app, out, 'bundle/main.js');
};

export const build_bun: Build = async (app, out) => {
  const scripts = [join(app, 'main.js'), join(app, 'worker.js')];
  const args = ['build', ...scripts, '--minify', `--outdir=${join(out, 'bundle')}`];
  await promisify(execFile)(program(BUN), args);
  await copy_files(app, out);
  await add_page(app, out, 'bundle/main.js');
};

/** A program for Node in one file. */
export const build_node: Build = async (app, out) => {
  await esbuild.build({
    entryPoints: [join(app, 'node.js')],
    ...{ bundle: true, format: 'esm', platform: 'node', minify: true, logLevel: 'error' },
    outdir: join(out, 'bundle'),
  });
  await writeFile(join(out, 'package.json'), '{ "type": "module" }');
  await copy_files(app, out);
  const thread = 'platform/node_thread.js';
  await mkdir(join(out, 'platform'));
  await copyFile(join(app, 'node_modules/align-wasm/dist', thread), join(out, thread));
};

/** The app without a bundle, on the package's own: its files in a folder of the site, and names that lead there. */
export const build_nothing: Build = async (app, out) => {
  await cp(join(app, 'node_modules/align-wasm/dist'), join(out, 'align-wasm'), { recursive: true });
  for (const name of ['main.js', 'worker.js', 'violations.js'])
    await copyFile(join(app, name), join(out, name));
  const script = await readFile(join(app, 'answer.js'), 'utf8');
  const own = script
    .replace("'align-wasm'", "'./align-wasm/bundle/index.js'")
    .replace("'align-wasm/align-icons'", "'./align-wasm/platform/align_icons.js'");
  await writeFile(join(out, 'answer.js'), own);
  await add_page(app, out, 'main.js');
};
