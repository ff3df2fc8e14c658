// align-wasm verify: a checkpoint's outputs beside those that transformers stored.

import type { Tensor } from '../tensor.ts';
import { device_of, parse_words, RUNNING } from './args.ts';
import { ModelClasses } from './classes.ts';
import { difference, type Difference } from './compare.ts';
import { FAILED, OK, UsageError, type Io } from './io.ts';
import { visible } from './load.ts';
import { Reference, type Case } from './reference.ts';
import { counted, safe_text, styled, table } from './text.ts';

export const HELP = `align-wasm verify MODEL reference.safetensors [options]

Runs the inputs of a reference file through a model, prints the largest error of every output, and fails above a tolerance.
The file is made with transformers: tensors <case>.input.<name> and <case>.output.<name>.

  MODEL                 a model's folder or packed file
  --tolerance X         largest error allowed, as a share of a tensor's largest value (default 1e-4)
  --device KIND         where the model runs: wasm (default), webgpu or auto
  --json                one JSON object a tensor: {"case", "tensor", "shape", "max_abs_error", "max_rel_error", "ok"}
`;

/** Runs the command; gives its exit status. */
export async function verify(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    json: RUNNING.json!,
    device: RUNNING.device!,
    tolerance: { type: 'string' },
  });
  const json = words.flag('json');
  const given = words.text('tolerance') ?? '1e-4';
  const tolerance = Number(given);
  if (given.trim() === '' || !(tolerance >= 0 && tolerance < Infinity))
    throw new UsageError(`--tolerance must be a number of at least 0, not ${JSON.stringify(given)}`);
  const device = device_of(words) ?? 'wasm';
  const [model, file, ...rest] = words.positionals;
  if (model === undefined || file === undefined || rest.length > 0)
    throw new UsageError('verify needs a MODEL and a reference.safetensors');

  const reference = await Reference.open(file, io.signal);
  const { options, progress } = visible(io);
  let classes: ModelClasses | undefined;
  try {
    classes = await ModelClasses.open(model, { ...options, device });
    const results: Result[] = [];
    for (const [done, test] of reference.cases.entries()) {
      progress.update('verifying', done, reference.cases.length);
      results.push(...(await run_case(reference, test, classes, tolerance, io)));
    }
    progress.clear();
    for (const line of json ? results.map(json_line) : lines(results, tolerance, io)) io.out(`${line}\n`);
    return results.every(({ ok }) => ok) ? OK : FAILED;
  } finally {
    progress.clear();
    classes?.dispose();
    await reference.close();
  }
}

/** One output of one case. */
interface Result extends Difference {
  readonly test: string;
  readonly tensor: string;
  readonly shape: readonly number[];
  readonly ok: boolean;
}

async function run_case(
  reference: Reference,
  { name: test, inputs, outputs }: Case,
  classes: ModelClasses,
  tolerance: number,
  { signal }: Io,
): Promise<Result[]> {
  const tensors = new Map<string, Tensor>();
  for (const [name, info] of inputs) tensors.set(name, await reference.read(info, signal));
  const actual = await classes.outputs(tensors, [...outputs.keys()]);
  const results: Result[] = [];
  for (const [tensor, info] of outputs) {
    const error = difference(actual.get(tensor), await reference.read(info, signal));
    results.push({ test, tensor, shape: info.shape, ...error, ok: error.relative <= tolerance });
  }
  return results;
}

function json_line({ test, tensor, shape, absolute, relative, ok }: Result): string {
  return JSON.stringify({ case: test, tensor, shape, max_abs_error: absolute, max_rel_error: relative, ok });
}

function lines(results: readonly Result[], tolerance: number, io: Io): string[] {
  const cells = results.map(({ test, tensor, shape, absolute, relative }) => [
    safe_text(test),
    safe_text(tensor),
    shape.join(' × ') || 'scalar',
    error_text(absolute),
    error_text(relative),
  ]);
  const head = ['case', 'tensor', 'shape', 'max abs', 'max rel'];
  const [title = '', ...rows] = table([head, ...cells], ['left', 'left', 'left', 'right', 'right']);
  const failed = results.filter(({ ok }) => !ok).length;
  const worst = results.reduce((a, b) => (Number.isNaN(a.relative) || a.relative >= b.relative ? a : b));
  const verdict =
    failed === 0
      ? styled(io, 'green', `all ${counted(results.length, 'tensor')} within ${tolerance}`)
      : styled(io, 'red', `${failed} of ${counted(results.length, 'tensor')} not within ${tolerance}`);
  return [
    styled(io, 'dim', title),
    ...rows.map((row, i) => (results[i]!.ok ? row : `${row}  ${styled(io, 'red', 'FAILED')}`)),
    `${verdict}; largest error ${error_text(worst.relative)} of ${safe_text(`${worst.test} ${worst.tensor}`)}`,
  ];
}

/** An error in two digits; NaN where there is no number to compare with (NaN, another shape, no such output). */
function error_text(error: number): string {
  return Number.isNaN(error) ? 'NaN' : error === 0 ? '0' : error.toExponential(1);
}
