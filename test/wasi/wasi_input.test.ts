// Whatever the WASI module is given, it ends with a status of its own and one line that says what is wrong: no trap.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Random } from '../processor/random.ts';
import { packed, with_blocks, with_header, type EditableHeader } from '../support/packed.ts';
import { HOSTS, new_folder, run_in, type Ended, type Run } from './hosts.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MODEL = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));
const folder = new_folder();
let model: Uint8Array<ArrayBuffer>;

const put = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes);
  return name;
};
const text = (name: string): Run => ({ args: ['embed', '--model', name, '--text', 'a dog'] });
const picture = (...args: string[]): Run => ({ args: ['embed', '--model', 'model', '--image', ...args] });

beforeAll(async () => {
  model = await packed(MODEL, { dtype: 'q8' });
  put('model', model);
  put('text-model', await packed(MODEL, { dtype: 'q4', towers: 'text' }));
  put('good.ppm', Buffer.concat([Buffer.from('P6 2 2 255\n'), new Uint8Array(12)]));
});
afterAll(() => rmSync(folder, { recursive: true }));

function expect_refused({ status, stdout, stderr }: Ended, wanted: number, message: RegExp): void {
  expect([status, stdout, stderr]).toEqual([wanted, '', expect.stringMatching(message)]);
  expect(stderr).toMatch(/^align-wasm: .*\n$/);
}

/** Command lines that cannot be meant. */
const USAGE: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /embed or classify is needed/],
  [['sing'], /"sing" is neither embed nor classify/],
  [['embed'], /embed needs --model FILE/],
  [['embed', '--model', 'model'], /needs --text, --text-file or --image/],
  [['embed', '--model'], /--model needs a value/],
  [['embed', '--model', '-', '--text', 'a'], /--model must be a file/],
  [['embed', '--model', 'model', 'a dog'], /"a dog" follows no option/],
  [['embed', '--model', 'model', '--colour', 'red'], /no option "--colour"/],
  [['embed', '--model', 'model', '--image', '-', '--text-file', '-'], /can be read only once/],
  [['embed', '--model', 'model', '--image', 'x', '--size', '0x3'], /--size "0x3"/],
  [['embed', '--model', 'model', '--image', 'x', '--size', '99999999999x99999999999'], /--size/],
  [['classify', '--model', 'model', '--image', 'good.ppm'], /classify needs --labels/],
  [['classify', '--model', 'model', '--labels', 'a'], /classify needs --image/],
  [['classify', '--model', 'model', '--image', 'good.ppm', '--labels', ' , '], /classify needs --labels/],
  [['classify', '--model', 'm', '--image', 'x', '--labels', 'a', '--template', 'icon'], /has no \{\}/],
  [
    ['classify', '--model', 'm', '--image', 'x', '--labels', 'a', '--scores', 'best'],
    /"best": it is softmax/,
  ],
  [['classify', '--model', 'm', '--image', 'x', '--labels', 'a', '--top-k', '1.5'], /--top-k "1.5"/],
];

