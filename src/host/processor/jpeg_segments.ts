// Where the segments of a JPEG stand, by their markers.

import { corrupt } from './jpeg_errors.ts';

export const SOF0 = 0xc0;
export const SOF2 = 0xc2;
export const DHT = 0xc4;
export const JPG = 0xc8;
export const DAC = 0xcc;
export const SOF15 = 0xcf;
export const RST0 = 0xd0;
const RST7 = 0xd7;
export const SOI = 0xd8;
export const EOI = 0xd9;
export const SOS = 0xda;
export const DQT = 0xdb;
export const DNL = 0xdc;
export const DRI = 0xdd;
export const APP0 = 0xe0;
export const APP1 = 0xe1;
export const APP14 = 0xee;
export const APP15 = 0xef;
export const COM = 0xfe;

/** A marker and what stands in its segment. */
export interface Segment {
  readonly marker: number;
  readonly data: Uint8Array;
}

export function is_jpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff;
}

export interface Marker {
  readonly marker: number;
  /** Where the marker's 0xFF stands. */
  readonly start: number;
  readonly end: number;
}

/** Where the next marker's 0xFF stands, at or after `at`: no stuffed byte and no filler. The length where there is none. */
export function marker_at(bytes: Uint8Array, at: number): number {
  for (;;) {
    if (bytes[at] !== 0xff) at = bytes.indexOf(0xff, at);
    const next = at < 0 ? undefined : bytes[at + 1];
    if (next === undefined) return bytes.length;
    if (next !== 0 && next !== 0xff) return at;
    at += next === 0xff ? 1 : 2;
  }
}

function is_restart(marker: number | undefined): boolean {
  return marker !== undefined && marker >= RST0 && marker <= RST7;
}

/** The next segment at or after `at`; bytes that are no marker, and restarts, are passed over as Pillow and libjpeg do. */
export function next_marker(bytes: Uint8Array, at: number): Marker {
  const start = end_of_scan(bytes, at);
  const marker = bytes[start + 1];
  if (marker === undefined)
    throw corrupt(`it ends after ${bytes.length} bytes, before its end marker`, { bytes: bytes.length });
  if (marker === SOI) throw corrupt(`it begins a second time, at byte ${start}`, { at: start });
  if (marker === EOI) return { marker, start, end: start + 2 };
  const length = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  const end = start + 2 + length;
  if (!(end <= bytes.length) || start + 4 > bytes.length)
    throw corrupt(
      `segment 0x${marker.toString(16)} at byte ${start} has ${length} bytes, the file ends after ${bytes.length}`,
      { at: start, length, bytes: bytes.length },
    );
  if (length < 2)
    throw corrupt(`segment 0x${marker.toString(16)} at byte ${start} has no length`, { at: start });
  return { marker, start, end };
}

/** Where the data of a scan ends: at the next marker that is no restart. */
export function end_of_scan(bytes: Uint8Array, at: number): number {
  while (is_restart(bytes[(at = marker_at(bytes, at)) + 1])) at += 2;
  return at;
}

/** The parts one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
