// What `index` has done so far, beside its output: a header, then a record a picture, appended and flushed batch by batch.
// Each line is a checksum and its JSON, so the line that a kill tore is known, and dropped.

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { AlignError } from '../errors.ts';
import { check_regular } from '../platform/node_files.ts';
import { unwritable } from './lock.ts';
import type { Meta, EmbeddedPicture } from './target.ts';

interface Line {
  readonly id: string;
  readonly meta: Meta;
  /** Base64 of float32, little endian. */
  readonly embedding: string;
}

/** An open journal. */
export class Journal {
  readonly #file: string;
  readonly #handle: FileHandle;

  private constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  /**
   * Opens the journal, or begins one. `replay` gets the whole records of what is there; from the first damaged byte on the
   * rest is cut off.
   * @param header what the records depend on: a journal with another one is refused
   * @throws AlignError `invalid_argument` for another header or where it cannot be written, `corrupt_index` for a damaged one
   */
  static async open(file: string, header: Meta, replay: (record: EmbeddedPicture) => void): Promise<Journal> {
    const there = await stat(file).catch(() => null);
    if (there !== null) check_regular(file, there, 'invalid_argument');
    const handle = await open(file, 'a').catch((error: unknown) => {
      throw unwritable(file, error);
    });
    try {
      const expected = line_of(header);
      const kept = await read_lines(file, (json, first) => {
        if (!first) replay(record_of(JSON.parse(json) as Line));
        else if (json !== JSON.stringify(header)) throw other_header(file);
      });
      await handle.truncate(kept);
      if (kept === 0) await write(handle, expected);
      return new Journal(file, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Adds records; they are on the disk when this resolves. */
  async append(records: readonly EmbeddedPicture[]): Promise<void> {
    const lines = records.map(({ id, meta, embedding }) =>
      line_of({ id, meta, embedding: base64(embedding) } satisfies Line),
    );
    await write(this.#handle, lines.join(''));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Closes it and takes it away: what it holds is somewhere else. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.#file, { force: true });
  }
}

async function write(handle: FileHandle, text: string): Promise<void> {
  await handle.appendFile(text);
  await handle.datasync();
}

const CHECK_DIGITS = 16;

function check_of(json: string | Uint8Array): string {
  return createHash('sha256').update(json).digest('hex').slice(0, CHECK_DIGITS);
}

function line_of(value: unknown): string {
  const json = JSON.stringify(value);
  return `${check_of(json)} ${json}\n`;
}

/** Hands over the JSON of each whole line, up to the first that is not; gives the bytes that these lines take. */
async function read_lines(file: string, line: (json: string, first: boolean) => void): Promise<number> {
  let kept = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      const json = data.subarray(CHECK_DIGITS + 1, end);
      if (data.toString('latin1', 0, CHECK_DIGITS + 1) !== `${check_of(json)} `) {
        if (kept > 0) return kept;
        throw new AlignError('corrupt_index', `${file} is damaged at its beginning`, {
          hint: 'delete it to begin again',
        });
      }
      line(json.toString('utf8'), kept === 0);
      kept += end + 1;
      data = data.subarray(end + 1);
    }
    rest = data;
  }
  return kept;
}

function record_of({ id, meta, embedding }: Line): EmbeddedPicture {
  const bytes = Uint8Array.from(Buffer.from(embedding, 'base64'));
  return { id, meta, embedding: new Float32Array(bytes.buffer) };
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function other_header(file: string): AlignError {
  return new AlignError('invalid_argument', `${file} was begun with another model`, {
    hint: 'go on with that model, or delete the file to begin again with this one',
  });
}
