// Cloudflare Workers on this machine: bundled by the real wrangler, run by the real workerd, both of
// test/runtimes/binaries, with everything they are bound to in memory.

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, parse } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

const require = createRequire(new URL('../runtimes/binaries/package.json', import.meta.url));

/** What the tests use of miniflare. */
export interface Workers {
  /** Where a Worker answers. */
  unsafeGetDirectURL(worker: string): Promise<URL>;
  /** Where workerd's inspector answers, by WebSocket, for Workers that are inspected. */
  getInspectorURL(): Promise<URL>;
  dispose(): Promise<void>;
}

/** A Worker as miniflare takes it, and those of its options that are set here. */
export interface WorkerOptions {
  readonly name?: string;
  readonly queueConsumers?: Readonly<Record<string, object>>;
  readonly [option: string]: unknown;
}

/** Bundles the Worker of a wrangler configuration as `wrangler deploy` does, into a folder. */
export async function bundle_worker(name: string, config: string, folder: string): Promise<WorkerOptions> {
  const args = ['deploy', '--dry-run', '--outdir', folder, '-c', config];
  await promisify(execFile)(process.execPath, [require.resolve('wrangler/bin/wrangler.js'), ...args], {
    cwd: dirname(config), // where its own commands run
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true', // it looks for newer versions
      WRANGLER_LOG_PATH: join(folder, 'logs'),
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
  });
  const { unstable_getMiniflareWorkerOptions: read } = require('wrangler') as {
    unstable_getMiniflareWorkerOptions: (path: string) => { workerOptions: WorkerOptions; main: string };
  };
  const { workerOptions, main } = read(config);
  const place = { modulesRoot: folder, rootPath: folder, scriptPath: join(folder, `${parse(main).name}.js`) };
  return { ...workerOptions, ...place, name, modules: true };
}

/**
 * Starts Workers on the loopback; their queues wait no longer than a test likes to. `log` gets what they print; `inspected`
 * ones can be watched.
 */
export async function start_workers(
  workers: readonly WorkerOptions[],
  log: (line: string) => void,
  inspected: boolean = false,
): Promise<Workers> {
  const { Miniflare } = require('miniflare') as {
    Miniflare: new (options: object) => Workers & { ready: Promise<URL> };
  };
  const started = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    cf: false, // else it fetches them
    ...(inspected && { inspectorHost: '127.0.0.1', inspectorPort: 0 }),
    handleRuntimeStdio(out: Readable, err: Readable) {
      for (const stream of [out, err])
        stream.setEncoding('utf8').on('data', (text: string) => text.split('\n').forEach(log));
    },
    workers: workers.map((options) => {
      for (const consumer of Object.values(options.queueConsumers ?? {}))
        Object.assign(consumer, { maxBatchTimeout: 0.2, retryDelay: 1 });
      return { ...options, unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] };
    }),
  });
  await started.ready;
  return started;
}
