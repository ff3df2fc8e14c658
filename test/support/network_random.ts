// A server that fails at random: each of its answers is good, or one of the bad ones.

import type { OpenOptions } from '../../src/host/checkpoint/model_files.ts';
import type { Dice } from '../fuzz/dice.ts';
import type { Fault } from './hostile_server.ts';
import { cut_at, gzipped, on_file, other_version, page, plain, range_header, raw, redirect, reset, shorter, silent, stall_at, status, whole, type Action } from './network_actions.ts'; // prettier-ignore
import { FILE, NAME, SUM, type Site } from './network_site.ts';

export interface RandomFault {
  /** The answers so far, in words. */
  readonly said: string[];
  readonly fault: Fault;
  readonly options: OpenOptions;
  /** Whether the server has said that there is no such file, or has shown a page in its place. */
  readonly denied: () => boolean;
}

type Draw = (dice: Dice, site: Site) => readonly [what: string, action: Action];

const SHORTLY = [408, 429, 500, 502, 503, 504];
const DENIALS = [403, 404, 410];
const RETRY_AFTER = ['0', '1', 'soon', '-1', 'Thu, 01 Jan 1970 00:00:00 GMT'];
const PLACES = ['/real', `/m/${NAME}`, 'http://[', 'file:///etc/passwd', 'data:text/plain,abc', 'http://127.0.0.1:1/', '']; // prettier-ignore

const DRAWS: readonly Draw[] = [
  (dice) => from_share('cut', cut_at, dice),
  (dice) => from_share('stall', stall_at, dice),
  () => ['reset', reset],
  () => ['silence', silent],
  (dice) => {
    const text = dice.pick(['SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab', '']);
    return [JSON.stringify(text), raw(text)];
  },
  (dice) => {
    const [code, after] = [dice.pick(SHORTLY), dice.pick(RETRY_AFTER)];
    return [`${code}, Retry-After: ${after}`, status(code, dice.chance(0.5) ? { 'Retry-After': after } : {})];
  },
  (dice) => from_code(dice.pick([204, 304, 400, 401, 416])),
  (dice) => from_code(dice.pick(DENIALS)),
  () => ['page', page],
  (dice) => {
    const bytes = 1 + dice.below(3_000_000);
    return [`${bytes} bytes of the range`, (turn) => (turn.range ? shorter(bytes)(turn) : turn.good())];
  },
  (dice) => {
    const [first, last, size] = [dice.below(3) - 1, dice.below(3) - 1, dice.below(3) - 1];
    const header = range_header(({ range }) => {
      return `bytes ${range!.start + first}-${range!.end - 1 + last}/${FILE.length + size}`;
    });
    return [`Content-Range off by ${first}, ${last}, ${size}`, header];
  },
  (dice) => {
    const cut = dice.chance(0.5) ? dice.below(FILE.length) : undefined;
    return [`whole, cut ${cut}`, whole(dice.chance(0.5) ? plain : {}, FILE, cut)];
  },
  (dice) => {
    const cut = dice.chance(0.3) ? dice.below(gzipped.length) : undefined;
    return [`gzip, cut ${cut}`, whole({ 'Content-Encoding': 'gzip' }, gzipped, cut)];
  },
  (dice, { elsewhere }) => {
    const place = dice.pick([...PLACES, `${elsewhere.url}/real`]);
    return [`redirect ${place}`, redirect(place, dice.pick([301, 302, 303, 307, 308]))];
  },
  () => ['another version', other_version],
];

function from_share(what: string, action: (share: number) => Action, dice: Dice): readonly [string, Action] {
  const share = dice.next();
  return [`${what} at ${share.toFixed(3)}`, action(share)];
}

function from_code(code: number): readonly [string, Action] {
  return [String(code), status(code)];
}

/** What another version alone answers is right for that server, so the right one has answered first. */
const ever = (draw: Draw): boolean => draw !== DRAWS.at(-1);

export function random_fault(dice: Dice, site: Site): RandomFault {
  const often = dice.pick([0.05, 0.3, 0.6, 0.95]);
  const kinds = dice.chance(0.5) ? DRAWS : [dice.pick(DRAWS), dice.pick(DRAWS)];
  const said: string[] = [];
  const fault = on_file((turn) => {
    const able = said.includes('good') ? kinds : kinds.filter(ever);
    if (able.length === 0 || !dice.chance(often)) {
      said.push('good');
      return false;
    }
    const [what, action] = dice.pick(able)(dice, site);
    said.push(what);
    action(turn);
    return true;
  });
  const options: OpenOptions = {
    ...(dice.chance(0.3) && { sha256: { [NAME]: SUM } }),
    ...(dice.chance(0.3) && { cache: false as const }),
  };
  const denied = (): boolean => said.some((what) => what === 'page' || DENIALS.includes(Number(what)));
  return { said, fault, options, denied };
}
