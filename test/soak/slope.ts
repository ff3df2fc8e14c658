// A straight line through samples by least squares, and how certain its slope is.

export interface Fit {
  readonly slope: number;
  /** The slope's standard error. */
  readonly error: number;
}

/**
 * Memory goes up and down in steps that last, so samples side by side tell much the same: they count for fewer, by the
 * correlation of the residuals with the next ones (n' = n (1 - r) / (1 + r), as climate trends are judged).
 */
export function fit(xs: readonly number[], ys: readonly number[]): Fit {
  const n = xs.length;
  if (n < 3) throw new Error(`a slope and its error take 3 samples, there are ${n}`);
  const [mean_x, mean_y] = [mean(xs), mean(ys)];
  const dx = xs.map((x) => x - mean_x);
  const spread = dot(dx, dx);
  const slope = dot(dx, ys) / spread;
  const residuals = ys.map((y, i) => y - mean_y - slope * dx[i]!);
  const squares = dot(residuals, residuals);
  const r = squares === 0 ? 0 : Math.max(0, dot(residuals.slice(1), residuals) / squares);
  const counted = Math.max(3, (n * (1 - r)) / (1 + r));
  return { slope, error: Math.sqrt(squares / (counted - 2) / spread) };
}

/** The slope that there is at least: three standard errors below the fitted one. */
export function least({ slope, error }: Fit): number {
  return slope - 3 * error;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Over the length of `a`. */
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);
