// What a model's worker in browsers and whoever started it tell each other, beside what is about the model.

/** It holds its lock. */
export const ALIVE = 'alive';

/** It wants a thread, and speaks to it by this port: what goes in goes to the thread, {@link END} ends it. */
export interface ThreadOrder {
  readonly thread: MessagePort;
}

/** What comes out of that port: what the thread said, or why it is gone. */
export type ThreadNews = { readonly message: unknown } | { readonly lost: string };

export const END = 'end';
