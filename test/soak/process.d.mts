import type { Row } from './harness.ts';
import type { Name } from './volumes.ts';

export function soaker(options: {
  readonly quick: boolean;
  readonly seed: number;
  /** Bytes that each cycle keeps for good, to see that it is found. */
  readonly leak?: number;
}): Promise<(name: Name) => Promise<Row>>;
