// reference.safetensors: inputs stored beside the outputs that transformers computed for them, as
// `<case>.input.<name>` and `<case>.output.<name>` (test/golden/README.md has the names).

import { platform } from '#platform';
import { SafetensorsFile, type TensorInfo } from '../checkpoint/safetensors.ts';
import { AlignError } from '../errors.ts';
import { Tensor } from '../tensor.ts';

/** One set of inputs and the outputs expected for it. */
export interface Case {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, TensorInfo>;
  readonly outputs: ReadonlyMap<string, TensorInfo>;
}

const INPUTS = [
  'input_ids',
  'attention_mask',
  'token_type_ids',
  'position_ids',
  'inputs_embeds',
  'pixel_values',
];

/** An open reference file. */
export class Reference {
  readonly cases: readonly Case[];
  readonly #file: SafetensorsFile;

  private constructor(file: SafetensorsFile, cases: readonly Case[]) {
    this.#file = file;
    this.cases = cases;
  }

  /** @throws AlignError `not_found`, `corrupt_checkpoint`; `invalid_argument` for a file of other tensors */
  static async open(path: string, signal: AbortSignal): Promise<Reference> {
    const source = await platform.open(path);
    try {
      const file = await SafetensorsFile.open(source, signal);
      return new Reference(file, cases_of(path, file));
    } catch (error) {
      await source.close?.();
      throw error;
    }
  }

  /** A stored tensor. Integers of 32 and 64 bits stay what they are, floats become float32. */
  async read(info: TensorInfo, signal: AbortSignal): Promise<Tensor> {
    const { buffer } = (await this.#file.read(info.name, signal)).slice();
    const { dtype, shape } = info;
    if (dtype === 'F32') return new Tensor('float32', new Float32Array(buffer), shape);
    if (dtype === 'F64') return new Tensor('float32', Float32Array.from(new Float64Array(buffer)), shape);
    if (dtype === 'I64') return new Tensor('int64', new BigInt64Array(buffer), shape);
    if (dtype === 'I32') return new Tensor('int32', new Int32Array(buffer), shape);
    throw new AlignError('invalid_argument', `${this.#file.source.name}: tensor ${info.name} is ${dtype}`, {
      hint: 'store inputs and outputs as F32, F64, I32 or I64',
    });
  }

  async close(): Promise<void> {
    await this.#file.source.close?.();
  }
}

function cases_of(path: string, file: SafetensorsFile): Case[] {
  const refuse = (problem: string): never => {
    throw new AlignError('invalid_argument', `${path} is no reference: ${problem}`, {
      hint: 'its tensors are named <case>.input.<name> and <case>.output.<name>',
    });
  };
  const cases = new Map<string, { inputs: Map<string, TensorInfo>; outputs: Map<string, TensorInfo> }>();
  for (const info of file.tensors.values()) {
    const [, name = '', kind = '', tensor = ''] = /^(.+?)\.(input|output)\.(.+)$/.exec(info.name) ?? [];
    if (tensor === '') refuse(`it has a tensor ${JSON.stringify(info.name)}`);
    if (kind === 'input' && !INPUTS.includes(tensor)) refuse(`${info.name} is not an input of ALIGN`);
    const found = cases.get(name) ?? { inputs: new Map(), outputs: new Map() };
    cases.set(name, found);
    found[kind === 'input' ? 'inputs' : 'outputs'].set(tensor, info);
  }
  if (cases.size === 0) refuse('it is empty');
  for (const [name, { inputs, outputs }] of cases)
    if (inputs.size === 0 || outputs.size === 0)
      refuse(`case ${name} has ${inputs.size} inputs and ${outputs.size} outputs`);
  return [...cases].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, found]) => ({ name, ...found }));
}
