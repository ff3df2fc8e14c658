// 64 clients that ask an endpoint for a while: good requests, bad ones, clients that go away and clients that stall. Every
// answer is the right one, or a wrong one.

import { BAD, form, leave, PICTURES, post, stall, type Answer } from '../../examples/endpoint_requests.ts';
import { Dice } from '../../fuzz/dice.ts';

export const CLIENTS = 64;
const TOO_LATE: Answer = [408, 'aborted'];
/**
 * 4 MiB in chunks are 130 reads, each a turn of the event loop, between which pictures are computed: 4 to 9 of the 10
 * seconds allowed where the processors have other work, too.
 */
const SLOW = 'too many bytes, not announced';
/** Of them, those that send a part of a picture and then nothing, again and again. */
const STALLING = 2;

export interface Load {
  readonly url: string;
  readonly expected: readonly Answer[];
  readonly seed: number;
  /** Time when no more requests are begun. */
  readonly until: number;
}

/** What has been answered. */
export class Answers {
  readonly ms: number[] = [];
  readonly refused = new Map<string, number>();
  readonly wrong: string[] = [];
  left = 0;

  get requests(): number {
    return (
      this.ms.length +
      Array.from(this.refused.values()).reduce((a, b) => a + b, 0) +
      this.left +
      this.wrong.length
    );
  }

  async good(name: string, ask: () => Promise<Answer>, expected: Answer): Promise<void> {
    const started = performance.now();
    if (await this.#is(name, ask, [expected])) this.ms.push(performance.now() - started);
  }

  /** `late`: whether it may be given up for its time, too. */
  async bad(name: string, ask: () => Promise<Answer>, expected: Answer, late = false): Promise<void> {
    const answer = await this.#is(name, ask, late ? [expected, TOO_LATE] : [expected]);
    if (answer === null) return;
    const refusal = answer.join(' ');
    this.refused.set(refusal, (this.refused.get(refusal) ?? 0) + 1);
  }

  /** The answer, where it is a right one. */
  async #is(name: string, ask: () => Promise<Answer>, right: readonly Answer[]): Promise<Answer | null> {
    const answer = JSON.stringify(await ask().catch((error: unknown) => String(error)));
    const found = right.find((each) => JSON.stringify(each) === answer);
    if (!found) this.wrong.push(`${name}: ${answer}`);
    return found ?? null;
  }
}

/** The bytes of a picture as they come from a slow client. */
const in_pieces = (picture: Uint8Array): ReadableStream =>
  new ReadableStream({
    async start(controller) {
      for (let at = 0; at < picture.length; at += 1000) {
        controller.enqueue(picture.subarray(at, at + 1000));
        await new Promise((resume) => setTimeout(resume, 20));
      }
      controller.close();
    },
  });

/** How often a client does what. */
const KINDS = [
  ...Array<'bytes'>(10).fill('bytes'),
  ...['form', 'pieces', 'leaves', 'bad', 'bad', 'bad', 'bad', 'bad', 'bad', 'bad'],
] as readonly ('bytes' | 'form' | 'pieces' | 'leaves' | 'bad')[];

async function client(n: number, { url, expected, seed, until }: Load, answers: Answers): Promise<void> {
  const dice = Dice.of(seed, n);
  const bad = Object.entries(BAD);
  while (performance.now() < until) {
    const i = dice.below(PICTURES.length);
    const picture = PICTURES[i]!;
    const kind = n < STALLING ? 'stalls' : dice.pick(KINDS);
    if (kind === 'stalls') await answers.bad('a body that stalls', () => stall(url), TOO_LATE);
    else if (kind === 'leaves') {
      await leave(url);
      answers.left++;
    } else if (kind === 'bad') {
      const [name, [ask, ...refusal]] = dice.pick(bad);
      await answers.bad(name, () => ask(url), refusal, name === SLOW);
    } else {
      const body = { bytes: picture, form: form('picture', new Blob([picture])), pieces: in_pieces(picture) }[
        kind
      ];
      await answers.good(`a picture as ${kind}`, () => post(url, body), expected[i]!);
    }
  }
}

/** All of them, until each has its last answer. */
export async function crowd(load: Load, answers: Answers): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n, load, answers)));
}
