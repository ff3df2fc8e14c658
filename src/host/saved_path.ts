// Where every save_pretrained writes.

import { AlignError, show } from './errors.ts';

/** The path of a file in the folder that a caller names. @throws AlignError `invalid_argument` */
export function saved_path(folder: unknown, file: string): string {
  if (typeof folder === 'string' && folder !== '') return `${folder}/${file}`;
  throw new AlignError('invalid_argument', `${show(folder)} is not the path of a folder`);
}
