// A JPEG's picture as a file that has nothing but what decoding needs: whatever a decoder then warns of is damage of the
// compressed data, and nothing that stood between segments or in metadata can be the one warning that libjpeg prints.

import type { JpegHeader } from './jpeg_markers.ts';
import { APP14, EOI, joined, SOI, SOS } from './jpeg_segments.ts';

/** The file. Its colours are said by Adobe's segment, whatever said them before. */
export function plain_jpeg({ frame, scans, colours }: JpegHeader): Uint8Array {
  const adobe = Uint8Array.of(0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, colours === 'rgb' ? 0 : 1);
  return joined([
    Uint8Array.of(0xff, SOI),
    ...segment(APP14, adobe),
    ...segment(frame.marker, frame.data),
    ...scans.flatMap(({ tables, header, data }) => [
      ...tables.flatMap((table) => segment(table.marker, table.data)),
      ...segment(SOS, header),
      data,
    ]),
    Uint8Array.of(0xff, EOI),
  ]);
}

function segment(marker: number, data: Uint8Array): [Uint8Array, Uint8Array] {
  const length = data.length + 2;
  return [Uint8Array.of(0xff, marker, length >> 8, length & 255), data];
}