/** Pictures that are none. */
const PICTURES: readonly (readonly [bytes: string, message: RegExp])[] = [
  ['', /begins with "": a PPM/],
  ['P3 1 1 255\n0 0 0', /begins with "P3/],
  ['\u0089PNG\r\n', /a PPM \(P6\) or PGM/],
  ['P6', /damaged header/],
  ['P6 1', /damaged header/],
  ['P6 1 1 255', /damaged header/],
  ['P6 -1 1 255\n', /damaged header/],
  ['P6 1 1 65535\nabcdef', /samples up to 65535/],
  ['P6 2 2 255\nabc', /ends after 3 of 12 bytes/],
  ['P6 1 1 255\nabcd', /1 bytes behind/],
  ['P6 4294967297 4294967296 255\nabc', /at most 16777216 are read/],
  ['P6 99999999999999999999999 1 255\nabc', /at most/],
  ['P5 16777216 1 255\nabc', /ends after 3 of 16777216/],
];

/** Headers of packed files that are none. */
const HEADERS: Readonly<Record<string, readonly [edit: (header: EditableHeader) => void, message: RegExp]>> =
  {
    'another version': [
      (h) => (h.__metadata__['version'] = '2'),
      /version "2", this module reads version "1"/,
    ],
    'not packed': [(h) => (h.__metadata__['format'] = 'pt'), /not a packed one/],
    'no metadata': [(h) => Reflect.deleteProperty(h, '__metadata__'), /not a packed one/],
    'towers of no kind': [(h) => (h.__metadata__['towers'] = 'three'), /towers in its metadata is "three"/],
    'formats that are no JSON': [
      (h) => (h.__metadata__['formats'] = '{'),
      /formats is not valid JSON at byte 1/,
    ],
    'an unknown format': [
      (h) => (h.__metadata__['formats'] = '{"temperature": "q2"}'),
      /temperature is "q2"/,
    ],
    'a block without a format': [(h) => (h.__metadata__['formats'] = '{}'), /has no format/],
    'another dtype': [
      (h) => (h['temperature'] = { dtype: 'F32', shape: [4], data_offsets: [0, 16] }),
      /bytes only/,
    ],
    'a hole': [
      (h) => (h['x'] = { dtype: 'U8', shape: [1], data_offsets: [1e9, 1e9 + 1] }),
      /tensors end|hole/,
    ],
    'sizes beyond everything': [
      (h) => (h['x'] = { dtype: 'U8', shape: [2 ** 53 - 1], data_offsets: [0, 2 ** 53 - 1] }),
      /hole or overlap|end at byte/,
    ],
    'sizes that are no integers': [
      (h) => (h['x'] = { dtype: 'U8', shape: [-1], data_offsets: [1, 0] }),
      /integer from 0/,
    ],
    'lists in lists': [
      (h) => (h['x'] = Array.from({ length: 500 }).reduce<unknown[]>((inner) => [inner], [])),
      /not valid JSON/,
    ],
  };

/** The model (or another) with one of its JSON files changed. */
function with_file(
  name: string,
  edit: (json: Record<string, unknown>) => unknown,
  base: Uint8Array = model,
): Uint8Array {
  return with_blocks(base, (block, bytes) => {
    if (block !== `files/${name}`) return bytes;
    const changed = edit(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>);
    return changed === null
      ? null
      : new TextEncoder().encode(typeof changed === 'string' ? changed : JSON.stringify(changed));
  });
}
const text_config = (values: object) => (json: Record<string, unknown>) => ({
  ...json,
  text_config: { ...(json['text_config'] as object), ...values },
});

/** Files within the packed file that do not belong to it. */
const FILES: readonly (readonly [
  name: string,
  edit: (json: Record<string, unknown>) => unknown,
  message: RegExp,
])[] = [
  ['config.json', () => null, /holds no config.json/],
  ['config.json', () => '{"a": 1e}', /config.json is not valid JSON at byte 6/],
  ['config.json', () => '', /config.json is not valid JSON/],
  ['config.json', () => '[]', /an object is needed/],
  ['config.json', () => ({ model_type: 'clip' }), /not an ALIGN model/],
  ['config.json', () => ({ model_type: 'align_text_model' }), /a tower alone/],
  [
    'config.json',
    text_config({ hidden_size: 2 ** 24, num_attention_heads: 1 }),
    /config.json asks for|limit|more than/,
  ],
  [
    'config.json',
    text_config({ num_hidden_layers: 10_000 }),
    /lacks the block "text_model.encoder.layer.9999/,
  ],
  ['config.json', text_config({ vocab_size: 2 ** 24, hidden_size: 2 ** 24 }), /more than|asks for/],
  ['config.json', text_config({ vocab_size: 5001 }), /bytes, its config.json asks for/],
  ['config.json', text_config({ vocab_size: -1 }), /vocab_size is -1; an integer from 1/],
  ['config.json', text_config({ vocab_size: 1.5 }), /vocab_size is 1.5/],
  ['config.json', text_config({ hidden_act: 'swoosh' }), /hidden_act is "swoosh"/],
  ['config.json', text_config({ layer_norm_eps: '1' }), /a number is needed/],
  ['tokenizer.json', () => null, /neither tokenizer.json nor vocab.txt/],
  ['tokenizer.json', () => ({}), /no unknown token/],
  ['tokenizer.json', (json) => ({ ...json, model: { type: 'BPE' } }), /this module has WordPiece/],
  ['tokenizer.json', (json) => ({ ...json, model: { vocab: { '[UNK]': -1 } } }), /\[UNK\] is -1/],
  [
    'tokenizer.json',
    (json) => ({ ...json, model: { vocab: { '[UNK]': 1, a: 5000, dog: 2 } } }),
    /the model knows 0 to 4999/,
  ],
  [
    'tokenizer_config.json',
    (json) => ({ ...json, tokenizer_class: 'T5Tokenizer' }),
    /tokenizer_class is "T5Tokenizer"/,
  ],
  ['tokenizer_config.json', (json) => ({ ...json, do_lower_case: 1 }), /true or false/],
];

/** What tokenizer.json may not say where it is taken as it stands. */
const single = (...parts: string[]): object => ({
  post_processor: {
    type: 'TemplateProcessing',
    single: parts.map((id) => ({ Sequence: { id, type_id: 0 } })),
    pair: [],
    special_tokens: {},
  },
});
const TOKENIZERS: readonly (readonly [flags: object, message: RegExp])[] = [
  [{ pre_tokenizer: null }, /a pre_tokenizer, BertPreTokenizer, is needed/],
  [{ post_processor: {} }, /a list of parts, single, is needed/],
  [single('B'), /the text is called A/],
  [single('A', 'A'), /may be there once/],
];

describe.each(Object.keys(HOSTS))('in %s', (host) => {
  test('a command line that cannot be meant', () => {
    const ended = run_in(
      host,
      folder,
      USAGE.map(([args]) => ({ args })),
    );
    for (const [i, [, message]] of USAGE.entries()) expect_refused(ended[i]!, 2, message);
  });

  test('files that are missing, folders, and files out of reach', () => {
    const cases: readonly (readonly [Run, RegExp])[] = [
      [text('nothing'), /nothing cannot be opened: NOENT/],
      [text('../../etc/passwd'), /cannot be opened/],
      [text('/etc/passwd'), /cannot be opened|in no folder/],
      [text('.'), /is not a regular file/],
      [picture('nothing.ppm'), /nothing.ppm cannot be opened: NOENT/],
      [picture('.'), /cannot be read/],
      [{ args: ['embed', '--model', 'text-model', '--image', 'good.ppm'] }, /holds the text tower alone/],
      [
        { args: ['embed', '--model', 'model', '--text', 'x '.repeat(300)] },
        /a text of \d+ tokens, the model has 64/,
      ],
      [
        { args: ['embed', '--model', 'model', '--text-file', put('bad', Buffer.from([0xc3, 0x28]))] },
        /not valid UTF-8/,
      ],
      [picture('good.ppm', '--size', '3x2'), /3 x 2 pixels of RGB are 18 bytes, it has 23/],
    ];
    const ended = run_in(
      host,
      folder,
      cases.map(([run]) => run),
    );
    for (const [i, [, message]] of cases.entries()) expect_refused(ended[i]!, 1, message);
  });

  test('pictures', () => {
    const runs = PICTURES.map(([bytes], i) => picture(put(`picture-${i}`, Buffer.from(bytes, 'latin1'))));
    const ended = run_in(host, folder, runs);
    for (const [i, [, message]] of PICTURES.entries()) expect_refused(ended[i]!, 1, message);
  });

  test('packed files', () => {
    const backend = with_file('tokenizer_config.json', (json) => ({
      ...json,
      tokenizer_class: 'TokenizersBackend',
    }));
    const cases: [Uint8Array, RegExp][] = [
      ...Object.values(HEADERS).map(([edit, message]): [Uint8Array, RegExp] => [
        with_header(model, edit),
        message,
      ]),
      ...FILES.map(([name, edit, message]): [Uint8Array, RegExp] => [with_file(name, edit), message]),
      ...TOKENIZERS.map(([flags, message]): [Uint8Array, RegExp] => [
        with_file('tokenizer.json', (json) => ({ ...json, ...flags }), backend),
        message,
      ]),
    ];
    const ended = run_in(
      host,
      folder,
      cases.map(([bytes], i) => text(put(`packed-${i}`, bytes))),
    );
    for (const [i, [, message]] of cases.entries()) expect_refused(ended[i]!, 1, message);
  });

  test('any part of a packed file, and a header with any byte changed', () => {
    const random = new Random(3);
    const length = 8 + Number(new DataView(model.buffer).getBigUint64(0, true));
    const cut = [0, 1, 7, 8, 9, 300, length - 1, length, length + 1, model.length - 1];
    const broken = Array.from({ length: 60 }, (_, i) => {
      const bytes = model.slice();
      bytes[i < 8 ? i : random.below(length)] = random.number() >>> 24;
      return bytes;
    });
    const files = [...cut.map((size) => model.subarray(0, size)), ...broken];
    const ended = run_in(
      host,
      folder,
      files.map((bytes, i) => text(put(`broken-${i}`, bytes))),
    );
    for (const { status, stderr } of ended.slice(0, cut.length))
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^align-wasm: broken/)]);
    // A changed byte may be none that matters.
    expect(ended.filter(({ status }) => status !== 0 && status !== 1)).toEqual([]);
    expect(ended.filter(({ status }) => status === 1).length).toBeGreaterThan(40);
  });
});

test('help goes to standard output, standard input is "-"', () => {
  const labels = put('labels', 'a dog\n\na cat\n');
  const [help, from_input, from_file, lines] = run_in('this Node', folder, [
    { args: ['--help'] },
    { ...picture('-'), stdin: join(folder, 'good.ppm') },
    picture('good.ppm'),
    {
      args: ['classify', '--model', 'model', '--image', 'good.ppm', '--labels-file', '-', '--top-k', '1'],
      stdin: join(folder, labels),
    },
  ]);
  expect([help!.status, help!.stderr]).toEqual([0, '']);
  expect(help!.stdout).toContain('--labels-file FILE');
  expect(from_input!.stdout.replace('-\t', '')).toEqual(from_file!.stdout.replace('good.ppm\t', ''));
  expect(from_file!.stdout.trim().split(' ')).toHaveLength(256);
  expect(lines!.stdout).toMatch(/^good\.ppm\t0\.\d+\ta (dog|cat)\n$/);
});
