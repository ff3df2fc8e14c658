// What a fresh clone needs before anything runs: dependencies installed, dist built. Shared by start.mjs and test.mjs.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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
function step(line, hint, program, args, env) {
  say(line);
  const status = run(program, args, env);
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

const NETWORK = 'Is there a network connection?';
const QUIET = '--loglevel=error';

/** Installs the locked dependencies where they are missing or older than the lock file. */
export function install() {
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return;
  // No dependency needs its install script.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', QUIET];
  step('installing dependencies (npm ci), once …', NETWORK, 'npm', args);
}

/** Builds dist; with `only_if_stale`, only where a source is newer than what was built. */
export function build({ only_if_stale = false } = {}) {
  const sources = ['src', 'assembly', 'scripts', 'weights', 'asconfig.json', 'tsconfig.json', 'package.json'];
  const built = Math.min(changed('dist/align.wasm'), changed('dist/bundle/index.js'));
  if (only_if_stale && Math.max(...sources.map(latest)) <= built) return;
  step('building (npm run build) …', 'The lines above say where.', 'npm', ['run', '--silent', 'build']);
}

const PEERS = 'bench/peers';

/** Installs what the benchmark measures beside this package. */
export function install_peers() {
  if (changed(`${PEERS}/node_modules/.package-lock.json`) >= changed(`${PEERS}/package-lock.json`)) return;
  const args = ['ci', '--prefix', PEERS, '--ignore-scripts', '--no-audit', '--no-fund', QUIET];
  step('installing onnxruntime for the benchmark (400 MB), once …', NETWORK, 'npm', args);
}

const PACKED = '.cache/package';
const INSTALLED = 'test/node_modules/align-wasm/package.json';

/**
 * Packs the package as npm publishes it and installs that in test/, so that what the tests of runtimes, bundlers and
 * examples import as align-wasm is what users get: with its files, its `exports` and its dependencies, and nothing else.
 */
export function install_package() {
  if (changed(INSTALLED) >= Math.max(latest('dist'), changed('package.json'))) return;
  rmSync(join(root, PACKED), { recursive: true, force: true });
  mkdirSync(join(root, PACKED), { recursive: true });
  step('packing the package (npm pack) …', '', 'npm', ['pack', '--pack-destination', PACKED, '--silent']);
  const [tarball] = readdirSync(join(root, PACKED));
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const webp = `@jsquash/webp@${devDependencies['@jsquash/webp']}`; // an optional peer that the tests use
  const args = ['install', '--prefix', 'test', '--no-save', '--no-package-lock', '--ignore-scripts'];
  const what = [`${PACKED}/${tarball}`, webp, '--prefer-offline', '--no-audit', '--no-fund', QUIET];
  step('installing it for the tests …', NETWORK, 'npm', [...args, ...what]);
  utimesSync(join(root, INSTALLED), new Date(), new Date()); // it has the time of packing, which is fixed
}

const BINARIES = 'test/runtimes/binaries';

const LAVAPIPE = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json';

/** What the tests start or load of Debian: what it is, where it lies, its packages. */
const DEBIAN = [
  ['Chromium', process.env.CHROMIUM ?? '/usr/bin/chromium', 'chromium'],
  ['Firefox', process.env.FIREFOX ?? '/usr/bin/firefox-esr', 'firefox-esr'],
  // Chromium's own SwiftShader serves Dawn in Node; Deno and Firefox find Mesa's by the Vulkan loader.
  ['a Vulkan driver (lavapipe)', process.env.LAVAPIPE ?? LAVAPIPE, 'mesa-vulkan-drivers'],
];

/**
 * Installs the other runtimes that the tests start: newest Node, Deno, Bun and wrangler's workerd from npm; browsers and
 * software drivers for WebGPU from Debian.
 */
export function install_runtimes() {
  if (changed(`${BINARIES}/node_modules/.package-lock.json`) < changed(`${BINARIES}/package-lock.json`)) {
    const args = ['ci', '--prefix', BINARIES, '--ignore-scripts', '--no-audit', '--no-fund'];
    step('installing Node, Deno, Bun and workerd for the tests, once …', NETWORK, 'npm', [...args, QUIET]);
  }
  const missing = DEBIAN.filter(([, path]) => !existsSync(path));
  if (missing.length === 0) return;
  const names = missing.map(([what]) => what).join(', ');
  if (can_apt()) apt(names, ...missing.flatMap(([, , ...packages]) => packages));
  else
    say(
      `no ${names}: the tests of these will fail. Install them, and set CHROMIUM, FIREFOX or LAVAPIPE (its ICD file) to where they lie`,
    );
}

/** Whether this is Debian, and we may install on it. */
const can_apt = () => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

function apt(what, ...names) {
  const packages = ['install', '--yes', '--quiet=2', '--no-install-recommends', ...names];
  step(`installing ${what} for the tests (apt-get), once …`, NETWORK, 'apt-get', ['update', '--quiet=2']);
  step('this takes a minute …', NETWORK, 'apt-get', packages, { DEBIAN_FRONTEND: 'noninteractive' });
}

/** Makes a folder a Python of its own; false where that cannot be. */
function make_venv(venv) {
  const make = () => spawnSync('python3', ['-m', 'venv', '--clear', venv], { cwd: root }).status === 0;
  if (make()) return true;
  // pip reads Debian's own certificates.
  if (can_apt()) apt('python3-venv', 'python3-venv', 'ca-certificates');
  return make();
}

const POSTGRES = '.cache/pgserver';
const PINNED = 'test/stores/requirements.txt';

/** Installs PostgreSQL with pgvector, which Debian's own lacks, from PyPI; the tests start it on the loopback. */
export function install_postgres() {
  if (changed(`${POSTGRES}/installed`) >= changed(PINNED)) return;
  rmSync(join(root, POSTGRES), { recursive: true, force: true });
  const venv = `${POSTGRES}/venv`;
  if (!make_venv(venv)) {
    say('no python3 with venv, so no PostgreSQL: its tests will fail. Install it');
    return;
  }
  // The wheel of one Python version for all: nothing in it is imported, its programs are started.
  const kind = ['--only-binary=:all:', '--python-version=3.12', '--no-deps', `--target=${POSTGRES}/wheel`];
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-compile', '--require-hashes'];
  const args = ['-m', 'pip', 'install', ...kind, ...quiet, '--requirement', PINNED];
  step(
    'installing PostgreSQL with pgvector for the tests (pip), once …',
    NETWORK,
    `${venv}/bin/python`,
    args,
  );
  writeFileSync(join(root, POSTGRES, 'installed'), '');
}

const WASMTIME = '.cache/wasmtime';
const PINNED_WASMTIME = 'test/wasi/requirements.txt';

/** Installs Wasmtime for Python, from PyPI: one of the hosts that run the WASI module in the tests. */
export function install_wasmtime() {
  if (changed(`${WASMTIME}/installed`) >= changed(PINNED_WASMTIME)) return;
  if (!make_venv(WASMTIME)) {
    say('no python3 with venv, so no Wasmtime: its tests will fail. Install it');
    return;
  }
  const quiet = ['--quiet', '--disable-pip-version-check', '--only-binary=:all:', '--no-deps'];
  const args = ['-m', 'pip', 'install', ...quiet, '--require-hashes', '--requirement', PINNED_WASMTIME];
  step('installing Wasmtime for the tests (pip), once …', NETWORK, `${WASMTIME}/bin/python`, args);
  writeFileSync(join(root, WASMTIME, 'installed'), '');
}
