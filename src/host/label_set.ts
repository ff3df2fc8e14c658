// Labels with their embeddings: the text tower's work, done once and shipped to where only pictures are computed.

import { crc32 } from './crc32.ts';
import { AlignError, show, within_memory } from './errors.ts';
import { dot } from './scores.ts';

// The bytes of a label set, little-endian:
//
//   "ALIGNLS1" | crc32 of all that follows u32 | labels u32 | dimensions u32 | JSON length u32 | JSON | embeddings f32
//   0            8                               12           16               20                24
//
// The JSON is {"hypothesis_template": "…", "labels": ["…", …]} in UTF-8, padded with spaces to a multiple of 4.
const MAGIC = 'ALIGNLS1';
const CHECKED_FROM = 12;
const JSON_AT = 24;

/** Labels and their unit-length text embeddings, made by {@link Align.label_set} or from bytes. */
export class LabelSet {
  readonly labels: readonly string[];
  /** One unit-length vector a label, [dimensions] each. */
  readonly embeddings: readonly Float32Array[];
  /** The text the labels were put into before they were embedded. */
  readonly hypothesis_template: string;

  /** Takes what {@link Align.label_set} computed; the vectors belong to the set from now on. @throws AlignError `invalid_argument` */
  constructor(labels: readonly string[], embeddings: readonly Float32Array[], hypothesis_template: string) {
    if (!belong_together(labels, embeddings, hypothesis_template))
      throw new AlignError(
        'invalid_argument',
        `LabelSet: ${show(labels)} and ${show(embeddings)} do not belong together`,
      );
    this.labels = Object.freeze([...labels]);
    this.embeddings = Object.freeze([...embeddings]);
    this.hypothesis_template = hypothesis_template;
  }

  /** Number of labels. */
  get size(): number {
    return this.labels.length;
  }

  /** Length of every embedding. */
  get dimensions(): number {
    return this.embeddings[0]?.length ?? 0;
  }

  /** The set as bytes, the same bytes in every runtime, for {@link LabelSet.from_bytes}. */
  to_bytes(): Uint8Array {
    return within_memory(() => {
      const { labels, hypothesis_template, size, dimensions } = this;
      const json = new TextEncoder().encode(JSON.stringify({ hypothesis_template, labels }));
      const json_length = (json.length + 3) & ~3;
      const bytes = new Uint8Array(JSON_AT + json_length + size * dimensions * 4);
      const view = new DataView(bytes.buffer);
      bytes.set(new TextEncoder().encode(MAGIC));
      view.setUint32(12, size, true);
      view.setUint32(16, dimensions, true);
      view.setUint32(20, json_length, true);
      bytes.fill(0x20, JSON_AT, JSON_AT + json_length).set(json, JSON_AT);
      let at = JSON_AT + json_length;
      for (const embedding of this.embeddings)
        for (const value of embedding) {
          view.setFloat32(at, value, true);
          at += 4;
        }
      view.setUint32(8, crc32(bytes.subarray(CHECKED_FROM)), true);
      return bytes;
    });
  }

  /**
   * A set from the bytes that {@link LabelSet.to_bytes} gave.
   * @throws AlignError `invalid_argument` for what is not bytes, `corrupt_index` for bytes that are not a whole, unchanged set
   */
  static from_bytes(input: Uint8Array | ArrayBuffer): LabelSet {
    if (!(input instanceof Uint8Array || input instanceof ArrayBuffer))
      throw new AlignError(
        'invalid_argument',
        `LabelSet.from_bytes takes a Uint8Array or ArrayBuffer, not ${show(input)}`,
      );
    return within_memory(() => {
      const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
      if (bytes.length < JSON_AT || new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC)
        throw corrupt(`${bytes.length} bytes that do not begin with ${show(MAGIC)}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const size = view.getUint32(12, true);
      const dimensions = view.getUint32(16, true);
      const json_length = view.getUint32(20, true);
      const expected = JSON_AT + json_length + size * dimensions * 4;
      if (bytes.length !== expected)
        throw corrupt(`its header makes it ${expected} bytes long, there are ${bytes.length}`);
      if (view.getUint32(8, true) !== crc32(bytes.subarray(CHECKED_FROM)))
        throw corrupt('its checksum does not match');

      const { labels, hypothesis_template } = parse(bytes.subarray(JSON_AT, JSON_AT + json_length));
      if (size === 0 || dimensions === 0 || labels.length !== size)
        throw corrupt(`${labels.length} labels for ${size} embeddings of ${dimensions} values`);
      const embeddings = labels.map((label, i) => {
        const start = JSON_AT + json_length + i * dimensions * 4;
        const row = Float32Array.from({ length: dimensions }, (_, j) => view.getFloat32(start + j * 4, true));
        if (!(Math.abs(dot(row, row) - 1) < 1e-3))
          throw corrupt(`the embedding of ${show(label)} has not length 1`);
        return row;
      });
      return new LabelSet(labels, embeddings, hypothesis_template);
    });
  }
}

function belong_together(labels: unknown, rows: unknown, template: unknown): boolean {
  if (!Array.isArray(labels) || !Array.isArray(rows) || labels.length !== rows.length) return false;
  const [first] = rows as readonly Float32Array[];
  return (
    labels.concat(template).every((text) => typeof text === 'string') &&
    rows.every((row) => row instanceof Float32Array && row.length === first!.length)
  );
}

function corrupt(reason: string): AlignError {
  return new AlignError('corrupt_index', `Not a label set: ${reason}`, {
    hint: 'write it again with label_set.to_bytes()',
  });
}

function parse(json: Uint8Array): { labels: string[]; hypothesis_template: string } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw corrupt('its labels are not JSON');
  }
  const { labels, hypothesis_template } = (value ?? {}) as Record<string, unknown>;
  if (
    !Array.isArray(labels) ||
    !labels.every((l) => typeof l === 'string') ||
    typeof hypothesis_template !== 'string'
  )
    throw corrupt('its labels are not a list of texts');
  return { labels, hypothesis_template };
}
