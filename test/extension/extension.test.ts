// A Manifest V3 package with everything inside and no host permission, in Chromium: its service worker, before and after it
// was stopped, and an offscreen document with two threads give the digest of Node, without a violation of its content
// security policy and without a request to anybody.

import { execFile } from 'node:child_process';
import { cp, copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { find_chromium } from '../runtimes/chromium.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const tests = fileURLToPath(new URL('../', import.meta.url));

/** What a part of the extension answers. */
interface Reply {
  readonly answers: readonly { threads: number; digest: string }[];
  readonly violations: readonly string[];
  /** Of the service worker: another one after every start. */
  readonly start?: string;
  /** Of the offscreen document. */
  readonly isolated?: boolean;
  readonly error?: string;
}

let digest: string;
let [folder, context, page] = ['', null! as BrowserContext, null! as Page];

/** The package of the extension: its own scripts, and of ours what it needs. */
async function pack(extension: string): Promise<void> {
  await cp(`${tests}extension/package`, extension, { recursive: true });
  await copyFile(`${tests}../examples/pictures/scissors.png`, join(extension, 'scissors.png'));
  await copyFile(`${tests}runtimes/photos/rotated.jpg`, join(extension, 'photo.jpg'));
  const dist = `${tests}node_modules/align-wasm/dist`;
  await cp(`${dist}/bundle`, join(extension, 'align-wasm/bundle'), { recursive: true });
  for (const name of await readdir(dist))
    if (/^align\..*wasm$|\.bin$/.test(name))
      await copyFile(join(dist, name), join(extension, 'align-wasm', name));
}

/** Every address that scripts of the extension asked the network for, from Chromium's own log; it is whole once it is closed. */
async function asked_for(origin: string): Promise<string[]> {
  const log = JSON.parse(await readFile(join(folder, 'net.json'), 'utf8')) as {
    events: { params?: { initiator?: string; url?: string } }[];
  };
  const own = log.events.filter(({ params }) => params?.initiator === origin && params.url !== undefined);
  return [...new Set(own.map(({ params }) => params!.url!))];
}

/** In Node, of the same text and pictures. */
async function digest_in_node(pictures: readonly string[]): Promise<string> {
  const args = [`${tests}bundlers/app/node.js`, ...pictures];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (JSON.parse(stdout) as Reply['answers'])[0]!.digest;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-extension-'));
  const extension = join(folder, 'extension');
  await mkdir(extension);
  await pack(extension);
  digest = await digest_in_node(['scissors.png', 'photo.jpg'].map((name) => join(extension, name)));
  context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: find_chromium(),
    headless: true,
    ignoreDefaultArgs: ['--disable-extensions'],
    args: [
      ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync', '--disable-quic'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-default-apps'],
      ...['--host-resolver-rules=MAP * ~NOTFOUND', `--log-net-log=${join(folder, 'net.json')}`],
      ...[`--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
    ],
  });
  const [worker = await context.waitForEvent('serviceworker')] = context.serviceWorkers();
  page = await context.newPage();
  await page.goto(new URL('page.html', worker.url()).href);
});

afterAll(async () => {
  await context.close();
  await rm(folder, { recursive: true, maxRetries: 5 });
});

/** Asks the service worker, which starts where it is stopped. */
async function ask(question: string): Promise<Reply> {
  const reply = await page.evaluate(
    (message) =>
      (
        globalThis as unknown as { chrome: { runtime: { sendMessage(m: string): Promise<Reply> } } }
      ).chrome.runtime.sendMessage(message),
    question,
  );
  if (reply.error !== undefined) throw new Error(reply.error);
  return reply;
}

test('the service worker, started again after it was stopped', async () => {
  const first = await ask('service worker');
  const answers = [{ threads: 1, digest }];
  expect(first).toMatchObject({ answers, violations: [] });
  expect((await ask('service worker')).start).toBe(first.start);
  const cdp = await context.newCDPSession(page);
  await cdp.send('ServiceWorker.enable');
  await cdp.send('ServiceWorker.stopAllWorkers');
  const second = await ask('service worker');
  expect(second.start).not.toBe(first.start);
  expect(second).toMatchObject({ answers, violations: [] });
});

test("an offscreen document: two threads in its worker, and in the package's", async () => {
  const answers = [1, 2].map(() => ({ threads: 2, digest }));
  expect(await ask('offscreen')).toEqual({ isolated: true, answers, violations: [] });
});

test('no script of it evaluates text, imports at run time or makes scripts of Blobs', async () => {
  const bundle = join(folder, 'extension/align-wasm/bundle');
  const scripts = (await readdir(bundle)).filter((name) => name.endsWith('.js'));
  expect(scripts.length).toBeGreaterThanOrEqual(4);
  for (const name of scripts)
    expect(await readFile(join(bundle, name), 'utf8')).not.toMatch(
      /\b(eval|import|Function|importScripts)\s*\(|createObjectURL/,
    );
});

test('a request to somebody and what the policy refuses are seen, and these were the only ones', async () => {
  const { violations } = await ask('do wrong');
  expect([...new Set(violations)]).toEqual(['script-src eval']); // by the manifest's policy and by Chromium's own
  const origin = page.url().replace('/page.html', '');
  await context.close();
  expect(await asked_for(origin)).toEqual(['http://elsewhere.test/']);
});
