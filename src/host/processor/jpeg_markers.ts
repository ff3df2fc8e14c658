// The markers of a JPEG, read before anything is decoded: the decoder itself has no limits, takes half a file for a whole
// one and ends its program at what it does not know. Refusals follow Pillow, except where the text says otherwise.

import { AlignError } from '../errors.ts';
import { corrupt, unsupported } from './jpeg_errors.ts';
import { Scans } from './jpeg_scans.ts';
import { latin1, orientation_of } from './orientation.ts';

/** A component's name, its sampling factors and the number of its quantisation table. */
export interface Component {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly table: number;
}

/** A marker and what belongs to it. */
export interface Segment {
  readonly marker: number;
  readonly data: Uint8Array;
  /** Of a scan: the compressed data that follows. */
  readonly scan: Uint8Array | null;
}

export type Colours = 'grey' | 'rgb' | 'ycc' | 'cmyk' | 'ycck';

/** What the markers say of a JPEG that can be decoded. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** One, three or four. */
  readonly components: readonly Component[];
  readonly colours: Colours;
  readonly progressive: boolean;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** All segments from the first to the last scan. */
  readonly segments: readonly Segment[];
}

const SOF0 = 0xc0;
const SOF2 = 0xc2;
export const DHT = 0xc4;
const JPG = 0xc8;
const DAC = 0xcc;
const SOF15 = 0xcf;
export const RST0 = 0xd0;
const RST7 = 0xd7;
const SOI = 0xd8;
const EOI = 0xd9;
export const SOS = 0xda;
export const DQT = 0xdb;
export const DRI = 0xdd;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const TEM = 0x01;

export function is_jpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff;
}

/** Reads all markers up to the end of the picture. @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`. */
export function read_markers(bytes: Uint8Array, max_pixels: number): JpegHeader {
  let frame: Frame | null = null;
  let scans: Scans | null = null;
  const segments: Segment[] = [];
  const metadata = new Metadata();
  for (let at = 2; ;) {
    const { marker, start, end } = next_marker(bytes, at);
    at = end;
    if (marker === EOI) break;
    const data = bytes.subarray(start + 4, end);
    let scan: Uint8Array | null = null;
    if (marker >= SOF0 && marker <= SOF15 && marker !== DHT && marker !== DAC) {
      if (frame !== null) throw corrupt('it has two frames');
      frame = read_frame(marker, data, max_pixels);
    } else if (marker === SOS) {
      if (frame === null) throw corrupt('a scan stands before the frame');
      const { width, height, progressive, components } = frame;
      scans ??= new Scans(width, height, progressive, components);
      at = end_of_scan(bytes, end);
      scan = bytes.subarray(end, at);
      scans.add(data, scan.length);
    }
    segments.push({ marker, data, scan });
    // What follows the first scan is too late for decoders.
    if (scans === null) metadata.add(marker, data);
  }
  if (frame === null || scans === null) throw corrupt('it has no picture');
  scans.finish();
  const { width, height, components, progressive } = frame;
  const { orientation } = metadata;
  return {
    width,
    height,
    components,
    progressive,
    orientation,
    segments,
    colours: metadata.colours(components),
  };
}

interface Marker {
  readonly marker: number;
  /** Where the marker's 0xFF stands. */
  readonly start: number;
  readonly end: number;
}

/** The next marker at or after `at`; bytes that are no marker are passed over, as Pillow and libjpeg do. */
function next_marker(bytes: Uint8Array, at: number): Marker {
  for (;;) {
    at = bytes.indexOf(0xff, at);
    while (at >= 0 && bytes[at + 1] === 0xff) at += 1;
    const marker = bytes[at + 1];
    if (at < 0 || marker === undefined)
      throw corrupt(`it ends after ${bytes.length} bytes, before its end marker`, { bytes: bytes.length });
    if (marker !== 0 && marker !== TEM && marker !== SOI && !(marker >= RST0 && marker <= RST7)) {
      if (marker === EOI) return { marker, start: at, end: at + 2 };
      const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      const end = at + 2 + length;
      if (!(end <= bytes.length) || at + 4 > bytes.length)
        throw corrupt(
          `segment 0x${marker.toString(16)} at byte ${at} has ${length} bytes, the file ends after ${bytes.length}`,
          { at, length, bytes: bytes.length },
        );
      if (length < 2) throw corrupt(`segment 0x${marker.toString(16)} at byte ${at} has no length`, { at });
      return { marker, start: at, end };
    }
    at += 2;
  }
}

