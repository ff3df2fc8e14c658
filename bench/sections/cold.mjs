// Cold starts: a process, a browser or a workerd of its own each round, beside onnxruntime-web where it runs.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { start_chromium } from '../chromium.mjs';
import { reason } from '../compete.mjs';
import { summary } from '../measure.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'test/runtimes/binaries/node_modules');
const script = join(root, 'bench/cold.mjs');

/** A command that runs the script, with its output. */
const command =
  (program, ...args) =>
  async (what) => {
    const { stdout } = await run(program, [...args, script, what], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    return JSON.parse(stdout);
  };

async function in_chromium(what) {
  const chromium = await start_chromium();
  const { call, close } = chromium.start();
  try {
    return await call('./cold.mjs', what);
  } finally {
    close();
    await chromium.close();
  }
}

/** A Worker of bench/cold_worker, bundled as for deploying, once; `start` gives a workerd of its own that runs it. */
async function bundled_worker(name) {
  const require = createRequire(join(binaries, 'wrangler/package.json'));
  const { Miniflare } = require('miniflare');
  const folder = await mkdtemp(join(tmpdir(), 'align-cold-'));
  const config = join(root, 'bench/cold_worker/wrangler.jsonc');
  const wrangler = [
    join(binaries, 'wrangler/bin/wrangler.js'),
    'deploy',
    `${name}.mjs`,
    '--dry-run',
    '-c',
    config,
  ];
  await run(process.execPath, [...wrangler, '--outdir', folder], {
    cwd: dirname(config),
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
  });
  const modulesRules = [
    { type: 'CompiledWasm', include: ['**/*.wasm'] },
    { type: 'Data', include: ['**/*.bin'] },
  ];
  const code = { modules: true, modulesRoot: folder, modulesRules, scriptPath: join(folder, `${name}.js`) };
  return {
    start: () => new Miniflare({ ...code, cf: false, compatibilityDate: '2026-04-01' }),
    close: () => rm(folder, { recursive: true }),
  };
}

/** Its requests, timed. */
async function in_workerd(what) {
  const picture = await readFile(join(root, 'examples/pictures/sailboat.png'));
  const { name, phases } = WORKERS[what];
  const { start, close } = await bundled_worker(name);
  const miniflare = start();
  try {
    const url = await miniflare.ready;
    const times = {};
    for (const [phase, path] of Object.entries(phases)) {
      const begin = performance.now();
      const response = await fetch(new URL(path, url), { method: 'POST', body: picture });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      times[phase] = performance.now() - begin;
    }
    return times;
  } finally {
    await miniflare.dispose();
    await close();
  }
}

const WORKERS = {
  ours: {
    name: 'worker',
    phases: {
      import: '/import',
      'load the embedded model': '/load',
      'first answer, a text': '/text',
      'first answer, a picture': '/picture',
    },
  },
  onnxruntime_web: { name: 'onnxruntime', phases: { 'import, compile + instantiate': '/' } },
};

export async function cold(bench) {
  const deno = join(binaries, '@deno/linux-x64-glibc/deno');
  const places = [
    [`Node ${process.versions.node}`, command(process.execPath)],
    [
      'Deno',
      command(deno, 'run', '--allow-read', '--allow-env', '--allow-sys', '--allow-ffi', '--no-prompt'),
    ],
    ['workerd, requests from outside', in_workerd],
    ['Chromium', in_chromium],
  ];
  for (const [where, once] of places)
    for (const [who, what] of [
      ['align-wasm', 'ours'],
      ['onnxruntime-web, y = x', 'onnxruntime_web'],
    ]) {
      bench.say(`cold start: ${who} (${where})`);
      const rounds = [];
      const row = { section: 'cold', where, who };
      try {
        for (let round = 0; round < bench.rounds; round++) rounds.push(await once(what));
      } catch (error) {
        bench.record({
          ...row,
          work: 'start',
          id: `cold | ${where} | ${who}`,
          error: reason(error).split('\n')[0],
        });
        continue;
      }
      for (const phase of Object.keys(rounds[0])) {
        const id = `cold | ${where} | ${who} | ${phase}`;
        bench.record({
          ...row,
          work: phase,
          id,
          ...summary(rounds.map((times) => times[phase])),
          unit: 'ms',
        });
      }
    }
}
