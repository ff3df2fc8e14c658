// The other files of a packed model: its configuration, vocabulary and settings lie in the file with the weights. A file
// that lies beside it in its folder comes before the one inside, name by name: what a user sees and edits is what counts.

import { AlignError } from '../errors.ts';
import { FILES, read_packing } from './packed.ts';
import { SafetensorsFile } from './safetensors.ts';
import { section, type ByteSource } from './source.ts';

export const WEIGHTS = 'model.safetensors';

type Open = (file: string) => Promise<ByteSource | null>;

/** `open` of a folder, then of the packed file in it. Its header is read when the first file is not in the folder. */
export function with_packed_files(open: Open, signal: AbortSignal | undefined): Open {
  let places: Promise<ReadonlyMap<string, readonly [start: number, end: number]>> | undefined;
  return async (file) => {
    const own = await open(file);
    if (own !== null || file === WEIGHTS) return own;
    const place = (await (places ??= packed_files(open, signal))).get(file);
    const whole = place === undefined ? null : await open(WEIGHTS);
    return whole && section(`${whole.name}: ${file}`, whole, ...place!);
  };
}

/** Where the files are in the folder's model.safetensors; none where that is missing or not a packed one. */
async function packed_files(
  open: Open,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, readonly [number, number]>> {
  const places = new Map<string, readonly [number, number]>();
  const source = await open(WEIGHTS);
  if (source === null) return places;
  try {
    const file = await SafetensorsFile.open(source, signal);
    if (read_packing(file) === null) return places;
    for (const { name, start, end } of file.tensors.values())
      if (name.startsWith(FILES)) places.set(name.slice(FILES.length), [start, end]);
    return places;
  } catch (error) {
    // Weights that cannot be read are no concern of whoever asks for a vocabulary; whoever asks for them hears of it.
    if (error instanceof AlignError && error.code === 'corrupt_checkpoint') return places;
    throw error;
  } finally {
    await source.close?.();
  }
}

/** Whether a file is a packed model. @throws AlignError as reading it, where it begins as a safetensors file does. */
export async function is_packed(source: ByteSource, signal: AbortSignal | undefined): Promise<boolean> {
  if (source.size < 9 || (await source.read(8, 9, signal))[0] !== 0x7b) return false;
  return read_packing(await SafetensorsFile.open(source, signal)) !== null;
}
