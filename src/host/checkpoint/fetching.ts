// Files that are fetched whole, counted as they come.

import { platform } from '#platform';
import { unless_aborted } from '../abort.ts';
import { Progress, type Report } from '../progress.ts';
import type { Arrived } from './body.ts';

/** The bytes behind `url`; an abort does not wait for them. */
export function fetch_file(
  url: URL,
  signal: AbortSignal | undefined,
  arrived: Arrived | undefined,
): Promise<Uint8Array> {
  return unless_aborted(platform.fetch_bytes(url, arrived), signal);
}

/** Who tells `report` of them. */
export function fetch_progress(name: string, report: Report | null | undefined): Progress | undefined {
  return report ? new Progress(name, report) : undefined;
}
