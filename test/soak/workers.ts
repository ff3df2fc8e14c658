// The threads and workers that models start, counted; and what the isolates of workers hold.

import { once } from 'node:events';
import {
  MessageChannel,
  Worker,
  type MessagePort,
  type Transferable as NodeTransferable,
} from 'node:worker_threads';
import { platform } from '../../src/host/platform/node.ts';
import type { ThreadEvents } from '../../src/host/platform/platform.ts';
import { NO_BYTES, sum, type Bytes } from './memory.ts';

/** How long one that was told to end may take, in ms. */
const ENDS_WITHIN = 10_000;

/** Counts alone: a list of all that were ever started would be a leak itself. */
export class Workers {
  started = 0;
  #gone = 0;
  readonly #ports = new Set<MessagePort>();

  /** Counts all that are started from now on. `counted` is counted_worker.ts, bundled. */
  constructor(counted: URL) {
    const spawn = platform.spawn!;
    platform.spawn = (events) => spawn(this.#counted(events));
    platform.offload = (events) => {
      const heard = this.#counted(events);
      const { port1: port, port2 } = new MessageChannel();
      this.#ports.add(port.on('close', () => this.#ports.delete(port)));
      port.unref();
      const worker = new Worker(counted, { workerData: port2, transferList: [port2] });
      worker.on('message', (message) => heard.message(message));
      worker.on('error', (cause) => heard.lost(cause));
      worker.on('exit', (code) => heard.lost(new Error(`it exited with ${code}`)));
      return {
        post: (message, transfer) => worker.postMessage(message, transfer as readonly NodeTransferable[]),
        ref: () => worker.ref(),
        unref: () => worker.unref(),
        end: () => worker.terminate().then(() => undefined),
      };
    };
  }

  /** How many live, once no more of them than `expected` do or ending takes them too long. */
  async alive(expected: number): Promise<number> {
    const late = performance.now() + ENDS_WITHIN;
    while (this.started - this.#gone > expected && performance.now() < late)
      await new Promise((resume) => setTimeout(resume, 5));
    return this.started - this.#gone;
  }

  /** What the isolates of the workers hold. */
  async memory(): Promise<Bytes> {
    let held = NO_BYTES;
    for (const port of this.#ports) {
      const answer = once(port, 'message');
      port.postMessage(null);
      held = sum(held, ((await answer) as [Bytes])[0]);
      port.unref();
    }
    return held;
  }

  #counted({ message, lost }: ThreadEvents): ThreadEvents {
    this.started++;
    let alive = true;
    return {
      message,
      lost: (cause) => {
        if (alive) this.#gone++;
        alive = false;
        lost(cause);
      },
    };
  }
}
