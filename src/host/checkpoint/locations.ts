// Models by name: the path of a folder or of a packed file, a URL, the id of a model on a hub.

import { platform } from '#platform';
import { AlignError, show } from '../errors.ts';
import { Progress } from '../progress.ts';
import { make_folder, packed_model, type ModelFolder, type OpenOptions } from './folder.ts';
import { WEIGHTS } from './packed_folder.ts';
import { hub_location, is_hub_id, url_location, type Location } from './remote/location.ts';
import { RemoteModel } from './remote/remote_model.ts';
import { file_path, type ByteSource } from './source.ts';

/** The folder at a path, a URL or a hub id. @throws AlignError `not_found`, `invalid_argument`, and what a network deserves. */
export async function open_location(model: string | URL, options: OpenOptions): Promise<ModelFolder> {
  const url = model instanceof URL ? model : /^[a-z][a-z0-9+.-]+:\/\//i.test(model) ? parse_url(model) : null;
  if (url !== null && /^https?:$/.test(url.protocol))
    return remote_folder(url_location(url, options), options);
  const path = url === null ? (model as string) : url.protocol === 'file:' ? file_path(url) : null;
  const hub_id = url === null && is_hub_id(model as string);
  const kind =
    path === null || path === ''
      ? null
      : // Who may read no files, as in Deno, still means a hub.
        await platform.path_kind(path).catch((error: unknown) => {
          if (hub_id) return null;
          throw error;
        });
  if (kind === null && hub_id) return remote_folder(hub_location(model as string, options), options);
  if (path === null || kind === null) {
    const name = url === null ? (model as string) : without_secrets(url);
    throw new AlignError(
      'not_found',
      `No model at ${show(name)}: there is no local folder or file of this name`,
      {
        detail: { model: name },
        hint: 'give the path of a folder or of a packed file, an http URL, a hub id like kakaobrain/align-base, or the files',
      },
    );
  }
  if (kind === 'file') return packed_model(path, path, options, () => platform.open(path));
  return local_folder(path, options);
}

function without_secrets(url: URL): string {
  return url.host === '' ? `${url.protocol}${url.pathname}` : `${url.protocol}//${url.host}${url.pathname}`;
}

async function remote_folder(location: Location, options: OpenOptions): Promise<ModelFolder> {
  const remote = new RemoteModel(location, options);
  let { signal } = options;
  const progress = new Progress(remote.name, options.progress_callback);
  const open = (file: string): Promise<ByteSource | null> => remote.open(file, signal);
  const folder =
    location.single === null
      ? await make_folder(remote.name, options, open, undefined, progress)
      : await packed_model(remote.name, location.single, options, async () => {
          const source = await open(WEIGHTS);
          if (source !== null) return source;
          throw new AlignError('not_found', `No model at ${show(remote.name)}: there is no such file`, {
            detail: { model: remote.name },
          });
        });
  const release = (): void => {
    // A model that is saved later must not hear of it.
    signal = undefined;
    folder.release?.();
    remote.release();
  };
  return { ...folder, progress, release };
}

function parse_url(text: string): URL {
  if (!URL.canParse(text))
    throw new AlignError(
      'invalid_argument',
      `model is ${show(text.replace(/\/\/[^/]*@/, '//…@'))}, not a valid URL`,
    );
  return new URL(text);
}

function local_folder(path: string, options: OpenOptions): Promise<ModelFolder> {
  const base = path.replace(/(?<=.)[/\\]+$/, '');
  return make_folder(path, options, async (file) => {
    const full = `${base}/${file}`;
    return (await platform.path_kind(full)) === 'file' ? platform.open(full) : null;
  });
}
