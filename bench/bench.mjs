// One run of the benchmark: where it measures, what it has measured.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus, release, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { start_chromium } from './chromium.mjs';
import { in_process, start_node } from './process.mjs';

const here = (path) => new URL(path, import.meta.url);
const version_of = async (path) => JSON.parse(await readFile(here(path), 'utf8')).version;

/** The newest Node, which the tests install too; null where npm has none for this system. */
function newest_node() {
  const folder = `../test/runtimes/binaries/node_modules/node-${process.platform}-${process.arch}/bin/node`;
  const path = fileURLToPath(here(folder));
  return existsSync(path) ? path : null;
}

export class Bench {
  /** What was measured: { section, work, where, who, id, best, median?, unit, … } or { …, error }. */
  rows = [];
  /** The GPU that was measured, as adapter.mjs describes it. */
  device = null;
  #places = new Map();
  #limits = new Map();

  constructor({ rounds, quick }) {
    this.rounds = rounds;
    this.quick = quick;
  }

  record(row) {
    this.rows.push(row);
  }

  print(line) {
    console.log(line);
  }

  /** What is going on, where somebody watches. */
  say(line) {
    if (process.stderr.isTTY) console.error(line);
  }

  /** `'node'`, this one; `'newest'`; `'chromium'`; `'webgpu'`, Chromium with a GPU: { name, start(), executable? }, or null where this machine has none. */
  place(where) {
    if (!this.#places.has(where)) this.#places.set(where, this.#find(where));
    return this.#places.get(where);
  }

  async #find(where) {
    if (where === 'chromium' || where === 'webgpu') {
      return start_chromium({ gpu: where === 'webgpu' }).catch((error) => {
        console.log(`no measurements in Chromium: ${error.message}`);
        return null;
      });
    }
    const executable = where === 'node' ? process.execPath : newest_node();
    if (executable === null) {
      console.log('no measurements in the newest Node: npm has none for this system');
      return null;
    }
    const name = `Node ${spawnSync(executable, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1)}`;
    return { name, executable, start: () => start_node(executable) };
  }

  /** The limits of the engine in a Node, as measure_ceiling gives them, once a run. */
  limits(where) {
    if (!this.#limits.has(where)) this.#limits.set(where, this.#measure_limits(where));
    return this.#limits.get(where);
  }

  async #measure_limits(where) {
    const place = await this.place(where);
    return place?.executable ? in_process(place.executable, './ceiling.mjs', 'measure_ceiling') : null;
  }

  /** The run as it is stored; of a run on a GPU the processor's limits and the other places are no part. */
  async results() {
    const places = this.device ? ['node', 'webgpu'] : ['node', 'newest', 'chromium'];
    const found = await Promise.all(places.map((where) => this.place(where)));
    const names = Object.fromEntries(places.map((where, i) => [where, found[i]?.name ?? null]));
    const limits = {};
    for (const where of this.device ? [] : ['node', 'newest']) {
      const measured = await this.limits(where);
      if (measured) limits[where] = measured;
    }
    return {
      date: new Date().toISOString().slice(0, 10),
      ...(this.device && { device: this.device }),
      machine: {
        cpu: cpus()[0]?.model ?? 'unknown processor',
        cores: cpus().length,
        system: `${type()} ${release()}`,
      },
      versions: {
        ...names,
        'align-wasm': await version_of('../package.json'),
        'onnxruntime-web': await version_of('peers/node_modules/onnxruntime-web/package.json'),
        'onnxruntime-node': await version_of('peers/node_modules/onnxruntime-node/package.json'),
      },
      rounds: this.rounds,
      limits,
      rows: this.rows,
    };
  }

  async close() {
    for (const place of this.#places.values()) await (await place)?.close?.();
  }
}