/** Where the data of a scan ends: at the next marker that is neither a stuffed byte, a filler nor a restart. */
function end_of_scan(bytes: Uint8Array, at: number): number {
  for (;;) {
    at = bytes.indexOf(0xff, at);
    const next = bytes[at + 1];
    if (at < 0 || next === undefined) return bytes.length;
    if (next !== 0 && next !== 0xff && !(next >= RST0 && next <= RST7)) return at;
    at += next === 0xff ? 1 : 2;
  }
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly components: readonly Component[];
}

function read_frame(marker: number, data: Uint8Array, max_pixels: number): Frame {
  const kind = marker - SOF0;
  if (marker > SOF2)
    throw unsupported(
      marker === JPG || kind === 3 || kind === 7 || kind === 11 || kind === 15
        ? 'is of the lossless kind, which is not read'
        : kind >= 9 && kind !== 13
          ? 'is arithmetic-coded, which is not read'
          : 'is hierarchical, which is not read',
      { frame: marker },
    );
  if (data.length < 6) throw corrupt('its frame is too short');
  const [precision, h1, h0, w1, w0, count] = data as unknown as number[];
  const [width, height] = [(w1! << 8) | w0!, (h1! << 8) | h0!];
  if (precision !== 8) throw unsupported(`has ${precision} bits a sample, 8 are read`, { precision });
  if (width === 0 || height === 0)
    throw corrupt(`its size is ${width} x ${height} pixels`, { width, height });
  if (width * height > max_pixels)
    throw new AlignError(
      'too_large',
      `The picture has ${width} x ${height} pixels, the limit is ${max_pixels} pixels`,
      { detail: { width, height, max_pixels }, hint: 'raise max_pixels, or make the picture smaller' },
    );
  if (count !== 1 && count !== 3 && count !== 4)
    throw unsupported(`has ${count} components, 1, 3 or 4 are read`, { components: count });
  if (data.length < 6 + 3 * count) throw corrupt('its frame is too short');
  const components = Array.from({ length: count }, (_, i) => {
    const [id, factors, table] = data.subarray(6 + 3 * i);
    return { id: id!, h: factors! >> 4, v: factors! & 15, table: table! };
  });
  if (!components.every(({ h, v }) => h >= 1 && h <= 4 && v >= 1 && v <= 4))
    throw corrupt('its sampling factors are not 1 to 4');
  const progressive = marker === SOF2;
  return { width, height, progressive, components };
}

/** What the APPn segments say. */
class Metadata {
  #jfif = false;
  #adobe: number | null = null;
  #exif: Uint8Array | undefined;
  #xmp = '';

  add(marker: number, data: Uint8Array): void {
    if (marker === APP0 && data.length >= 14 && begins(data, 'JFIF\0')) this.#jfif = true;
    else if (marker === APP14 && data.length >= 12 && begins(data, 'Adobe')) this.#adobe = data[11]!;
    else if (marker === APP1 && begins(data, 'Exif\0\0'))
      // More of it than a segment holds goes on in the next.
      this.#exif = this.#exif === undefined ? data : joined(this.#exif, data.subarray(6));
    else if (marker === APP1 && begins(data, 'http://ns.adobe.com/xap/1.0/\0'))
      this.#xmp = latin1(data.subarray(data.indexOf(0) + 1));
  }

  get orientation(): number {
    return orientation_of(this.#exif, this.#xmp);
  }

  /** As libjpeg guesses. */
  colours(components: readonly Component[]): Colours {
    if (components.length === 1) return 'grey';
    if (components.length === 4) return this.#adobe === null || this.#adobe === 0 ? 'cmyk' : 'ycck';
    if (this.#jfif) return 'ycc';
    const rgb =
      this.#adobe === null ? components.every(({ id }, i) => id === 'RGB'.charCodeAt(i)) : this.#adobe === 0;
    return rgb ? 'rgb' : 'ycc';
  }
}

function begins(data: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (data[i] !== text.charCodeAt(i)) return false;
  return true;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
