// How a PNG's pixels lie in its data: in one pass, or interlaced in the seven of Adam7, each line behind its filter byte.

/** Sizes and kind of a PNG, or of one pass of it. */
export interface PngSize {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** Colour type. */
  readonly colour: number;
}

/** First column, first row, step between columns, step between rows. */
export type Pass = readonly [x: number, y: number, dx: number, dy: number];

const WHOLE: readonly Pass[] = [[0, 0, 1, 1]];
const ADAM7: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Samples of a pixel by colour type. */
export const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The passes that have pixels, and how many bytes each takes with its filters. */
export function passes_of(
  png: PngSize,
  interlaced: boolean,
): { readonly pass: Pass; readonly size: PngSize; readonly bytes: number }[] {
  return (interlaced ? ADAM7 : WHOLE)
    .map((pass) => {
      const [x, y, dx, dy] = pass;
      const size = {
        ...png,
        width: Math.ceil((png.width - x) / dx),
        height: Math.ceil((png.height - y) / dy),
      };
      return { pass, size, bytes: size.height * (1 + line_bytes(size)) };
    })
    .filter(({ size }) => size.width > 0 && size.height > 0);
}

/** Bytes of a line without its filter byte. */
export function line_bytes({ width, depth, colour }: PngSize): number {
  return Math.ceil((width * CHANNELS[colour]! * depth) / 8);
}
