// The files of a model, read by the thread that the caller is on, asked for by the worker: so whatever a model may come
// from works, a caller's own sources and `fetch` among it.

import type { ModelFolder } from '../checkpoint/model_files.ts';
import { read_into, type ByteSource } from '../checkpoint/source.ts';
import type { Channel, Handler } from './channel.ts';

/** A file that the worker has open. */
interface OpenFile {
  readonly id: number;
  readonly name: string;
  readonly size: number;
}

interface ReadRange {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** What a folder's own side answers, and how it closes what the worker left open. */
export interface ServedFolder {
  readonly handlers: Readonly<Record<string, Handler>>;
  close(): void;
}

/** `signal` ends reads under way. */
export function serve_folder(folder: ModelFolder, signal: AbortSignal | undefined): ServedFolder {
  const sources = new Map<number, ByteSource>();
  let [count, closed] = [0, false];
  const close = async (id: number): Promise<void> => {
    const source = sources.get(id);
    sources.delete(id);
    await source?.close?.();
  };
  return {
    handlers: {
      open: async (file: string) => {
        const source = await folder.open(file);
        if (source === null) return [null];
        const id = ++count;
        sources.set(id, source);
        if (closed) await close(id); // it took so long to open that nobody waits any more
        return [{ id, name: source.name, size: source.size } satisfies OpenFile];
      },
      json: async (file: string) => [await folder.json(file)],
      expect: ({ id, ranges }: { id: number; ranges: [number, number][] }) => {
        sources.get(id)?.expect?.(ranges);
        return [null];
      },
      read: async ({ id, start, end }: ReadRange) => {
        // A buffer of its own, as it goes over: a source may give a piece of what it keeps.
        const bytes = new Uint8Array(end - start);
        await read_into(sources.get(id)!, start, bytes, signal);
        return [bytes, [bytes.buffer]];
      },
      close: async (id: number) => {
        await close(id);
        return [null];
      },
    },
    close: () => {
      closed = true;
      // What is closed has nothing to say any more.
      sources.forEach((_, id) => void close(id).catch(() => undefined));
    },
  };
}

/** The same folder in the worker, as far as a checkpoint is read from it. */
export function asked_folder(name: string, channel: Channel): ModelFolder {
  return {
    name,
    async open(file) {
      const found = await channel.ask<OpenFile | null>('open', file);
      if (found === null) return null;
      const { id } = found;
      const told = (what: string, question: unknown): void =>
        void channel.ask(what, question).catch(() => undefined);
      return {
        name: found.name,
        size: found.size,
        read: (start, end) => channel.ask<Uint8Array>('read', { id, start, end } satisfies ReadRange),
        expect: (ranges) => told('expect', { id, ranges: [...ranges] }),
        close: async () => channel.ask('close', id),
      };
    },
    json: (file) => channel.ask<Record<string, unknown> | null>('json', file),
    text: () => Promise.reject(new Error('only checkpoints are read here')),
  };
}
