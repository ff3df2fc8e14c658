// What is behind a URL, wherever there is fetch.

import { body_bytes, type FetchOptions } from '../checkpoint/body.ts';
import { AlignError, show, throw_if_aborted } from '../errors.ts';

/** Schemes that a network is behind; with others, a failure is the URL's own. */
const REMOTE = /^(https?|blob):$/;

/** @throws AlignError `network`, `too_large`, `aborted`, `invalid_argument` for a URL of another kind */
export async function fetch_url(
  url: URL,
  limit: number,
  options: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options;
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    throw_if_aborted(signal);
    // Node's says why in its own cause alone.
    const reason = String((cause as Error).cause ?? cause);
    if (!REMOTE.test(url.protocol))
      throw new AlignError('invalid_argument', `${show(url.href)} cannot be read: ${reason}`, {
        hint: 'give an http:, https:, file: or whole data: URL, or a path',
        cause,
      });
    throw new AlignError('network', `${url.href} could not be fetched: ${reason}`, { cause });
  }
  if (!response.ok) throw new AlignError('network', `${url.href}: HTTP ${response.status}`);
  return body_bytes(response, limit, options);
}
