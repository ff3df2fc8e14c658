// Sizes in an image processor's configuration, in all the forms that transformers takes, and what they make of a picture.

import { AlignError } from '../errors.ts';
import { unsupported } from './json_fields.ts';

/** transformers' SizeDict. */
export interface Size {
  readonly height?: number;
  readonly width?: number;
  readonly shortest_edge?: number;
  readonly longest_edge?: number;
  readonly max_height?: number;
  readonly max_width?: number;
}

/** The sets of keys that a resize knows what to do with. */
const FORMS: readonly (readonly (keyof Size)[])[] = [
  ['height', 'width'],
  ['shortest_edge'],
  ['shortest_edge', 'longest_edge'],
  ['max_height', 'max_width'],
];
/** No picture of a model comes near this. */
const MAX_EDGE = 2 ** 15;

/** A size as a number (a square), [height, width] or an object. @throws AlignError `unsupported_config` */
export function read_size(file: string, key: string, value: unknown, forms: 'all' | 'exact'): Size {
  const entries: unknown[][] =
    typeof value === 'number'
      ? [
          ['height', value],
          ['width', value],
        ]
      : Array.isArray(value)
        ? [
            ['height', value[0]],
            ['width', value[1]],
          ]
        : Object.entries(typeof value === 'object' && value !== null ? value : {}).filter(
            ([, n]) => n !== null,
          );
  const size = Object.fromEntries(entries) as Record<string, unknown>;
  const names = Object.keys(size);
  const known = forms === 'exact' ? FORMS.slice(0, 1) : FORMS;
  if (!known.some((form) => form.length === names.length && form.every((name) => names.includes(name))))
    throw unsupported(
      file,
      key,
      value,
      `its keys are ${names.join(', ') || 'none'}, not ${known.map((form) => form.join(' and ')).join(', or ')}`,
    );
  for (const [name, edge] of Object.entries(size))
    if (!Number.isSafeInteger(edge) || (edge as number) < 1 || (edge as number) > MAX_EDGE)
      throw unsupported(file, `${key}.${name}`, edge, `an integer from 1 to ${MAX_EDGE} is needed`);
  return size;
}

/** [height, width] that a picture is resized to (PilBackend.resize). */
export function target_size(size: Size, height: number, width: number): [number, number] {
  const [new_height, new_width] = raw_target(size, height, width);
  if (new_height < 1 || new_width < 1 || new_height > MAX_EDGE || new_width > MAX_EDGE)
    throw new AlignError(
      'invalid_argument',
      `A picture of ${width} x ${height} pixels would be resized to ${new_width} x ${new_height}`,
      { detail: { width, height, size } },
    );
  return [new_height, new_width];
}

/** Settings may make a picture larger than the file it comes from. @throws AlignError `too_large` */
export function check_target(
  key: 'size' | 'crop_size',
  height: number,
  width: number,
  max_pixels: number,
): void {
  if (width * height > max_pixels)
    throw new AlignError(
      'too_large',
      `${key} makes a picture of ${width} x ${height} pixels, the limit is ${max_pixels} pixels`,
      { detail: { key, width, height, max_pixels }, hint: `raise max_pixels, or set a smaller ${key}` },
    );
}

function raw_target(size: Size, height: number, width: number): [number, number] {
  const { shortest_edge: shortest, longest_edge: longest, max_height, max_width } = size;
  if (shortest !== undefined && longest !== undefined) return keep_aspect(height, width, shortest, longest);
  if (shortest !== undefined) {
    const long = Math.trunc((shortest * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? [long, shortest] : [shortest, long];
  }
  if (max_height !== undefined && max_width !== undefined) {
    const scale = Math.min(max_height / height, max_width / width);
    return [Math.trunc(height * scale), Math.trunc(width * scale)];
  }
  return [size.height!, size.width!];
}

/** transformers' get_size_with_aspect_ratio. */
function keep_aspect(height: number, width: number, size: number, longest: number): [number, number] {
  const [short, long] = [Math.min(height, width), Math.max(height, width)];
  let exact = size;
  if ((long / short) * size > longest) {
    exact = (longest * short) / long;
    size = round_half_even(exact);
  }
  if (short === size) return [height, width];
  const other = Math.trunc((exact * long) / short);
  return width < height ? [other, size] : [size, other];
}

/** Python's round. */
function round_half_even(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
