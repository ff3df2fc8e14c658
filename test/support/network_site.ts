// A model's file on two web servers of 127.0.0.1 that can be told to fail, and what becomes of it on its way from there.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open_model, type OpenOptions } from '../../src/host/checkpoint/model_files.ts';
import { PATIENCE } from '../../src/host/checkpoint/remote/http.ts';
import { AlignError } from '../../src/host/errors.ts';
import { hostile_server, type HostileServer } from './hostile_server.ts';

/** Three chunks and a bit, of no pattern. */
export const FILE: Buffer = randomBytes(6 * 2 ** 20 + 12_345);
export const SUM: string = createHash('sha256').update(FILE).digest('hex');
export const NAME = 'weights.safetensors';
const CONFIG = Buffer.from('{"model_type": "align"}');

export type Outcome = 'right' | 'absent' | 'network' | 'integrity' | 'not_found';

/** Makes waiting short; gives what undoes that. */
export function impatient(): () => void {
  const patience = { ...PATIENCE };
  Object.assign(PATIENCE, { stall_ms: 250, backoff_ms: 1, longest_wait_ms: 50 });
  return () => Object.assign(PATIENCE, patience);
}

/** Two servers and a cache folder. */
export class Site {
  readonly server: HostileServer;
  readonly elsewhere: HostileServer;
  readonly cache: string;

  private constructor(server: HostileServer, elsewhere: HostileServer, cache: string) {
    this.server = server;
    this.elsewhere = elsewhere;
    this.cache = cache;
  }

  static async open(): Promise<Site> {
    return new Site(
      await hostile_server({ [`/m/${NAME}`]: FILE, '/m/config.json': CONFIG, '/real': FILE }),
      await hostile_server({ '/real': FILE }),
      await mkdtemp(join(tmpdir(), 'align-remote-')),
    );
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.elsewhere.close();
    await rm(this.cache, { recursive: true });
  }

  /** What becomes of the file: an {@link Outcome}, or in words what must not be. */
  async outcome(options: OpenOptions = {}): Promise<string> {
    try {
      return await this.answer(options);
    } catch (error) {
      return error instanceof AlignError ? error.code : `not an AlignError: ${String(error)}`;
    }
  }

  /** The file's bytes: 'right', 'wrong', or 'absent'. @throws what loading it throws */
  async answer(options: OpenOptions = {}): Promise<string> {
    const bytes = await this.#load({ cache: this.cache, ...options });
    return bytes === null ? 'absent' : bytes.equals(FILE) ? 'right' : 'wrong';
  }

  /** Answers that have not ended. */
  get under_way(): number {
    return this.server.under_way.size + this.elsewhere.under_way.size;
  }

  /** Files of the cache that are half written. */
  async partial(): Promise<string[]> {
    const files = await readdir(this.cache, { recursive: true });
    return files.filter((name) => name.includes('partial'));
  }

  /** The file read as a loader reads it, null where there is none. */
  async #load(options: OpenOptions): Promise<Buffer | null> {
    const folder = await open_model(`${this.server.url}/m`, options);
    const source = await folder.open(NAME);
    if (source === null) return null;
    try {
      source.expect?.([[0, source.size]]);
      const parts: Uint8Array[] = [];
      const step = 1_000_000;
      for (let at = 0; at < source.size; at += step)
        parts.push(await source.read(at, Math.min(source.size, at + step)));
      return Buffer.concat(parts);
    } finally {
      await source.close?.();
      folder.release?.();
    }
  }
}
