// What a checkpoint holds beside what its configuration asks for. Only headers are read: a model of any size in an instant.

import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { open_model, type ModelFolder } from '../checkpoint/model_files.ts';
import { has_pooler, is_prefixed } from '../checkpoint/names.ts';
import { AlignConfig, AlignTextConfig, AlignVisionConfig } from '../config.ts';
import { packed_format } from '../checkpoint/packed.ts';
import { weight_requests, type Plan } from '../plan/plan.ts';
import { Recorder } from '../plan/recorder.ts';
import { compile, Instance } from '../wasm/module.ts';

/** The parts of a model: its towers, and the head that compares their features. */
export type Part = 'text' | 'vision' | 'align';

/** Sizes of the inputs that a plan is for. */
export interface Sizes {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly tokens: number;
}

/** A model's configuration, its open checkpoint, and the plans of its forward pass. */
export class Blueprint {
  readonly folder: ModelFolder;
  readonly checkpoint: Checkpoint;
  /** Null for a tower's own checkpoint. */
  readonly config: AlignConfig | null;
  readonly text: AlignTextConfig | null;
  readonly vision: AlignVisionConfig | null;
  readonly #instance: Instance;

  private constructor(
    folder: ModelFolder,
    checkpoint: Checkpoint,
    config: AlignConfig | AlignTextConfig | AlignVisionConfig,
    instance: Instance,
  ) {
    this.folder = folder;
    this.checkpoint = checkpoint;
    this.config = config instanceof AlignConfig ? config : null;
    this.text = config instanceof AlignTextConfig ? config : (this.config?.text_config ?? null);
    this.vision = config instanceof AlignVisionConfig ? config : (this.config?.vision_config ?? null);
    this.#instance = instance;
  }

  /** @throws AlignError as loading the model does, as far as configuration and headers go */
  static async open(model: string | undefined, signal: AbortSignal): Promise<Blueprint> {
    const folder = await open_model(model, { signal });
    const type = (await folder.json('config.json'))?.model_type;
    const config_class =
      type === 'align_text_model'
        ? AlignTextConfig
        : type === 'align_vision_model'
          ? AlignVisionConfig
          : AlignConfig;
    const config = await config_class.from_folder(folder);
    const instance = new Instance(await compile());
    return new Blueprint(folder, await Checkpoint.open(folder, signal), config, instance);
  }

  /** The parts that this model has; a packed file may lack a tower. */
  get parts(): Part[] {
    const { towers = 'both' } = this.checkpoint.packing ?? {};
    return this.#configured().filter((part) => part === 'align' || towers === 'both' || towers === part);
  }

  #configured(): Part[] {
    return [
      ...(this.text ? (['text'] as const) : []),
      ...(this.vision ? (['vision'] as const) : []),
      ...(this.config ? (['align'] as const) : []),
    ];
  }

  /** The plan of one of {@link parts} for inputs of these sizes: features alone of a whole model, a tower's own output. */
  plan(part: Part, sizes: Sizes): Plan {
    const plan = this.#record(part, sizes, new Uint8Array());
    const { packing, name } = this.checkpoint;
    if (packing === null) return plan;
    const formats = weight_requests(plan).map((request) =>
      packing.formats.has(request.name) ? packed_format(name, packing, request) : 0,
    );
    return this.#record(part, sizes, Uint8Array.from(formats));
  }

  #record(part: Part, { batch, height, width, tokens }: Sizes, formats: Uint8Array): Plan {
    const recorder = new Recorder(this.#instance);
    const projection_dim = this.config?.projection_dim ?? 0;
    const at = { shard: 0, offset: 0, formats };
    if (part === 'align') return recorder.align(projection_dim, { ...at, prefixed: false }, batch, batch);
    const placement = { ...at, prefixed: this.config !== null || is_prefixed(this.checkpoint, part) };
    const wanted = { last_hidden_state: this.config === null, hidden_states: false };
    if (part === 'vision')
      return recorder.vision(this.vision!, placement, { batch, height, width, ...wanted });
    const pooler = has_pooler(this.checkpoint, placement.prefixed);
    return recorder.text(this.text!, { pooler, projection_dim }, placement, {
      sequences: batch,
      length: tokens,
      tokens: batch * tokens,
      inputs_embeds: false,
      features: this.config !== null,
      attentions: false,
      ...wanted,
    });
  }

  /** Height and width of the pictures that the model's own processor makes, else the configuration's image_size. */
  async image_size(): Promise<readonly [height: number, width: number]> {
    const settings = (await this.folder.json('preprocessor_config.json')) ?? {};
    const size = settings.do_center_crop === true ? settings.crop_size : settings.size;
    const { height, width } = (size ?? {}) as Record<string, unknown>;
    if (typeof height === 'number' && typeof width === 'number') return [height, width];
    const { image_size = 1 } = this.vision ?? {};
    return typeof image_size === 'number' ? [image_size, image_size] : [image_size[0]!, image_size[1]!];
  }
}
