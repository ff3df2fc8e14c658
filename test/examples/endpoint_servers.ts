// examples/deno and examples/cloudflare, started with the package as it is published, for whoever wants to ask them.

import { spawn } from 'node:child_process';
import { cp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DENO, program } from '../support/programs.ts';
import { inspect, open_inspector, type Inspector } from '../support/inspector.ts';
import { bundle_worker, start_workers } from '../support/workers.ts';
import { clone_with, free_port, root } from './readme.ts';

export interface Endpoint {
  readonly url: string;
  /** The clone of the repository that it runs in. */
  readonly folder: string;
  /** What it has printed. */
  readonly log: readonly string[];
  /** The inspector of its isolate, where it was started with one. */
  readonly inspector: Inspector | null;
  stop(): Promise<void>;
}

const STARTS_WITHIN = 60_000;

/** The task `serve` of examples/deno as it stands, on a port that is free. */
export async function serve_deno(inspected: boolean = false): Promise<Endpoint> {
  const folder = await clone_with('deno');
  // Deno allows reading by where files really lie.
  await unlink(join(folder, 'node_modules'));
  await cp(join(root, 'test/node_modules'), join(folder, 'node_modules'), { recursive: true });
  await symlink('node_modules/align-wasm/dist', join(folder, 'dist'));

  const port = await free_port();
  const config = join(folder, 'examples/deno/deno.json');
  const text = await readFile(config, 'utf8');
  const inspector_port = inspected ? await free_port() : 0;
  const here = text.replace(':8000 serve.js', `:${port} serve.js ${port}`);
  const run = inspected ? `deno run --inspect=127.0.0.1:${inspector_port} ` : 'deno run ';
  await writeFile(config, here.replaceAll('deno run ', run));
  const server = spawn(program(DENO), ['task', 'serve'], {
    cwd: dirname(config),
    env: { ...process.env, NO_COLOR: '1' },
    detached: true,
  });
  const log: string[] = [];
  const listening = new Promise<void>((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.push(text);
        if (log.join('').includes('Listening on')) resolve();
      });
    server.on('error', reject).on('exit', () => reject(new Error(`Deno ended: ${log.join('')}`)));
    setTimeout(() => reject(new Error(`Deno does not listen: ${log.join('')}`)), STARTS_WITHIN).unref();
  });
  let inspector: Inspector | null = null;
  const stop = async (): Promise<void> => {
    inspector?.close();
    if (server.exitCode === null && server.pid !== undefined) process.kill(-server.pid); // the task and what it started
    await rm(folder, { recursive: true });
  };
  try {
    await listening;
    inspector = inspected ? await deno_inspector(inspector_port) : null;
    return { url: `http://localhost:${port}/`, folder, log, inspector, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function deno_inspector(port: number): Promise<Inspector> {
  const isolates = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    webSocketDebuggerUrl: string;
  }[];
  return inspect(new URL(isolates[0]!.webSocketDebuggerUrl));
}

/** The Worker of examples/cloudflare, bundled by wrangler, in workerd. */
export async function serve_workerd(inspected: boolean = false): Promise<Endpoint> {
  const folder = await clone_with('cloudflare');
  const log: string[] = [];
  const config = join(folder, 'examples/cloudflare/wrangler.jsonc');
  const worker = await bundle_worker('align-labels', config, join(folder, 'out'));
  const workers = await start_workers([worker], (line) => log.push(line), inspected);
  const inspector = inspected ? await open_inspector(await workers.getInspectorURL(), 'align-labels') : null;
  return {
    url: String(await workers.unsafeGetDirectURL('align-labels')),
    folder,
    log,
    inspector,
    async stop() {
      inspector?.close();
      await workers.dispose();
      await rm(folder, { recursive: true });
    },
  };
}
