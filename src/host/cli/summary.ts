// A model in numbers: its size, its tensors, and how they compare with what its configuration asks for.

import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.ts';
import { FORMAT_NAMES } from '../checkpoint/formats.ts';
import { packed_files, type Packing } from '../checkpoint/packed.ts';
import { weight_requests, type Plan, type WeightRequest } from '../plan/plan.ts';
import { check_tensors } from '../wasm/loader.ts';
import type { Blueprint, Part } from './blueprint.ts';
import { FAILED, OK, type Io } from './io.ts';
import { bytes_text, safe_text, styled, table } from './text.ts';

/** What `inspect --json` prints. */
export interface Summary {
  readonly model: string;
  readonly parameters: Partial<Record<Part | 'total', number>>;
  readonly tensors: number;
  readonly bytes: number;
  /** Bytes by element type. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** Tensors that the configuration asks for and the checkpoint lacks. */
  readonly missing: readonly string[];
  /** Tensors with another shape than the configuration gives them. */
  readonly misshapen: readonly { name: string; shape: readonly number[]; expected: readonly number[] }[];
  /** Tensors that the model does not use. */
  readonly extra: readonly string[];
  /** What a packed file says of itself; its tensors are blocks. Bytes by format, and by name of the other files in it. */
  readonly packed?: Pick<Packing, 'version' | 'dtype' | 'towers'> & {
    readonly formats: Readonly<Record<string, { blocks: number; bytes: number }>>;
    readonly files: Readonly<Record<string, number>>;
  };
  readonly config: Readonly<Record<string, unknown>>;
}

/** Compares a checkpoint with the tensors that its plans ask for. @throws AlignError `corrupt_checkpoint` for an element type that no weight has */
export function summary_of(blueprint: Blueprint, plans: ReadonlyMap<Part, Plan>): Summary {
  const { checkpoint, folder } = blueprint;
  const requests = [...plans.values()].flatMap(weight_requests);
  const expected_shapes = new Map(requests.flatMap((r) => tensors_of(r, checkpoint)));
  const missing: string[] = [];
  const misshapen: { name: string; shape: readonly number[]; expected: readonly number[] }[] = [];
  for (const [name, expected] of expected_shapes) {
    const tensor = checkpoint.get(name);
    if (tensor === undefined) missing.push(name);
    else if (tensor.shape.join() !== expected.join()) misshapen.push({ name, shape: tensor.shape, expected });
  }
  const wrong = new Set([...missing, ...misshapen.map(({ name }) => name)]);
  const right = requests.map((r) => ({ ...r, sources: r.sources.filter(({ name }) => !wrong.has(name)) }));
  const { unexpected_keys } = check_tensors(right, checkpoint);

  const tensors = Array.from(checkpoint.names(), (name) => checkpoint.get(name)!);
  const parameters: Partial<Record<Part | 'total', number>> = {};
  for (const [part, plan] of plans) parameters[part] = parameters_of(plan);
  parameters.total = Object.values(parameters).reduce((a, b) => a + b, 0);
  return {
    model: folder.name,
    parameters,
    tensors: tensors.length,
    bytes: tensors.reduce((sum, tensor) => sum + size_of(tensor), 0),
    dtypes: bytes_by_dtype(tensors),
    missing,
    misshapen,
    extra: unexpected_keys.filter((name) => !wrong.has(name)),
    ...(checkpoint.packing && { packed: packed_summary(checkpoint, checkpoint.packing) }),
    config: (blueprint.config ?? blueprint.text ?? blueprint.vision)!.to_dict(),
  };
}

/** Names and shapes of what a block is made from; in a packed file the block itself. */
function tensors_of(
  { name, bytes, sources }: WeightRequest,
  { packing }: Checkpoint,
): (readonly [name: string, shape: readonly number[]])[] {
  return packing ? [[name, [bytes]]] : sources.map((source) => [source.name, source.shape]);
}

function packed_summary(
  checkpoint: Checkpoint,
  { version, dtype, towers, formats: format_of }: Packing,
): NonNullable<Summary['packed']> {
  const formats: Record<string, { blocks: number; bytes: number }> = {};
  for (const name of checkpoint.names()) {
    const share = (formats[FORMAT_NAMES[format_of.get(name)!]!] ??= { blocks: 0, bytes: 0 });
    share.blocks++;
    share.bytes += size_of(checkpoint.get(name)!);
  }
  return { version, dtype, towers, formats, files: Object.fromEntries(packed_files(checkpoint.files[0]!)) };
}

