// From a checkpoint to one packed file (weights/FORMAT.md), a block at a time: beside the block there is one range of the
// checkpoint in memory. The same checkpoint and options give the same bytes.

import { Checkpoint } from './checkpoint/checkpoint.ts';
import { choose_formats, FORMAT_NAMES, type ChooseFormats, type WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { DATA_ALIGNMENT, FILES, PACKED, PACKING_VERSION, type Packing } from './checkpoint/packed.ts';
import { ordered_chunks, type StoredTensor } from './checkpoint/writer.ts';
import { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
import { AlignError, show } from './errors.ts';
import { lay_out, type Parts } from './placement.ts';
import type { WeightRequest } from './plan/plan.ts';
import { check_tensors, pack_block, stored_bytes, type LoadingOptions } from './wasm/loader.ts';
import { compile, Instance } from './wasm/module.ts';

/** Bytes of a block that are copied out at once. */
const RANGE_BYTES = 4 * 2 ** 20;

/** What a model has beside its weights. vocab.txt counts only where there is no tokenizer.json, as for its readers. */
const MODEL_FILES = [
  'config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'tokenizer.json',
];
const VOCABULARY = 'vocab.txt';

export interface ConvertOptions {
  readonly dtype: WeightDtype;
  /** Instead of what `dtype` chooses; for measuring what a format costs. */
  readonly choose?: ChooseFormats | undefined;
  /** The towers to pack; default all that the checkpoint has. */
  readonly towers?: Packing['towers'] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A block of the file, and how many bytes of the checkpoint go into it. */
export interface PackedBlock {
  readonly request: WeightRequest;
  readonly stored: number;
}

/** A checkpoint about to be packed. */
export class Conversion {
  readonly dtype: WeightDtype;
  readonly towers: Packing['towers'];
  readonly blocks: readonly PackedBlock[];
  /** The model's other files as they are. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly #checkpoint: Checkpoint;
  readonly #instance: Instance;

  private constructor(
    { dtype }: ConvertOptions,
    towers: Packing['towers'],
    blocks: readonly PackedBlock[],
    files: ReadonlyMap<string, Uint8Array>,
    checkpoint: Checkpoint,
    instance: Instance,
  ) {
    this.dtype = dtype;
    this.towers = towers;
    this.blocks = blocks;
    this.files = files;
    this.#checkpoint = checkpoint;
    this.#instance = instance;
  }

  /**
   * Opens a model's checkpoint and finds its blocks; {@link close} it.
   * @throws AlignError `invalid_argument` (packed already, or without the tower asked for), and as loading the model
   */
  static async open(folder: ModelFolder, options: ConvertOptions): Promise<Conversion> {
    const [towers, parts] = await parts_of(folder, options.towers);
    const files = await other_files(folder);
    const instance = new Instance(await compile());
    const checkpoint = await Checkpoint.open(folder, options.signal);
    try {
      if (checkpoint.packing) throw packed_already(checkpoint.name, checkpoint.packing);
      const { dtype, choose = (requests: readonly WeightRequest[]) => choose_formats(requests, dtype) } =
        options;
      const { requests } = lay_out(instance, {}, parts, checkpoint, choose);
      check_tensors(requests, checkpoint);
      const blocks = requests.map((request) => ({ request, stored: stored_bytes([request], checkpoint) }));
      return new Conversion(options, towers, blocks, files, checkpoint, instance);
    } catch (error) {
      await checkpoint.close();
      throw error;
    }
  }

  /** The packed file in pieces. */
  chunks(options: LoadingOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const formats = this.blocks.map(({ request }) => [request.name, FORMAT_NAMES[request.format]!] as const);
    const metadata = {
      format: PACKED,
      version: PACKING_VERSION,
      dtype: this.dtype,
      towers: this.towers,
      formats: JSON.stringify(Object.fromEntries(formats)),
    };
    const tensors = [
      ...this.blocks.map(({ request }): StoredTensor => ({
        ...bytes_tensor(request.name, request.bytes),
        bytes: () => this.#block(request, options),
      })),
      ...Array.from(this.files, ([name, bytes]): StoredTensor => ({
        ...bytes_tensor(FILES + name, bytes.length),
        bytes: () => [bytes],
      })),
    ];
    return ordered_chunks(tensors, metadata, DATA_ALIGNMENT);
  }

  async *#block(
    request: WeightRequest,
    options: LoadingOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const instance = this.#instance;
    const block = instance.base;
    const end = block + Math.ceil(request.bytes / DATA_ALIGNMENT) * DATA_ALIGNMENT;
    instance.ensure(end);
    instance.bytes(block, request.bytes).fill(0);
    await pack_block(instance, block, end, request, this.#checkpoint, options);
    for (let at = 0; at < request.bytes; at += RANGE_BYTES)
      yield instance.bytes(block + at, Math.min(RANGE_BYTES, request.bytes - at)).slice();
  }

  /** Closes the checkpoint; idempotent. */
  close(): Promise<void> {
    return this.#checkpoint.close();
  }
}

function bytes_tensor(name: string, bytes: number): Pick<StoredTensor, 'name' | 'dtype' | 'shape'> {
  return { name, dtype: 'U8', shape: [bytes] };
}

/** The towers that `asked` and the configuration have in common, and what to pack for them. */
async function parts_of(
  folder: ModelFolder,
  asked: Packing['towers'] | undefined,
): Promise<[Packing['towers'], Parts]> {
  const type = (await folder.json('config.json'))?.model_type;
  const own = type === 'align_text_model' ? 'text' : type === 'align_vision_model' ? 'vision' : 'both';
  const towers = asked ?? own;
  if (own !== 'both' && towers !== own)
    throw new AlignError(
      'invalid_argument',
      `towers ${show(towers)}: ${folder.name} is a ${own} tower alone`,
      { detail: { option: 'towers', value: towers } },
    );
  if (type === 'align_text_model') return [own, { text: await AlignTextConfig.from_folder(folder) }];
  if (type === 'align_vision_model') return [own, { vision: await AlignVisionConfig.from_folder(folder) }];
  const { text_config, vision_config, projection_dim } = await AlignConfig.from_folder(folder);
  const text = towers === 'vision' ? undefined : text_config;
  const vision = towers === 'text' ? undefined : vision_config;
  return [towers, { text, vision, projection_dim }];
}

async function other_files(folder: ModelFolder): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of [...MODEL_FILES, VOCABULARY]) {
    if (name === VOCABULARY && files.has('tokenizer.json')) continue;
    const text = await folder.text(name);
    if (text !== null) files.set(name, new TextEncoder().encode(text));
  }
  return files;
}

function packed_already(name: string, { dtype }: Packing): AlignError {
  return new AlignError('invalid_argument', `${name} is packed already, as ${dtype}`, {
    hint: 'convert the original checkpoint: what packing rounded or merged cannot be had back',
  });
}
