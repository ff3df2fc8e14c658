// Where every save_pretrained writes.

import { platform } from '#platform';
import { AlignError, show, within_memory } from './errors.ts';

type Content = string | AsyncIterable<Uint8Array>;

/**
 * Writes a file into the folder that a caller names, which is made where it is missing.
 * @throws AlignError `invalid_argument`, `out_of_memory`, and as the platform's writing
 */
export function write_saved(folder: unknown, file: string, content: Content): Promise<void> {
  return within_memory(async () => {
    if (typeof folder !== 'string' || folder === '')
      throw new AlignError('invalid_argument', `${show(folder)} is not the path of a folder`);
    const chunks = typeof content === 'string' ? [new TextEncoder().encode(content)] : content;
    await platform.write(`${folder}/${file}`, chunks);
  });
}
