// align-wasm convert: a checkpoint as one packed file.

import { platform } from '#platform';
import { FORMAT_NAMES, WEIGHT_DTYPES } from '../checkpoint/formats.ts';
import { open_model } from '../checkpoint/model_files.ts';
import { TOWERS } from '../checkpoint/packed.ts';
import { Conversion } from '../convert.ts';
import { AlignError } from '../errors.ts';
import { choice, parse_words } from './args.ts';
import { OK, UsageError, type Io } from './io.ts';
import { bytes_text, counted, Progress, safe_text, styled, table } from './text.ts';

export const HELP = `align-wasm convert MODEL -o FILE [options]

Writes a model as one packed file: its weights as the kernels read them, with its configuration, vocabulary and processor
settings. Such a file is a whole model wherever a MODEL is asked for; weights/FORMAT.md describes it.

  MODEL                 the folder of a checkpoint as transformers saves it
  -o, --output FILE     the file to write (a .safetensors file)
  --dtype KIND          fp32 (default), fp16, bf16, q8 (8 bits a weight) or q4 (4 bits)
  --towers PART         text or vision alone (default both)
  --force               write over a file that is there
  --json                one JSON object: {"output", "dtype", "towers", "checkpoint_bytes", "bytes", "formats", "files"}
`;

/** Runs the command; gives its exit status. */
export async function convert(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    json: { type: 'boolean' },
    output: { type: 'string', short: 'o' },
    dtype: { type: 'string' },
    towers: { type: 'string' },
    force: { type: 'boolean' },
  });
  const dtype = choice(words, 'dtype', WEIGHT_DTYPES) ?? 'fp32';
  const towers = choice(words, 'towers', TOWERS);
  const output = words.text('output');
  const [model, ...rest] = words.positionals;
  if (model === undefined || rest.length > 0 || output === undefined || output === '')
    throw new UsageError('convert needs a MODEL and -o FILE');
  await check_output(output, words.flag('force'));

  const folder = await open_model(model, { signal: io.signal });
  const conversion = await Conversion.open(folder, { dtype, towers, signal: io.signal });
  const progress = new Progress(io);
  try {
    const summary = summary_of(conversion);
    let done = 0;
    const on_bytes = (bytes: number): void => {
      progress.update('converting', (done += bytes), summary.checkpoint_bytes);
    };
    await platform.write(output, conversion.chunks({ signal: io.signal, on_bytes }));
    const bytes = await size_of(output);
    progress.clear();
    if (words.flag('json')) io.out(`${JSON.stringify({ output, ...summary, bytes })}\n`);
    else for (const line of lines(output, bytes, summary, io)) io.out(`${line}\n`);
    return OK;
  } finally {
    progress.clear();
    await conversion.close();
  }
}

/** @throws AlignError `invalid_argument` for what must not be written over */
async function check_output(output: string, force: boolean): Promise<void> {
  const kind = await platform.path_kind(output);
  if (kind === 'folder')
    throw new AlignError('invalid_argument', `${output} is a folder`, {
      hint: `name the file: ${output.replace(/[/\\]+$/, '')}/model.safetensors`,
    });
  if (kind === 'file' && !force)
    throw new AlignError('invalid_argument', `${output} is there already`, {
      hint: '--force writes over it',
    });
}

async function size_of(path: string): Promise<number> {
  const source = await platform.open(path);
  await source.close?.();
  return source.size;
}

/** Blocks of one format: their number, and their bytes in the checkpoint and packed. */
interface Share {
  blocks: number;
  before: number;
  after: number;
}

interface Summary {
  readonly dtype: string;
  readonly towers: string;
  readonly checkpoint_bytes: number;
  readonly formats: Readonly<Record<string, Share>>;
  /** Bytes by name. */
  readonly files: Readonly<Record<string, number>>;
}

function summary_of({ blocks, dtype, towers, files }: Conversion): Summary {
  const formats: Record<string, Share> = {};
  for (const { request, stored } of blocks) {
    const share = (formats[FORMAT_NAMES[request.format]!] ??= { blocks: 0, before: 0, after: 0 });
    share.blocks++;
    share.before += stored;
    share.after += request.bytes;
  }
  return {
    dtype,
    towers,
    checkpoint_bytes: blocks.reduce((sum, { stored }) => sum + stored, 0),
    formats,
    files: Object.fromEntries(Array.from(files, ([name, { length }]) => [name, length])),
  };
}

function lines(output: string, bytes: number, summary: Summary, io: Io): string[] {
  const { dtype, towers, checkpoint_bytes, formats, files } = summary;
  const shares = Object.entries(formats).map(([name, { blocks, before, after }]) => [
    name,
    counted(blocks, 'block'),
    bytes_text(before),
    bytes_text(after),
  ]);
  const sizes = Object.values(files);
  const other = sizes.reduce((a, b) => a + b, 0);
  const rows = [
    ['', '', 'checkpoint', 'packed'],
    ...shares,
    ['files', counted(sizes.length, 'file'), '', bytes_text(other)],
    ['total', '', bytes_text(checkpoint_bytes), bytes_text(bytes)],
  ];
  const part = towers === 'both' ? 'both towers' : `${towers} tower`;
  return [
    `${styled(io, 'bold', safe_text(output))}  ${dtype}, ${part}`,
    ...table(rows, ['left', 'right', 'right', 'right']).map((line) => `  ${line}`),
  ];
}
