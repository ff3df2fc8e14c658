// A PNG's pixels as RGBA of eight bits: its lines are inflated, their filters undone in place, their samples written out,
// all as the data comes, which leaves the event loop its turns in a large picture.

import { pictures } from '#platform';
import { AlignError, out_of_memory, within_memory } from '../errors.ts';
import { corrupt } from './png_errors.ts';
import { GREY, GREY_ALPHA, passes_of, pixel_bits, RGBA, type Pass, type PngHeader } from './png_layout.ts';

/** What the samples mean. */
export interface Colours {
  /** RGBA by sample: of a palette, and of grey up to 8 bits. Other samples are what they say. */
  readonly table: Uint32Array | null;
  /** The bytes of a pixel that is transparent, where one is. */
  readonly key: Uint8Array | null;
}

/** Deflate makes no more than so many bytes of one. */
const MOST_INFLATION = 1032;

const SUB = 1;
const UP = 2;
const AVERAGE = 3;
const PAETH = 4;

/** Pixels of the zlib data `parts`. @throws AlignError `corrupt_image`, `out_of_memory` */
export async function read_pixels(
  parts: readonly Uint8Array[],
  header: PngHeader,
  { table, key }: Colours,
): Promise<Uint8Array> {
  const passes = passes_of(header);
  const { start, stride, height } = passes.at(-1)!;
  const total = start + stride * height;
  const wrong_size = (): AlignError => corrupt(`its data inflates to other than ${total} bytes`);
  // Before memory is taken for what a small file cannot hold.
  if (total > MOST_INFLATION * parts.reduce((sum, part) => sum + part.length, 0)) throw wrong_size();
  const lines = within_memory(() => new Uint8Array(total));
  const pixels = within_memory(() => new Uint32Array(header.width * header.height));
  const bytes = new Uint8Array(pixels.buffer);
  let size = 0;
  let [pass, row] = [0, 0];
  const take = (part: Uint8Array): void => {
    if (size + part.length > total) throw wrong_size();
    lines.set(part, size);
    size += part.length;
    for (; pass < passes.length; pass++, row = 0) {
      const { start, stride, height } = passes[pass]!;
      const end = Math.min(height, Math.floor((size - start) / stride));
      unfilter(lines, passes[pass]!, row, end, Math.max(1, pixel_bits(header) >> 3));
      if (table !== null) write_coloured(lines, passes[pass]!, row, end, header, table, pixels);
      else write_samples(lines, passes[pass]!, row, end, header, key, bytes);
      row = end;
      if (end < height) return;
    }
  };
  await pictures.inflate(parts, total, take).catch((cause: unknown) => {
    if (cause instanceof AlignError) throw cause;
    throw (
      out_of_memory(cause) ?? corrupt(`its data does not inflate: ${(cause as Error).message}`, {}, cause)
    );
  });
  if (size < total) throw wrong_size();
  return bytes;
}

/** Undoes the filters of some lines of a pass. `step`: bytes to the pixel on the left, or 1 where pixels share a byte. */
function unfilter(lines: Uint8Array, pass: Pass, first: number, end: number, step: number): void {
  const { start, stride } = pass;
  for (let y = first; y < end; y++) {
    const at = start + y * stride + 1;
    const next = at + stride - 1;
    const filter = lines[at - 1]!;
    if (filter > PAETH) throw corrupt(`a line has filter ${filter}, the last is ${PAETH}`);
    // Above the first line and left of the first pixel are zeros.
    if (filter === SUB || (filter === PAETH && y === 0)) {
      for (let i = at + step; i < next; i++) lines[i]! += lines[i - step]!;
    } else if (filter === AVERAGE && y === 0) {
      for (let i = at + step; i < next; i++) lines[i]! += lines[i - step]! >> 1;
    } else if (filter === UP && y > 0) {
      for (let i = at; i < next; i++) lines[i]! += lines[i - stride]!;
    } else if (filter === AVERAGE) {
      for (let i = at; i < at + step; i++) lines[i]! += lines[i - stride]! >> 1;
      for (let i = at + step; i < next; i++) lines[i]! += (lines[i - step]! + lines[i - stride]!) >> 1;
    } else if (filter === PAETH) {
      for (let i = at; i < at + step; i++) lines[i]! += lines[i - stride]!;
      for (let i = at + step; i < next; i++) {
        const left = lines[i - step]!;
        const above = lines[i - stride]!;
        const corner = lines[i - stride - step]!;
        // How far left + above - corner is from each of them.
        const to_left = Math.abs(above - corner);
        const to_above = Math.abs(left - corner);
        const to_corner = Math.abs(left + above - 2 * corner);
        lines[i]! +=
          to_left <= to_above && to_left <= to_corner ? left : to_above <= to_corner ? above : corner;
      }
    }
  }
}

/** Writes some lines of a pass whose samples are places in the table. */
function write_coloured(
  lines: Uint8Array,
  { x, y, dx, dy, width, start, stride }: Pass,
  first: number,
  end: number,
  header: PngHeader,
  table: Uint32Array,
  pixels: Uint32Array,
): void {
  const { depth } = header;
  const mask = 2 ** depth - 1;
  for (let row = first; row < end; row++) {
    let from = start + row * stride + 1;
    let to = (y + row * dy) * header.width + x;
    let shift = 8;
    for (let i = 0; i < width; i++, to += dx) {
      shift -= depth;
      pixels[to] = table[(lines[from]! >> shift) & mask]!;
      if (shift > 0) continue;
      shift = 8;
      from++;
    }
  }
}

/** Writes some lines of a pass whose samples are colours: of 16 bits the upper eight, as Pillow. */
function write_samples(
  lines: Uint8Array,
  { x, y, dx, dy, width, start, stride }: Pass,
  first: number,
  end: number,
  header: PngHeader,
  key: Uint8Array | null,
  out: Uint8Array,
): void {
  const { colour, depth } = header;
  const bytes = depth >> 3;
  const step = pixel_bits(header) >> 3;
  const [green, blue] = colour === GREY || colour === GREY_ALPHA ? [0, 0] : [bytes, 2 * bytes];
  const alpha = colour === GREY_ALPHA || colour === RGBA ? step - bytes : -1;
  for (let row = first; row < end; row++) {
    let from = start + row * stride + 1;
    let to = ((y + row * dy) * header.width + x) * 4;
    for (let i = 0; i < width; i++, from += step, to += 4 * dx) {
      out[to] = lines[from]!;
      out[to + 1] = lines[from + green]!;
      out[to + 2] = lines[from + blue]!;
      out[to + 3] =
        alpha > 0
          ? lines[from + alpha]!
          : key !== null && key.every((byte, i) => byte === lines[from + i])
            ? 0
            : 255;
      // Pillow's mode I;16, which grey of 16 bits without alpha is to it, is clipped at 255.
      if (colour === GREY) out.fill(lines[from]! > 0 ? 255 : lines[from + 1]!, to, to + 3);
    }
  }
}
