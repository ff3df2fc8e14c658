// JPEGs by their segments: taken apart, put together, and the smallest that there are of a size.

/** A marker, what stands in its segment, and of a scan the compressed data behind it. */
export interface JpegSegment {
  marker: number;
  data: Uint8Array;
  scan?: Uint8Array;
  /** What its length is off by. */
  length?: number;
}

export const DHT = 0xc4;
export const SOS = 0xda;
export const DQT = 0xdb;
export const DRI = 0xdd;

/** The segments of a whole JPEG, between its first and its last marker. */
export function segments_of(bytes: Uint8Array): JpegSegment[] {
  const segments: JpegSegment[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at + 1] !== 0xd9;) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    const data = bytes.slice(at + 4, end);
    at = end;
    if (marker !== SOS) {
      segments.push({ marker, data });
      continue;
    }
    while (bytes[at] !== 0xff || bytes[at + 1] === 0 || (bytes[at + 1]! & 0xf8) === 0xd0) at++;
    segments.push({ marker, data, scan: bytes.slice(end, at) });
  }
  return segments;
}

/** The file of these segments. */
export function jpeg_of(segments: readonly JpegSegment[]): Uint8Array {
  const parts = segments.flatMap(({ marker, data, scan, length = 0 }) => {
    const size = (data.length + 2 + length) & 0xffff;
    return [Uint8Array.of(0xff, marker, size >> 8, size & 255), data, ...(scan ? [scan] : [])];
  });
  return new Uint8Array(Buffer.concat([Uint8Array.of(0xff, 0xd8), ...parts, Uint8Array.of(0xff, 0xd9)]));
}

/**
 * The smallest whole JPEG of a size, of one colour: every block a bit for its mean and one for the end of the rest. Progressive:
 * `scans` more of all other coefficients of each component, each of which passes over 32,767 blocks with 15 bits.
 */
export function flat_jpeg(
  width: number,
  height: number,
  {
    components = 3,
    scans = 0,
    progressive = scans > 0,
  }: { components?: number; scans?: number; progressive?: boolean } = {},
): Uint8Array {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const ids = Array.from({ length: components }, (_, i) => i + 1);
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  /** One code, of one bit, for `symbol`. */
  const table = (number: number, symbol: number): number[] => [
    number,
    1,
    ...new Array<number>(15).fill(0),
    symbol,
  ];
  const header = (of: readonly number[], first: number, last: number): Uint8Array =>
    Uint8Array.of(of.length, ...of.flatMap((id) => [id, 0]), first, last, 0);
  const bits = (count: number): Uint8Array => new Uint8Array(Math.ceil(count / 8));
  // 15 bits of a run: the code of "2^14 blocks and more", then 14 zeros.
  const run = bits(15 * Math.ceil(blocks / 2 ** 14));
  return jpeg_of([
    { marker: DQT, data: Uint8Array.of(0, ...new Array<number>(64).fill(1)) },
    {
      marker: progressive ? 0xc2 : 0xc0,
      data: Uint8Array.of(8, ...size, components, ...ids.flatMap((id) => [id, 0x11, 0])),
    },
    { marker: DHT, data: Uint8Array.from([...table(0, 0), ...table(0x10, progressive ? 0xe0 : 0)]) },
    {
      marker: SOS,
      data: header(ids, 0, progressive ? 0 : 63),
      scan: bits(blocks * components * (progressive ? 1 : 2)),
    },
    ...Array.from({ length: scans }, () =>
      ids.map((id): JpegSegment => ({ marker: SOS, data: header([id], 1, 63), scan: run })),
    ).flat(),
  ]);
}
