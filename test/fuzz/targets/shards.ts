// model.safetensors.index.json and its shards. No name in an index leads out of the folder.

import { Checkpoint } from '../../../src/host/checkpoint/checkpoint.ts';
import { open_model, type ModelFolder } from '../../../src/host/checkpoint/model_files.ts';
import { file_header } from '../../../src/host/checkpoint/writer.ts';
import { AlignError } from '../../../src/host/errors.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { damage, damaged_file, NAMES } from '../mutations.ts';

const INDEX = 'model.safetensors.index.json';
const SHARDS = [
  'model-00001-of-00003.safetensors',
  'model-00002-of-00003.safetensors',
  'model-00003-of-00003.safetensors',
];

/** Names that would be read elsewhere, on one system or another, and such that only look like it. */
export const HOSTILE_NAMES: readonly string[] = [
  ...[
    '../model.safetensors',
    '..',
    '.',
    '',
    '/etc/passwd',
    'C:\\model',
    'C:model',
    '\\\\host\\share',
    '//host/share',
  ],
  ...[
    'a/../../b',
    'a\\..\\b',
    '%2e%2e%2fmodel',
    'file:///etc/passwd',
    'https://example.org/x',
    'a\u0000.safetensors',
  ],
  ...[
    'model.safetensors\n',
    '.. ',
    '... ',
    '../',
    './a',
    'CON',
    'nul.safetensors',
    'COM1',
    'lpt9.x',
    'aux',
    'x:stream',
  ],
  ...['model.safetensors.', 'model.safetensors ', 'CONIN$', 'com¹', '\ud800', '?', '#a', 'a'.repeat(5000)],
];

/** Three tensors a shard, each of a few bytes. */
function shard(first: number): Uint8Array {
  const tensors = [0, 1, 2].map((i) => ({ name: `t${first + i}`, dtype: 'U8' as const, shape: [i + 1, 2] }));
  const header = file_header(tensors, { format: 'pt' }, 8);
  return new Uint8Array([...header, ...new Uint8Array(12).fill(first)]);
}

const WHOLE: readonly Uint8Array[] = SHARDS.map((_, i) => shard(3 * i));

function make(dice: Dice): Case {
  const weight_map: Record<string, unknown> = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`t${i}`, SHARDS[Math.floor(i / 3)]]),
  );
  const shards = WHOLE.slice();
  const names: string[] = SHARDS.slice();
  const tensor = `t${dice.below(9)}`;
  switch (dice.below(8)) {
    case 0:
    case 1:
      weight_map[tensor] = dice.pick(HOSTILE_NAMES);
      break;
    case 2:
      weight_map[tensor] = dice.pick([...SHARDS, INDEX, 'model.safetensors', 'config.json', ...NAMES]);
      break;
    case 3:
      weight_map[dice.pick(NAMES)] = dice.pick(SHARDS);
      break;
    case 4:
      shards[dice.below(3)] = damage(dice.pick(WHOLE), dice);
      break;
    case 5:
      shards[dice.below(3)] = dice.pick(WHOLE);
      break;
    case 6:
      names[dice.below(3)] = dice.pick(['model.safetensors', 'MODEL-00001-of-00003.safetensors', ...SHARDS]);
      break;
    default:
      Reflect.deleteProperty(weight_map, tensor);
  }
  const index = { metadata: { total_size: 36 }, weight_map };
  return {
    ...Object.fromEntries(names.map((name, i) => [name, shards[i]!])),
    [INDEX]: damaged_file(index, dice),
  };
}

/** Says where a name would have been read elsewhere: a rule of its own, not the reader's. */
function guarded(folder: ModelFolder): ModelFolder {
  return {
    ...folder,
    open(file) {
      const device = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$/i.test(
        file.split('.')[0]!.trim(),
      );
      if (file === '' || /[/\\:]|[ .]$/.test(file) || /\p{Cc}/u.test(file) || device)
        throw new Error(`${JSON.stringify(file)} was opened`);
      return folder.open(file);
    },
  };
}

async function read(files: Case): Promise<void> {
  const checkpoint = await Checkpoint.open(guarded(await open_model(files)));
  try {
    for (const name of checkpoint.names()) {
      const { shape, start, end } = checkpoint.get(name)!;
      const bytes = await checkpoint.read_rows(name, 0, shape[0] ?? 1);
      if (bytes.length !== end - start) throw new Error(`${name}: ${bytes.length} bytes`);
      await checkpoint.read_rows(name, 0, (shape[0] ?? 1) + 1).then(
        () => {
          throw new Error(`${name} has a row too many`);
        },
        (error: unknown) => {
          if (!(error instanceof AlignError)) throw error;
        },
      );
    }
  } finally {
    await checkpoint.close();
  }
}

export const shards: Target = {
  name: 'shards',
  files: 20_000,
  codes: ['corrupt_checkpoint', 'missing_tensor', 'not_found'],
  constant: 2 ** 14,
  start: () => Promise.resolve<Fuzzer>({ make, read }),
};
