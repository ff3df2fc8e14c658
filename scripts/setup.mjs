// What a fresh clone needs before anything runs: dependencies installed, dist built. Shared by start.mjs and test.mjs.

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Prints one line of our own, apart from what the tools print. */
export const say = (line) => console.log(`align-wasm: ${line}`);

/**
 * Runs a program in the repository with our terminal; `node` is this Node.
 * @returns its exit status; 1 where it could not start, 130 where it was interrupted
 */
export function run(program, args, env = {}) {
  const result = spawnSync(program === 'node' ? process.execPath : program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: program === 'npm' && process.platform === 'win32', // npm is a batch file there
  });
  if (result.error) console.error(`align-wasm: ${program} did not start: ${result.error.message}`);
  return result.status ?? (result.signal === 'SIGINT' ? 130 : 1);
}

/** Runs a set-up step; ends this program with the step's status where it fails. */
function step(line, hint, program, args) {
  say(line);
  const status = run(program, args);
  if (status === 0) return;
  console.error(`align-wasm: that failed (exit ${status}). ${hint}`);
  process.exit(status);
}

/** Time of change in ms, 0 where there is nothing. */
const changed = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The latest change at or below a path. Folders count, so that a deleted file is a change. */
function latest(path) {
  const own = changed(path);
  if (!statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) return own;
  return readdirSync(join(root, path)).reduce((t, name) => Math.max(t, latest(join(path, name))), own);
}

/** Ends the program on a Node that is too old. */
export function require_node() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 20) return;
  console.error(`align-wasm: needs Node 20 or newer, this is ${process.version}. See https://nodejs.org.`);
  process.exit(1);
}

/** Installs the locked dependencies where they are missing or older than the lock file. */
export function install() {
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return;
  // No dependency needs its install script.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  step('installing dependencies (npm ci), once …', 'Is there a network connection?', 'npm', args);
}

/** Builds dist; with `only_if_stale`, only where a source is newer than what was built. */
export function build({ only_if_stale = false } = {}) {
  const sources = ['src', 'assembly', 'scripts', 'asconfig.json', 'tsconfig.json', 'package.json'];
  const built = Math.min(changed('dist/align.wasm'), changed('dist/index.js'));
  if (only_if_stale && Math.max(...sources.map(latest)) <= built) return;
  step('building (npm run build) …', 'The lines above say where.', 'npm', ['run', '--silent', 'build']);
}
