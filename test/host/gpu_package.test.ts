// WebGPU as the built package brings it: to which runtimes, and in whole processes.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { BUN, program } from '../support/programs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const options = { cwd: root, timeout: 50_000 };

/** The package as a bundler for a runtime takes it. */
async function bundled(...conditions: string[]): Promise<string> {
  const { outputFiles } = await build({
    ...{ absWorkingDir: root, entryPoints: ['dist/index.js'], conditions, write: false, bundle: true },
    ...{ format: 'esm', platform: 'neutral', mainFields: ['module', 'main'], logLevel: 'silent' },
    external: ['node:*', '*.wasm', '*?module', '*.bin', '@jsquash/*'],
  });
  return outputFiles[0]!.text;
}

const SHADERS = 'dispatchWorkgroups';

describe('What runs on a GPU comes along', () => {
  test.each([['browser'], ['worker'], ['deno'], ['node']])(
    'to %s, without a dynamic import',
    async (name) => {
      const text = await bundled(name);
      expect(text).toContain(SHADERS);
      if (name === 'browser' || name === 'worker') expect(text).not.toMatch(/\bimport\(/);
    },
  );

  test.each([['workerd'], ['edge-light'], ['bun']])('not to %s', async (name) => {
    expect(await bundled(name)).not.toContain(SHADERS);
  });

  test('as a file of its own in dist/bundle', () => {
    const folder = `${root}dist/bundle/`;
    const with_shaders = readdirSync(folder).filter(
      (name) => name.endsWith('.js') && readFileSync(folder + name, 'utf8').includes(SHADERS),
    );
    expect(with_shaders.sort()).toEqual(['browser_worker.js', 'webgpu.js']); // a model's worker has what a device needs
  });

  test('as align-wasm/webgpu', async () => {
    const { default: webgpu } = (await import(`${root}dist/webgpu/index.js`)) as { default: object };
    expect(Object.keys(webgpu).sort()).toEqual(['abi', 'load', 'open', 'verify']);
    const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
      exports: Record<string, { default: string }>;
    };
    expect(exports['./webgpu']!.default).toBe('./dist/webgpu/index.js');
  });
});

describe('A process', () => {
  const live = `${root}test/support/live_gpu.mjs`;
  const bun = program(BUN);
  test.each(['dispose', 'end'])('ends by itself after a run on the GPU: %s', async (how) => {
    const { stdout } = await run(process.execPath, [live, how], options);
    expect(stdout).toBe('webgpu 256\n');
  });

  test('keeps a GPU that it was given: Dawn ends with it', async () => {
    const { stdout } = await run(process.execPath, ['--expose-gc', live, 'given'], options);
    expect(stdout).toBe('webgpu 256\n');
  });

  test('without a GPU computes on WASM', async () => {
    const env = { ...process.env, VK_ICD_FILENAMES: '/nowhere.json' };
    const { stdout } = await run(process.execPath, [live, 'none'], { ...options, env });
    expect(stdout).toBe('wasm 256\n');
  });

  test('of Bun says that it has none', async () => {
    await expect(run(bun, [live, 'end'], options)).rejects.toMatchObject({
      stderr: expect.stringContaining("There is no WebGPU in bun (use device 'wasm')") as string,
    });
    expect((await run(bun, [live, 'none'], options)).stdout).toBe('wasm 256\n');
  });

  test('of the command line takes --device', async () => {
    const main = `${root}dist/cli/main.js`;
    const on = async (device: string): Promise<number[]> => {
      const model = `${root}weights/checkpoint`; // in fp32: sums of integers would be the same on both
      const words = ['embed', '--json', '--text', 'a dog', '--device', device, '--model', model];
      const { stdout } = await run(process.execPath, [main, ...words], options);
      return (JSON.parse(stdout) as { embedding: number[] }).embedding;
    };
    const [gpu, wasm] = [await on('webgpu'), await on('wasm')];
    expect(gpu).not.toEqual(wasm);
    expect(gpu.reduce((sum, value, i) => sum + value * wasm[i]!, 0)).toBeGreaterThan(0.999999);
    const env = { ...process.env, VK_ICD_FILENAMES: '/nowhere.json' };
    await expect(
      run(process.execPath, [main, 'embed', '--text', 'a dog', '--device', 'webgpu'], { ...options, env }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no GPU adapter') as string,
    });
    await expect(
      run(process.execPath, [main, 'embed', '--text', 'a dog', '--device', 'gpu'], options),
    ).rejects.toMatchObject({ code: 2 });
  });
});
