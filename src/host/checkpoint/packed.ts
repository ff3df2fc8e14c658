// A packed file: a safetensors file whose tensors are weight blocks as kernels read them, with the model's other files
// beside them. weights/FORMAT.md describes it.

import { AlignError, show } from '../errors.ts';
import type { WeightRequest } from '../plan/plan.ts';
import { FORMAT_NAMES, WEIGHT_DTYPES, type WeightDtype } from './formats.ts';
import { corrupt } from './header.ts';
import { parse_object } from './json.ts';
import type { SafetensorsFile, TensorInfo } from './safetensors.ts';

/** `format` in the metadata of a packed file. */
export const PACKED = 'align-wasm';

/** Version of the file's own layout and of every block's: another one is refused. */
export const PACKING_VERSION = '1';

/** What a model's own files are called among the tensors. */
export const FILES = 'files/';

/** Blocks begin at a multiple of this in a file: the data at one of {@link DATA_ALIGNMENT}, and each takes as many bytes. */
export const BLOCK_ALIGNMENT = 16;
export const DATA_ALIGNMENT = 256;

/** What to do where a configuration asks for other tensors than there are. */
export const BELONG_TOGETHER =
  'config.json and the weights must belong together; a key that config.json lacks has its default';

export const TOWERS = ['both', 'text', 'vision'] as const;

/** What the metadata of a packed file says. */
export interface Packing {
  readonly version: string;
  /** The `dtype` that was asked for. */
  readonly dtype: WeightDtype;
  /** The towers that are in it. */
  readonly towers: (typeof TOWERS)[number];
  /** The number of each block's format. */
  readonly formats: ReadonlyMap<string, number>;
}

/**
 * The metadata of a packed file, or null for any other.
 * @throws AlignError `unsupported_config` (another version), `corrupt_checkpoint`
 */
export function read_packing({ source, metadata, tensors }: SafetensorsFile): Packing | null {
  if (metadata.get('format') !== PACKED) return null;
  const file = source.name;
  const version = metadata.get('version');
  if (version !== PACKING_VERSION)
    throw new AlignError(
      'unsupported_config',
      `${file} is packed in ${version === undefined ? 'no version' : `version ${show(version)}`}, this package reads version ${PACKING_VERSION}`,
      {
        detail: { file, value: version },
        hint: 'convert the original checkpoint again with this version of align-wasm',
      },
    );
  const dtype = one_of(file, metadata, 'dtype', WEIGHT_DTYPES);
  const towers = one_of(file, metadata, 'towers', TOWERS);
  const named = parse_object(`${file}: formats`, metadata.get('formats') ?? '');
  const formats = new Map<string, number>();
  for (const [block, name] of Object.entries(named)) {
    const format = FORMAT_NAMES.indexOf(name as string);
    if (format < 0)
      throw corrupt(file, `block ${show(block)} has the unknown format ${show(name)}`, {
        tensor: block,
        value: name,
      });
    formats.set(block, format);
  }
  for (const tensor of tensors.values()) check_tensor(file, tensor, formats);
  return { version, dtype, towers, formats };
}

function one_of<T extends string>(
  file: string,
  metadata: ReadonlyMap<string, string>,
  key: string,
  values: readonly T[],
): T {
  const value = metadata.get(key) as T;
  if (values.includes(value)) return value;
  throw corrupt(file, `${key} in its metadata is ${show(value)}, not ${values.map(show).join(', ')}`, {
    value,
  });
}

function check_tensor(
  file: string,
  { name, dtype, shape }: TensorInfo,
  formats: ReadonlyMap<string, number>,
): void {
  if (dtype !== 'U8' || shape.length !== 1)
    throw corrupt(
      file,
      `tensor ${show(name)} is ${dtype} ${show(shape)}, a packed file has bytes only: U8 [n]`,
      {
        tensor: name,
        value: dtype,
      },
    );
  if (!name.startsWith(FILES) && !formats.has(name))
    throw corrupt(file, `block ${show(name)} has no format in the metadata`, { tensor: name });
}

/** Name and bytes of each file beside the blocks of a packed file. */
export function packed_files({ tensors }: SafetensorsFile): [name: string, bytes: number][] {
  return Array.from(tensors.values())
    .filter(({ name }) => name.startsWith(FILES))
    .map(({ name, start, end }) => [name.slice(FILES.length), end - start]);
}

/** The formats of the blocks that a model asks for. @throws AlignError `missing_tensor`, `corrupt_checkpoint` */
export function packed_formats(
  file: string,
  packing: Packing,
  requests: readonly WeightRequest[],
): Uint8Array {
  const missing = requests.map(({ name }) => name).filter((name) => !packing.formats.has(name));
  if (missing.length > 0) throw missing_blocks(file, packing, missing);
  return Uint8Array.from(requests, (request) => packed_format(file, packing, request));
}

/** The format of a block that is in the file. @throws AlignError `corrupt_checkpoint` for one that its op does not read */
export function packed_format(file: string, { formats }: Packing, { name, accepts }: WeightRequest): number {
  const format = formats.get(name)!;
  if ((accepts & (1 << format)) !== 0) return format;
  throw corrupt(
    file,
    `block ${show(name)} is stored as ${FORMAT_NAMES[format]!}, which no kernel reads here`,
    {
      tensor: name,
      value: FORMAT_NAMES[format],
    },
  );
}

/**
 * Checks every block against what the model asks for in the file's formats.
 * @throws AlignError `missing_tensor` naming all that are missing, `shape_mismatch` naming the first of another size
 */
export function check_blocks(
  file: string,
  packing: Packing,
  requests: readonly WeightRequest[],
  tensor_of: (name: string) => TensorInfo | undefined,
): void {
  const missing = requests.map(({ name }) => name).filter((name) => tensor_of(name) === undefined);
  if (missing.length > 0) throw missing_blocks(file, packing, missing);
  for (const { name, bytes, format } of requests) {
    const { start, end } = tensor_of(name)!;
    if (end - start !== bytes)
      throw new AlignError(
        'shape_mismatch',
        `${file}: block ${show(name)} has ${end - start} bytes, as ${FORMAT_NAMES[format]!} the config asks for ${bytes}`,
        {
          detail: { tensor: name, bytes: end - start, expected: bytes },
          hint: BELONG_TOGETHER,
        },
      );
  }
}

function missing_blocks(file: string, { towers }: Packing, missing: readonly string[]): AlignError {
  const some =
    missing.slice(0, 5).join(', ') + (missing.length > 5 ? `, and ${missing.length - 5} more` : '');
  const held = towers === 'both' ? '' : `, a packed file of the ${towers} tower,`;
  return new AlignError('missing_tensor', `${file}${held} lacks ${missing.length} blocks: ${some}`, {
    detail: { tensors: missing },
    hint: towers === 'both' ? BELONG_TOGETHER : 'convert the original checkpoint with both towers',
  });
}

/** The format that `dtype` asks of a packed file must be the one it has. @throws AlignError `invalid_argument` */
export function check_dtype(file: string, { dtype }: Packing, asked: WeightDtype | undefined): void {
  if (asked === undefined || asked === dtype) return;
  throw new AlignError(
    'invalid_argument',
    `${file} is packed as ${dtype}, dtype ${show(asked)} cannot be had from it`,
    {
      detail: { option: 'dtype', value: asked, packed: dtype },
      hint: `leave dtype out, or convert the original checkpoint: align-wasm convert MODEL --dtype ${asked}`,
    },
  );
}
