// Files of a model that are URLs: local ones are opened, all others fetched whole, counted as they come.

import { platform } from '#platform';
import { Progress, type Report } from '../progress.ts';
import { most_bytes } from './body.ts';
import { bytes_source, file_path, type ByteSource } from './source.ts';

/** What opens the file behind a URL. What has to be fetched is fetched once: a packed file is opened for each file in it. */
export function url_opener(
  name: string,
  url: URL,
  signal: AbortSignal | undefined,
  progress: Progress | undefined,
): () => Promise<ByteSource> {
  if (url.protocol === 'file:') return () => platform.open(file_path(url));
  let bytes: Promise<Uint8Array> | undefined;
  return async () => {
    bytes ??= platform.fetch_bytes(url, most_bytes(name), { signal, arrived: progress?.fetching(name) });
    return bytes_source(name, await bytes);
  };
}

/** Who tells `report` of those that are fetched; none where nothing is. */
export function fetch_progress(
  name: string,
  files: readonly unknown[],
  report: Report | null | undefined,
): Progress | undefined {
  const fetched = files.some((file) => file instanceof URL && file.protocol !== 'file:');
  return report && fetched ? new Progress(name, report) : undefined;
}