/** Elements of weights and biases. Running statistics of batch norms are buffers, which torch does not count. */
function parameters_of(plan: Plan): number {
  const sources = weight_requests(plan).flatMap((request) => request.sources);
  const shapes = new Map(sources.map(({ name, shape }) => [name, shape]));
  return [...shapes]
    .filter(([name]) => !/\.running_(mean|var)$/.test(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

function size_of({ start, end }: CheckpointTensor): number {
  return end - start;
}

function bytes_by_dtype(tensors: readonly CheckpointTensor[]): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const tensor of tensors) bytes[tensor.dtype] = (bytes[tensor.dtype] ?? 0) + size_of(tensor);
  return bytes;
}

/** Names shown of a long list. */
const SHOWN = 10;

/** Prints a summary; gives the exit status: a model that lacks tensors cannot be loaded. */
export function print_summary(summary: Summary, blueprint: Blueprint, json: boolean, io: Io): number {
  const { parameters, missing, misshapen, extra } = summary;
  const status = missing.length + misshapen.length === 0 ? OK : FAILED;
  if (json) {
    io.out(`${JSON.stringify(summary)}\n`);
    return status;
  }
  const { config, text, vision } = blueprint;
  const rows: string[][] = [];
  const kind = config ? 'align' : text ? 'align_text_model' : 'align_vision_model';
  rows.push(['model', config ? `${kind}, embeddings of ${config.projection_dim} values` : kind]);
  if (text)
    rows.push([
      'text',
      `BERT, ${text.num_hidden_layers} layers, ${text.hidden_size} wide, ${text.num_attention_heads} heads, ` +
        `${text.hidden_act}, ${count(text.vocab_size)} words, ${text.max_position_embeddings} positions`,
    ]);
  if (vision)
    rows.push([
      'vision',
      `EfficientNet, ${vision.num_hidden_layers} blocks, width ${vision.width_coefficient}, depth ${vision.depth_coefficient}, ` +
        `${vision.hidden_act}, ${vision.pooling_type} pooling, ${vision.num_channels} channels`,
    ]);
  const shares = Object.entries(parameters).filter(([name]) => name !== 'total');
  const split = shares.length > 1 ? ` (${shares.map(([name, n]) => `${name} ${count(n)}`).join(', ')})` : '';
  rows.push(['parameters', count(parameters.total!) + split]);
  if (summary.packed) rows.push(...packed_rows(summary.packed, summary.tensors));
  else {
    const dtypes = Object.entries(summary.dtypes).map(([dtype, bytes]) => `${dtype} ${bytes_text(bytes)}`);
    rows.push(['tensors', `${count(summary.tensors)}: ${dtypes.join(', ')}`]);
  }
  rows.push(['missing', some(missing)]);
  rows.push([
    'misshapen',
    some(
      misshapen.map(
        ({ name, shape, expected }) => `${name} [${shape.join(', ')}] should be [${expected.join(', ')}]`,
      ),
    ),
  ]);
  rows.push(['extra', some(extra)]);
  io.out(`${styled(io, 'bold', safe_text(summary.model))}\n`);
  for (const line of table(rows, ['left', 'left'])) io.out(`  ${line}\n`);
  return status;
}

function packed_rows(
  { version, dtype, towers, formats, files }: NonNullable<Summary['packed']>,
  blocks: number,
): string[][] {
  const shares = Object.entries(formats).map(
    ([name, share]) => `${name} ${bytes_text(share.bytes)} in ${share.blocks}`,
  );
  const inside = Object.entries(files).map(([name, bytes]) => `${safe_text(name)} ${bytes_text(bytes)}`);
  return [
    ['packed', `${dtype}, version ${version}, ${towers === 'both' ? 'both towers' : `${towers} tower`}`],
    ['blocks', `${count(blocks)}: ${shares.join(', ')}`],
    ['files', inside.join(', ') || 'none'],
  ];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function some(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > SHOWN ? `, … ${names.length - SHOWN} more` : '';
  return `${names.length}: ${names.slice(0, SHOWN).map(safe_text).join(', ')}${more}`;
}
