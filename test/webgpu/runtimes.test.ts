// The kernel table in runtimes that have a GPU of their own, here one of software. One that is missing is a failure:
// npm test installs them (scripts/setup.mjs).

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { describe, expect, test, vi } from 'vitest';
import { find_chromium } from '../runtimes/chromium.ts';
import { DENO, NEWEST_NODE, program } from '../support/programs.ts';
import { bundled, Post } from './serve.ts';
import { settings_of, settings_of_swiftshader, type TableSetting } from './settings.ts';
import { table_request, type TableRequest } from './table_request.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/**
 * What naga's devices have of the language: they offer shader-f16, but read a word as two halves wrongly, which the known
 * answer finds.
 */
const NAGA = { f16: false, subgroups: false, packed_dot: true };

const FLAGS = ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-quic', '--disable-background-networking'];

/** The software driver of Mesa, which Deno and Firefox compile shaders for with naga. */
const LAVAPIPE = process.env.LAVAPIPE ?? '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json';

function lavapipe(): Record<string, string> {
  if (!existsSync(LAVAPIPE)) throw new Error(`${LAVAPIPE} is not there: apt-get install mesa-vulkan-drivers`);
  return { VK_ICD_FILENAMES: LAVAPIPE, XDG_RUNTIME_DIR: tmpdir() };
}

function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(command, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // the exit status says why it closed
  return child;
}

/** What the program writes, once it has ended well. */
function output(child: ChildProcess): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(new Uint8Array(Buffer.concat(out)));
      else reject(new Error(`it exited with ${String(status)}: ${Buffer.concat(err).toString()}`));
    });
  });
}

async function in_folder<T>(task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'align-webgpu-'));
  try {
    return await task(folder);
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

/** Settings with what browsers of a share can take: no kernel in all sizes, and no tile of 64. */
const brief = (settings: readonly TableSetting[]): TableSetting[] =>
  settings.filter(({ product }) => product === undefined || product === 'tile32');

/** The same request for several parts of a browser. */
async function posted(
  request: TableRequest,
  wheres: readonly string[],
  run: (post: Post) => Promise<void>,
): Promise<void> {
  const post = await Post.open(new Map(wheres.map((where) => [where, request.bytes])));
  try {
    await run(post);
  } finally {
    post.close();
  }
}

test('Deno, with every shader that there is', async () => {
  const request = await table_request(settings_of(NAGA), 6);
  await in_folder(async (folder) => {
    await writeFile(join(folder, 'deno.js'), await bundled('deno.ts'));
    const child = start(program(DENO), ['run', '--no-prompt', join(folder, 'deno.js')], lavapipe());
    child.stdin!.end(request.bytes);
    const { features } = request.check(await output(child));
    expect(features).toEqual({ ...NAGA, software: true });
  });
});

describe('Chromium', () => {
  const features = { f16: false, subgroups: true, packed_dot: true, software: true };

  test('in a window and in a dedicated worker', async () => {
    const request = await table_request(brief(settings_of_swiftshader()), 30);
    await posted(request, ['window', 'worker'], async (post) => {
      const browser = await chromium.launch({ executablePath: find_chromium(), args: FLAGS });
      try {
        const page = await browser.newPage();
        await page.goto(post.url);
        expect(request.check(await post.answer('window')).features).toEqual(features);
        expect(request.check(await post.answer('worker')).features).toEqual(features);
      } finally {
        await browser.close();
      }
    });
  });

  test("in an extension's service worker", async () => {
    const request = await table_request(settings_of_swiftshader().slice(0, 1), 100);
    await posted(request, ['extension'], (post) =>
      in_folder(async (folder) => {
        const extension = join(folder, 'extension');
        await mkdir(extension);
        await writeFile(join(extension, 'client.js'), post.script);
        const manifest = {
          ...{ manifest_version: 3, name: 'WebGPU', version: '1' },
          background: { service_worker: 'client.js', type: 'module' },
          host_permissions: ['http://127.0.0.1/*'],
        };
        await writeFile(join(extension, 'manifest.json'), JSON.stringify(manifest));
        const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
          executablePath: find_chromium(),
          headless: true,
          ignoreDefaultArgs: ['--disable-extensions'],
          args: [...FLAGS, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
        });
        try {
          expect(request.check(await post.answer('extension')).features).toEqual(features);
        } finally {
          await context.close();
        }
      }),
    );
  });
});

test('Firefox', async () => {
  const request = await table_request(settings_of(NAGA).slice(0, 1), 40);
  await posted(request, ['window'], async (post) => {
    const child = start(program(NEWEST_NODE), ['firefox.mjs', post.url], lavapipe());
    const ended = output(child);
    try {
      const answer = await Promise.race([post.answer('window'), ended]);
      expect(request.check(answer).features).toEqual({ ...NAGA, software: true });
    } finally {
      child.stdin!.end();
      await ended;
    }
  });
});
