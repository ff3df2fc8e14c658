// The option `sha256`: a file whose hash was given is read whole before anybody sees a byte of it.

import { platform } from '#platform';
import { AlignError, show } from '../../errors.ts';
import { pause_every, YIELD_MS } from '../../pause.ts';
import { WEIGHTS } from '../packed_folder.ts';
import type { ByteSource } from '../source.ts';
import { CHUNK } from './download.ts';
import type { RemoteSource } from './remote_file.ts';

/** Hexadecimal SHA-256 by file name; a single one is that of model.safetensors. */
export type Sums = string | Readonly<Record<string, string>>;

/** By file name, in lower case. @throws AlignError `invalid_argument` */
export function checked_sums(sha256: Sums): ReadonlyMap<string, string> {
  const sums = Object.entries(typeof sha256 === 'string' ? { [WEIGHTS]: sha256 } : sha256);
  for (const [file, hex] of sums)
    if (typeof hex !== 'string' || !/^[0-9a-f]{64}$/i.test(hex))
      throw new AlignError(
        'invalid_argument',
        `sha256 of ${show(file)} is ${show(hex)}, not 64 hexadecimal digits`,
        {
          detail: { option: 'sha256', file, value: hex },
        },
      );
  return new Map(sums.map(([file, hex]) => [file, hex.toLowerCase()]));
}

type Open = (file: string) => Promise<ByteSource | null>;

/** `open` that checks each file in `sums` when it is first opened. @throws AlignError `integrity` from what it gives */
export function verified(
  open: Open,
  sums: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Open {
  const checked = new Map<string, Promise<void>>();
  return async (file) => {
    const source = await open(file);
    const hex = sums.get(file);
    if (source === null || hex === undefined) return source;
    try {
      const known = checked.get(file);
      const check = known ?? check_sum(source, file, hex, signal);
      checked.set(file, check);
      if (!known) check.catch(() => checked.delete(file));
      await check;
      return source;
    } catch (error) {
      await source.close?.();
      throw error;
    }
  };
}

async function check_sum(
  source: RemoteSource,
  file: string,
  expected: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, size } = source;
  const hasher = platform.hasher();
  source.remember?.();
  source.expect?.([[0, size]]);
  const pause = pause_every(YIELD_MS, signal);
  for (let at = 0; at < size; at += CHUNK) {
    hasher.update(await source.read(at, Math.min(size, at + CHUNK), signal));
    await pause();
  }
  const sha256 = hasher.hex();
  if (sha256 === expected) return;
  await source.discard?.();
  throw new AlignError('integrity', `${name} has the SHA-256 ${sha256}, not ${expected}`, {
    detail: { file, sha256, expected },
    hint: 'load it again; if it stays so, this is not the file that was meant',
  });
}
