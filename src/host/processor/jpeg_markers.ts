// The markers of a JPEG, read before anything is decoded: the decoder itself has no limits, takes half a file for a whole
// one and ends its program at what it does not know. Refusals follow Pillow and libjpeg, except that a segment needs a true
// length even where they skip it, marker 01 is refused behind the first scan too, and a JFIF segment may be short.

import { AlignError } from '../errors.ts';
import { corrupt, unsupported } from './jpeg_errors.ts';
import { Scans, type ScanHeader } from './jpeg_scans.ts';
import {
  APP0,
  APP1,
  APP14,
  APP15,
  COM,
  DAC,
  DHT,
  DNL,
  DQT,
  DRI,
  end_of_scan,
  EOI,
  JPG,
  joined,
  next_marker,
  type Segment,
  SOF0,
  SOF15,
  SOF2,
  SOS,
} from './jpeg_segments.ts';
import { Tables } from './jpeg_tables.ts';
import { latin1, orientation_of } from './orientation.ts';

/** A component's name, its sampling factors and the number of its quantisation table. */
export interface Component {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly table: number;
}

export interface Scan extends ScanHeader {
  /** What it needs that is new since the scan before: one table each, or a restart interval. */
  readonly tables: readonly Segment[];
  /** The compressed data. */
  readonly data: Uint8Array;
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
  /** Its segment. */
  readonly frame: Segment;
  readonly scans: readonly Scan[];
}

/** Enough for 64 MiB in segments of 2 KiB, few enough that a file of empty ones takes neither time nor memory. */
const MAX_SEGMENTS = 32_768;

/** Reads all markers up to the end of the picture. @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`. */
export function read_markers(bytes: Uint8Array, max_pixels: number): JpegHeader {
  let frame: Frame | null = null;
  let counted: Scans | null = null;
  const scans: Scan[] = [];
  const tables = new Tables();
  const metadata = new Metadata();
  for (let at = 2, segments = 1; ; segments++) {
    const { marker, start, end } = next_marker(bytes, at);
    at = end;
    if (marker === EOI) break;
    if (segments + tables.count > MAX_SEGMENTS)
      throw new AlignError('too_large', `The JPEG has more than ${MAX_SEGMENTS} segments and tables`, {
        detail: { max_segments: MAX_SEGMENTS },
      });
    const data = bytes.subarray(start + 4, end);
    if (marker === DQT || marker === DHT || marker === DRI) tables.add(marker, data);
    else if (marker >= SOF0 && marker <= SOF15 && marker !== DAC) {
      if (frame !== null) throw corrupt('it has two frames');
      frame = read_frame(marker, data, max_pixels);
    } else if (marker === SOS) {
      if (frame === null) throw corrupt('a scan stands before the frame');
      counted ??= new Scans(frame);
      at = end_of_scan(bytes, end);
      const scan = counted.add(data, at - end);
      scans.push({ ...scan, tables: tables.take(), data: bytes.subarray(end, at) });
    } else if (marker !== DAC && marker !== DNL && marker !== COM && !(marker >= APP0 && marker <= APP15))
      throw corrupt(`marker 0x${marker.toString(16)} at byte ${start} does not exist`, { marker });
    // What follows the first scan is too late for decoders.
    else if (counted === null) metadata.add(marker, data);
  }
  if (frame === null || counted === null) throw corrupt('it has no picture');
  counted.finish();
  const { width, height, components, progressive, segment } = frame;
  const { orientation } = metadata;
  const colours = metadata.colours(components);
  return { width, height, components, progressive, orientation, colours, frame: segment, scans };
}

/** What a frame's segment says, and the segment. */
export interface Frame {
  readonly segment: Segment;
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
  if (data.length !== 6 + 3 * count) throw corrupt('its frame has a wrong length');
  const components = Array.from({ length: count }, (_, i) => {
    const [id, factors, table] = data.subarray(6 + 3 * i);
    return { id: id!, h: factors! >> 4, v: factors! & 15, table: table! };
  });
  if (!components.every(({ h, v }) => h >= 1 && h <= 4 && v >= 1 && v <= 4))
    throw corrupt('its sampling factors are not 1 to 4');
  const progressive = marker === SOF2;
  return { segment: { marker, data }, width, height, progressive, components };
}

/** What the APPn segments say. */
class Metadata {
  #jfif = false;
  #adobe: number | null = null;
  /** More of it than a segment holds goes on in the next. */
  readonly #exif: Uint8Array[] = [];
  #xmp: Uint8Array | undefined;

  add(marker: number, data: Uint8Array): void {
    if (marker === APP0 && data.length >= 14 && begins(data, 'JFIF\0')) this.#jfif = true;
    else if (marker === APP14 && data.length >= 12 && begins(data, 'Adobe')) this.#adobe = data[11]!;
    else if (marker === APP1 && begins(data, 'Exif\0\0'))
      this.#exif.push(this.#exif.length === 0 ? data : data.subarray(6));
    else if (marker === APP1 && begins(data, 'http://ns.adobe.com/xap/1.0/\0'))
      this.#xmp = data.subarray(data.indexOf(0) + 1);
  }

  get orientation(): number {
    const exif = this.#exif.length === 0 ? undefined : joined(this.#exif);
    return orientation_of(exif, this.#xmp === undefined ? '' : latin1(this.#xmp));
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
