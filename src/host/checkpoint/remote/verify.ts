// The option `sha256`: a file whose hash was given is there, and is read whole before anybody sees a byte of it.

import { platform } from '#platform';
import { AlignError, show, tag_of } from '../../errors.ts';
import { pause_every, YIELD_MS } from '../../pause.ts';
import { is_plain_name } from '../folder.ts';
import { WEIGHTS, with_packed_files } from '../packed_folder.ts';
import type { ByteSource } from '../source.ts';
import { CHUNK } from './download.ts';
import type { RemoteSource } from './remote_file.ts';

/** Hexadecimal SHA-256 by file name; a single one is that of model.safetensors, or of the one packed file. */
export type Sums = string | Readonly<Record<string, string>>;

type Open = (file: string) => Promise<ByteSource | null>;

/**
 * `open` of a folder's files and of what its packed file holds: a file with a sum in `sha256` is checked when it is first
 * opened. `own` is where model.safetensors lies, if it is the one file: it goes by its name there, too.
 * @throws AlignError `invalid_argument`, `not_found` (a file that is not there); `integrity` from what it gives
 */
export async function checked(
  open: Open,
  sha256: Sums,
  name: string,
  own: unknown,
  signal: AbortSignal | undefined,
): Promise<Open> {
  const sums = checked_sums(sha256, typeof own === 'string' ? own.split(/[/\\]/).at(-1) : undefined);
  await refuse_missing(name, sums, with_packed_files(open, signal));
  const check = verifier(sums, signal);
  return check(with_packed_files(check(open), signal));
}

/** By file name, in lower case. */
function checked_sums(sha256: Sums, own: string | undefined): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  if (typeof sha256 !== 'string' && tag_of(sha256) !== 'Object')
    throw new AlignError(
      'invalid_argument',
      `sha256 is ${show(sha256)}: give an object of sums by file name`,
      {
        detail: { option: 'sha256', value: sha256 },
      },
    );
  const given = typeof sha256 === 'string' ? { [WEIGHTS]: sha256 } : sha256;
  for (const [name, value] of Object.entries(given)) {
    const detail = { option: 'sha256', file: name, value };
    if (typeof value !== 'string' || !/^[0-9a-f]{64}$/i.test(value))
      throw new AlignError(
        'invalid_argument',
        `sha256 of ${show(name)} is ${show(value)}, not 64 hexadecimal digits`,
        { detail },
      );
    const file = name === own ? WEIGHTS : name;
    const hex = value.toLowerCase();
    if ((sums.get(file) ?? hex) !== hex)
      throw new AlignError('invalid_argument', `sha256 has two sums of ${show(file)}`, { detail });
    sums.set(file, hex);
  }
  return sums;
}

function verifier(sums: ReadonlyMap<string, string>, signal: AbortSignal | undefined): (open: Open) => Open {
  /** By name; a remote file that another has taken the place of is checked anew. */
  const checked = new Map<unknown, Promise<void>>();
  return (open) => async (file) => {
    const source: RemoteSource | null = await open(file);
    const hex = sums.get(file);
    if (source === null || hex === undefined) return source;
    try {
      const key = source.file ?? file;
      const known = checked.get(key);
      const check = known ?? check_sum(source, file, hex, signal);
      checked.set(key, check);
      if (!known) check.catch(() => checked.delete(key));
      await check;
      return source;
    } catch (error) {
      await source.close?.();
      throw error;
    }
  };
}

/** Of a file that is not there nothing would ever be checked. */
async function refuse_missing(name: string, sums: ReadonlyMap<string, string>, open: Open): Promise<void> {
  for (const file of sums.keys()) {
    const source = is_plain_name(file) ? await open(file) : null;
    if (source === null)
      throw new AlignError('not_found', `sha256 has a sum of ${show(file)}, which is not in ${name}`, {
        detail: { option: 'sha256', file },
        hint: 'name a file of the model as it is called there, such as model.safetensors or config.json',
      });
    await source.close?.();
  }
}

async function check_sum(
  source: RemoteSource,
  file: string,
  expected: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, size } = source;
  const hasher = platform.hasher();
  const whole = source.whole ?? source;
  await whole.remember?.();
  source.expect?.([[0, size]]);
  const pause = pause_every(YIELD_MS, signal);
  for (let at = 0; at < size; at += CHUNK) {
    hasher.update(await source.read(at, Math.min(size, at + CHUNK), signal));
    await pause();
  }
  const sha256 = hasher.hex();
  if (sha256 === expected) return;
  await whole.discard?.();
  throw new AlignError('integrity', `${name} has the SHA-256 ${sha256}, not ${expected}`, {
    detail: { file, sha256, expected },
    hint: 'load it again; if it stays so, this is not the file that was meant',
  });
}
