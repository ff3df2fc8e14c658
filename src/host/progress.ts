// What `progress_callback` is told, in the events of transformers.js.

import type { ByteSource } from './checkpoint/source.ts';
import { turn } from './pause.ts';

interface Bytes {
  readonly loaded: number;
  readonly total: number;
}

/**
 * An event. `name` is the model, `loaded` and `total` are bytes, `progress` is 0 … 100. `download` is told of remote models
 * only; the total of `progress_total` is what will be read of all files together, from its first event on.
 */
export type ProgressInfo =
  | { status: 'initiate' | 'download' | 'done'; name: string; file: string }
  | ({ status: 'progress'; name: string; file: string; progress: number } & Bytes)
  | ({ status: 'progress_total'; name: string; progress: number; files: Record<string, Bytes> } & Bytes)
  | { status: 'ready' };

/**
 * Hears of loading, and is not waited for. What it throws fails the load, as does a promise of its own that rejects before the
 * load has ended.
 */
export type Report = (info: ProgressInfo) => unknown;

/** The files of one model on their way. */
export class Progress {
  readonly #name: string;
  readonly #report: Report | null | undefined;
  readonly #files = new Map<string, { loaded: number; total: number }>();
  readonly #fetched = new Set<string>();
  readonly #failures: unknown[] = [];

  constructor(name: string, report: Report | null | undefined) {
    this.#name = name;
    this.#report = report;
  }

  /** `open`, of which every file but the weights is told: it is read once, from its beginning to its end. */
  heard(open: (file: string) => Promise<ByteSource | null>): (file: string) => Promise<ByteSource | null> {
    return async (file) => {
      const source = await open(file);
      if (source === null || this.#files.has(file) || file.includes('.safetensors')) return source;
      this.begin(file, source.size, true);
      const read: ByteSource['read'] = async (start, end, signal) => {
        const bytes = await source.read(start, end, signal);
        this.add(file, bytes.length);
        if (end === source.size) this.done(file);
        return bytes;
      };
      return { ...source, read };
    };
  }

  /** Hears of a file that is fetched whole before anything of it is read. Of its reading nothing is told then. */
  fetching(file: string): (loaded: number, total: number) => void {
    let before = 0;
    return (loaded, total) => {
      if (!this.#fetched.has(file)) {
        this.#begin(file, total, true);
        this.#fetched.add(file);
      }
      this.#add(file, loaded - before);
      this.#total();
      if (loaded === total) this.#done(file);
      before = loaded;
    };
  }

  begin(file: string, total: number, remote: boolean): void {
    if (!this.#fetched.has(file)) this.#begin(file, total, remote);
  }

  add(file: string, bytes: number): void {
    if (!this.#fetched.has(file)) this.#add(file, bytes);
  }

  /** Of all files together, after `file` has got further. */
  total(file: string): void {
    if (!this.#fetched.has(file)) this.#total();
  }

  done(file: string): void {
    if (!this.#fetched.has(file)) this.#done(file);
  }

  /** The last event: what rejects at once, rejects before it has passed. */
  async ready(): Promise<void> {
    this.#tell({ status: 'ready' });
    await turn();
    for (const error of this.#failures) throw error;
  }

  #tell(info: ProgressInfo): void {
    for (const error of this.#failures) throw error;
    Promise.resolve(this.#report?.(info)).catch((error: unknown) => this.#failures.push(error));
  }

  #begin(file: string, total: number, remote: boolean): void {
    const name = this.#name;
    this.#files.set(file, { loaded: 0, total });
    this.#tell({ status: 'initiate', name, file });
    if (remote) this.#tell({ status: 'download', name, file });
  }

  #add(file: string, bytes: number): void {
    const { loaded: before, total } = this.#files.get(file)!;
    const loaded = Math.min(total, before + bytes);
    this.#files.set(file, { loaded, total });
    const progress = percent(loaded, total);
    this.#tell({ status: 'progress', name: this.#name, file, loaded, total, progress });
  }

  #total(): void {
    const files = Object.fromEntries(this.#files);
    let [loaded, total] = [0, 0];
    for (const file of this.#files.values()) {
      loaded += file.loaded;
      total += file.total;
    }
    const progress = percent(loaded, total);
    this.#tell({ status: 'progress_total', name: this.#name, loaded, total, progress, files });
  }

  #done(file: string): void {
    this.#tell({ status: 'done', name: this.#name, file });
  }
}

function percent(loaded: number, total: number): number {
  return total === 0 ? 100 : (100 * loaded) / total;
}
