// A copy of what the tests read, in which align.wasm and the source that it comes from are a mutant's. The tests find both
// where they find them in the repository, so nothing has to be told where to look.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';
import { mutate, type Mutation } from './mutations.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['assembly', 'src', 'test', 'dist'];
const LINKED = ['node_modules', 'weights', 'examples', 'scripts'];
const FILES = ['package.json', 'asconfig.json', 'tsconfig.json', 'vitest.config.ts'];
const MODULE = 'dist/align.wasm';

export class Checkout {
  readonly folder: string;
  readonly #original: Buffer;
  readonly #sources = new Map<string, string>();
  #mutated: string | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.#original = readFileSync(join(folder, MODULE));
  }

  /** A new copy of the working tree in `folder`, its module compiled anew. */
  static async create(folder: string): Promise<Checkout> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const installed = /[/\\]node_modules$/;
    for (const path of [...COPIED, ...FILES])
      cpSync(join(root, path), join(folder, path), {
        recursive: true,
        filter: (from) => !installed.test(from),
      });
    for (const path of LINKED) symlinkSync(join(root, path), join(folder, path));
    const checkout = new Checkout(folder);
    const built = await checkout.#compile();
    if (!built || !checkout.#original.equals(built))
      throw new Error('dist/align.wasm is not what assembly/ gives: npm run build');
    return checkout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Text of every AssemblyScript source below `path`, by path. */
  sources(path: string): Record<string, string> {
    const files = readdirSync(join(this.folder, path), { recursive: true, encoding: 'utf8' })
      .map((name) => `${path}/${name}`)
      .filter((name) => name.endsWith('.ts'))
      .sort();
    return Object.fromEntries(files.map((name) => [name, this.#source(name)]));
  }

  /** Makes the copy a mutant's; its module, or null where the mutant is no program or the same as the original. */
  async mutate(mutation: Mutation): Promise<{ module: Uint8Array | null; same: boolean }> {
    this.restore();
    writeFileSync(join(this.folder, mutation.file), mutate(this.#source(mutation.file), mutation));
    this.#mutated = mutation.file;
    const module = await this.#compile();
    if (module) writeFileSync(join(this.folder, MODULE), module);
    return { module, same: module !== null && this.#original.equals(module) };
  }

  /** Makes the copy the original's again. */
  restore(): void {
    writeFileSync(join(this.folder, MODULE), this.#original);
    if (this.#mutated !== undefined)
      writeFileSync(join(this.folder, this.#mutated), this.#source(this.#mutated));
    this.#mutated = undefined;
  }

  #source(file: string): string {
    const known = this.#sources.get(file) ?? readFileSync(join(this.folder, file), 'utf8');
    this.#sources.set(file, known);
    return known;
  }

  /** align.wasm of the copy, with the flags that ship; null where it does not compile. */
  async #compile(): Promise<Uint8Array | null> {
    let module: Uint8Array | null = null;
    const { error } = await main(['assembly/index.ts', '--target', 'release', '--textFile', ''], {
      readFile: (name) => {
        try {
          return readFileSync(join(this.folder, name), 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => {
        if (name === MODULE) module = contents as Uint8Array;
      },
      listFiles: () => [],
    });
    return error === null ? module : null;
  }
}
