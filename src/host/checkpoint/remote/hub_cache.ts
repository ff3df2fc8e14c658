// Models that huggingface_hub has fetched already (its file layout, huggingface_hub/file_download.py):
//
//   models--owner--name/refs/main                     the commit that main was
//   models--owner--name/snapshots/<commit>/<file>     a link to, or a copy of
//   models--owner--name/blobs/<etag>                  the file; the ETag is its SHA-256, or Git's SHA-1 of a small one
//
// It is read, never written.

import { platform } from '#platform';
import { read_text } from '../json.ts';
import type { ByteSource } from '../source.ts';

export class HubCache {
  readonly #folder: string;
  readonly #revision: string;

  private constructor(folder: string, revision: string) {
    this.#folder = folder;
    this.#revision = revision;
  }

  /** Null where huggingface_hub has nothing of this model, or there is no file system. */
  static async open(id: string, revision: string): Promise<HubCache | null> {
    const root = platform.hub_folder();
    if (root === null) return null;
    const folder = `${root}/models--${id.replaceAll('/', '--')}`;
    return (await kind(folder)) === 'folder' ? new HubCache(folder, revision) : null;
  }

  /** The file as it was when the revision was last fetched. */
  async snapshot(file: string): Promise<ByteSource | null> {
    const commit = await this.#commit();
    return commit === null ? null : open(`${this.#folder}/snapshots/${commit}/${file}`);
  }

  /** Whether the model is there without this file, as far as one can tell: weights may be yet to come. */
  async lacks(file: string): Promise<boolean> {
    if (file.includes('.safetensors')) return false;
    const config = await this.snapshot('config.json');
    await config?.close?.();
    return config !== null;
  }

  /** The file that a hub tells of: of this ETag, or of this commit, and of this size. */
  async current(
    file: string,
    { version, commit, size }: { version: string; commit: string | null; size: number },
  ): Promise<ByteSource | null> {
    const etag = version.replace(/^W\//, '').replaceAll('"', '');
    const blob = /^[0-9a-f]{40,64}$/.test(etag) ? await open(`${this.#folder}/blobs/${etag}`) : null;
    const source =
      blob ?? (commit !== null && commit === (await this.#commit()) ? await this.snapshot(file) : null);
    if (source === null || source.size === size) return source;
    await source.close?.();
    return null;
  }

  async #commit(): Promise<string | null> {
    if (/^[0-9a-f]{40}$/.test(this.#revision)) return this.#revision;
    if (!/^[\w][\w./-]*$/.test(this.#revision) || this.#revision.includes('..')) return null;
    const source = await open(`${this.#folder}/refs/${this.#revision}`);
    if (source === null) return null;
    try {
      const commit = (await read_text(source)).trim();
      return /^[0-9a-f]{40}$/.test(commit) ? commit : null;
    } catch {
      return null;
    } finally {
      await source.close?.();
    }
  }
}

async function open(path: string): Promise<ByteSource | null> {
  return (await kind(path)) === 'file' ? platform.open(path).catch(() => null) : null;
}

/** A place that must not be read counts as empty. */
async function kind(path: string): Promise<'file' | 'folder' | null> {
  return platform.path_kind(path).catch(() => null);
}
