// That examples/deno and examples/cloudflare answer as they must, alone and whatever else is asked at the same time.

import { expect } from 'vitest';
import { BAD, dog, expected_answers, form, leave, PICTURES, post, stall } from './endpoint_requests.ts';
import { shell } from './readme.ts';

/** Good requests alone, as bodies and as forms, and bad ones alone. */
export async function check_answers(url: string): Promise<void> {
  const expected = await expected_answers(url);
  for (const [i, picture] of PICTURES.entries()) expect(await post(url, picture)).toEqual(expected[i]);
  expect(await post(url, form('picture', new Blob([PICTURES[0]!])))).toEqual(expected[0]);
  for (const [name, [ask, status, code]] of Object.entries(BAD))
    expect(await ask(url), name).toEqual([status, code]);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const wrong = await fetch(url, { method: 'DELETE' });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST');
}

/**
 * 64 clients at once, each with several requests, good and bad in turn, and clients that go away. One sends a part of its
 * picture and then nothing.
 */
export async function check_crowd(url: string): Promise<void> {
  const expected = await expected_answers(url);
  const bad = Object.entries(BAD);
  const stalled = stall(url);
  const client = async (n: number): Promise<void> => {
    for (let i = n; i < n + 3; i++) {
      const [name, [ask, status, code]] = bad[i % bad.length]!;
      const picture = i % PICTURES.length;
      if (i % 3 === 0) await leave(url);
      else if (i % 3 === 1) expect(await ask(url), name).toEqual([status, code]);
      else expect(await post(url, PICTURES[picture]!)).toEqual(expected[picture]);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, n) => client(n)));
  expect(await stalled).toEqual([408, 'aborted']);
  expect(await post(url, PICTURES[0]!)).toEqual(expected[0]);
}

/** The commands of a README that post dog.png to where it says that the endpoint is, run for where it is. */
export async function check_curls(
  commands: readonly string[],
  said: string,
  url: string,
  folder: string,
): Promise<void> {
  expect(commands).toHaveLength(2);
  const [, labels] = await post(url, dog);
  for (const command of commands) {
    expect(command).toContain(said);
    expect(JSON.parse(await shell(`${command.replace(said, url)} --silent`, folder))).toEqual({ labels });
  }
}
