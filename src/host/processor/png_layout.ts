// How a PNG's pixels lie in its data: in one pass, or interlaced in the seven of Adam7, each line behind its filter byte.

export const GREY = 0;
export const RGB = 2;
export const PALETTE = 3;
export const GREY_ALPHA = 4;
export const RGBA = 6;

/** Samples of a pixel by colour type. */
const CHANNELS: Readonly<Record<number, number>> = {
  [GREY]: 1,
  [RGB]: 3,
  [PALETTE]: 1,
  [GREY_ALPHA]: 2,
  [RGBA]: 4,
};

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** Colour type. */
  readonly colour: number;
  readonly interlaced: boolean;
}

/** First column, first row, step between columns, step between rows. */
const WHOLE = [[0, 0, 1, 1]] as const;
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

export interface Pass {
  /** Its first pixel in the picture, and the steps to the next column and row. */
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
  /** Where its lines begin in the data, and bytes of a line with its filter. */
  readonly start: number;
  readonly stride: number;
}

/** The passes that have pixels, as they follow each other. */
export function passes_of(header: PngHeader): Pass[] {
  const passes: Pass[] = [];
  let start = 0;
  for (const [x, y, dx, dy] of header.interlaced ? ADAM7 : WHOLE) {
    const width = Math.ceil((header.width - x) / dx);
    const height = Math.ceil((header.height - y) / dy);
    if (width <= 0 || height <= 0) continue;
    const stride = 1 + Math.ceil((width * pixel_bits(header)) / 8);
    passes.push({ x, y, dx, dy, width, height, start, stride });
    start += height * stride;
  }
  return passes;
}

export function pixel_bits({ depth, colour }: PngHeader): number {
  return depth * CHANNELS[colour]!;
}
