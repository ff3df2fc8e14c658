// Packed models, header and files in them, without running them: what reading one before its weights comes to.

import { Checkpoint } from '../../../src/host/checkpoint/checkpoint.ts';
import { open_model } from '../../../src/host/checkpoint/model_files.ts';
import { packed_files, read_packing } from '../../../src/host/checkpoint/packed.ts';
import { SafetensorsFile } from '../../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../../src/host/checkpoint/source.ts';
import { AlignConfig } from '../../../src/host/config.ts';
import { golden } from '../../support/edited_checkpoint.ts';
import { packed as packed_model, with_blocks } from '../../support/packed.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { change_value, damage, damage_json, join, render } from '../mutations.ts';

const FILE = 'model.safetensors';
const utf8 = new TextEncoder();

/** A file under the header that `edit` gives, as long as it comes out. */
export function with_text(file: Uint8Array, edit: (text: string) => string): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = utf8.encode(edit(new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd()));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(header.length), true);
  return join(prefix, header, file.subarray(8 + length));
}

type Header = Record<string, Record<string, unknown>>;

/** The metadata's formats are JSON in JSON. */
function change_formats(text: string, dice: Dice): string {
  const header = JSON.parse(text) as Header;
  const metadata = header.__metadata__!;
  metadata.formats = dice.chance(0.5)
    ? render(change_value(JSON.parse(metadata.formats as string), dice))
    : damage_json(metadata.formats as string, dice);
  return JSON.stringify(header);
}

/** `file`, damaged in one way. */
export function damage_packed(file: Uint8Array, dice: Dice): Uint8Array {
  const times = 1 + dice.below(2);
  let damaged = file;
  const kind = dice.below(7);
  for (let i = 0; i < times; i++)
    switch (kind) {
      case 0:
        damaged = with_text(file, (text) => render(change_value(JSON.parse(text), dice)));
        break;
      case 1:
        damaged = with_text(file, (text) => damage_json(text, dice));
        break;
      case 2:
        damaged = with_text(file, (text) => change_formats(text, dice));
        break;
      case 3:
        damaged = with_text(file, (text) => {
          const header = JSON.parse(text) as Header;
          return render({ ...header, __metadata__: change_value(header.__metadata__, dice) });
        });
        break;
      case 4:
        damaged = with_blocks(file, (name, bytes) =>
          name !== 'files/config.json'
            ? bytes
            : utf8.encode(damage_json(new TextDecoder().decode(bytes), dice)),
        );
        break;
      case 5:
        damaged = damage(damaged, dice);
        break;
      default:
    }
  return damaged;
}

async function read({ [FILE]: bytes }: Case): Promise<void> {
  const file = await SafetensorsFile.open(bytes_source(FILE, bytes!));
  const packing = read_packing(file);
  for (const [, size] of packed_files(file)) if (!(size >= 0)) throw new Error(`a file of ${size} bytes`);
  const folder = await open_model(bytes);
  if (packing === null) throw new Error('open_model took what is not packed');
  await AlignConfig.from_folder(folder);
  const checkpoint = await Checkpoint.open(folder);
  for (const name of checkpoint.names())
    if (!packing.formats.has(name)) throw new Error(`${name} has no format`);
  await checkpoint.close();
}

export const packed: Target = {
  name: 'packed',
  files: 10_000,
  codes: ['corrupt_checkpoint', 'unsupported_config', 'unsupported_activation', 'not_found'],
  constant: 2 ** 14,
  async start() {
    const files = [
      await packed_model(golden('tiny'), { dtype: 'q8' }),
      await packed_model(golden('tiny'), { dtype: 'fp32' }),
    ];
    const fuzzer: Fuzzer = { make: (dice) => ({ [FILE]: damage_packed(dice.pick(files), dice) }), read };
    return fuzzer;
  },
};
