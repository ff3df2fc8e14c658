// Where a remote model is: the URL of each of its files, from what the caller wrote.

import { AlignError, show } from '../../errors.ts';
import { shown } from './http.ts';

/** The hub whose ids are taken where no other `host` is given. */
const HUB = 'https://huggingface.co';

/** What the options say of the place. */
export interface LocationOptions {
  readonly host?: string | URL | undefined;
  readonly revision?: string | undefined;
}

export interface Location {
  /** For messages. */
  readonly name: string;
  /** The path of one packed file, where there is nothing else: every name stands for it. */
  readonly single: string | null;
  /** Origin that a token is for. */
  readonly origin: string;
  /** A model of the hub, whose own cache may have it. */
  readonly hub: { readonly id: string; readonly revision: string } | null;
  /** Whether its files can never change. */
  readonly fixed: boolean;
  url(file: string): URL;
}

/** `owner/name` or `name`, as hubs allow them; not a path, and not a file. */
export function is_hub_id(text: string): boolean {
  return (
    /^(?:[A-Za-z0-9][\w.-]{0,95}\/)?[A-Za-z0-9][\w.-]{0,95}$/.test(text) &&
    !/\.\.|--|[.-]$|[.-]\/|\.(safetensors|bin|json|txt)$/i.test(text)
  );
}

/** A model of a hub: `<host>/<id>/resolve/<revision>/<file>`. @throws AlignError `invalid_argument` */
export function hub_location(id: string, { host = HUB, revision = 'main' }: LocationOptions): Location {
  const base = http_url('host', host);
  if (revision === '' || /^\.{1,2}$/.test(revision) || /[\u0000-\u001f\u007f]/.test(revision))
    throw new AlignError('invalid_argument', `revision ${show(revision)} is no branch, tag or commit`, {
      detail: { option: 'revision', value: revision },
    });
  const path = base.pathname.replace(/\/+$/, '');
  return {
    name: id,
    single: null,
    origin: base.origin,
    hub: { id, revision },
    fixed: /^[0-9a-f]{40}$/.test(revision),
    url(file) {
      const url = new URL(base);
      url.pathname = `${path}/${id}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(file)}`;
      return url;
    },
  };
}

/** A folder of files, or one packed file (.safetensors or .bin), behind a URL. @throws AlignError `invalid_argument` */
export function url_location(given: URL, options: LocationOptions): Location {
  const url = http_url('model', given);
  // The page of a model, as one copies it from the address bar.
  const page = /^\/([^/]+\/[^/]+?)(?:\/tree\/([^/]+))?\/?$/.exec(url.pathname);
  if (url.origin === HUB && page && is_hub_id(page[1]!)) {
    const revision = page[2] === undefined ? options.revision : decoded(page[2]);
    return hub_location(page[1]!, { revision });
  }
  if (url.origin === HUB) url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/');
  const single = /\.(safetensors|bin)$/i.test(url.pathname) ? decoded(url.pathname) : null;
  const folder = url.pathname.replace(/\/*$/, '/');
  return {
    name: shown(url),
    single,
    origin: url.origin,
    hub: null,
    fixed: false,
    url(file) {
      const own = new URL(url);
      if (single === null) own.pathname = folder + encodeURIComponent(file);
      return own;
    },
  };
}

/** The path of a URL, or a part of it, as people write it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a percent sign that stands for itself
  }
}

/** A copy of an http or https URL. Messages never show what it may have of a password. @throws AlignError `invalid_argument` */
function http_url(what: string, given: string | URL): URL {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AlignError(
      'invalid_argument',
      `${what} ${url === null ? 'is' : show(`${url.protocol}…`)} not an http or https URL`,
      { detail: { option: what } },
    );
  if (url.username !== '' || url.password !== '')
    throw new AlignError('invalid_argument', `${what} has a user name or password in ${shown(url)}`, {
      detail: { option: what },
      hint: 'leave them out; pass a token as the option token, or send what the server wants with your own fetch',
    });
  url.hash = '';
  return url;
}
