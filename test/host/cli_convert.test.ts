// align-wasm convert, and what the other commands make of a packed file.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { golden } from '../support/edited_checkpoint.ts';
import { packed, with_blocks } from '../support/packed.ts';
import { read_packed_file } from '../support/packed_reader.ts';
import { cli } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-wasm-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));

const icons = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));
const picture = fileURLToPath(new URL('../../examples/pictures/dog.png', import.meta.url));
let files = 0;
const fresh = (): string => join(folder, `${files++}.safetensors`);

describe('convert', () => {
  test('writes the file and says what is in it', async () => {
    const output = fresh();
    const { status, out, err } = await cli(['convert', golden('odd'), '-o', output, '--dtype', 'q8']);
    expect([status, err]).toEqual([0, '']);
    const bytes = readFileSync(output);
    expect(Buffer.compare(bytes, await packed(golden('odd'), { dtype: 'q8' }))).toBe(0);
    const { blocks } = read_packed_file(bytes);
    expect(out).toContain(`${output}  q8, both towers`);
    for (const format of new Set(Array.from(blocks.values(), (block) => block.format))) {
      const count = [...blocks.values()].filter((block) => block.format === format).length;
      expect(out).toMatch(new RegExp(`^  ${format} +${count} blocks? +[\\d.]+ K?B +[\\d.]+ K?B$`, 'm'));
    }
    expect(out).toMatch(/^ {2}files +1 file /m);
    expect(out).toMatch(/^ {2}total /m);
  });

  test('as JSON', async () => {
    const output = fresh();
    const { status, json } = await cli(['convert', icons, '--output', output, '--dtype', 'fp16', '--json']);
    expect(status).toBe(0);
    const [summary] = json() as [
      { formats: Record<string, { blocks: number; before: number; after: number }> },
    ];
    const { blocks, files: inside } = read_packed_file(readFileSync(output));
    expect(summary).toMatchObject({
      output,
      dtype: 'fp16',
      towers: 'both',
      bytes: readFileSync(output).length,
      files: Object.fromEntries(Array.from(inside, ([name, { length }]) => [name, length])),
    });
    const shares = Object.values(summary.formats);
    expect(Object.keys(summary.formats).sort()).toEqual(['f16', 'f32']);
    expect(shares.reduce((sum, share) => sum + share.blocks, 0)).toBe(blocks.size);
    expect(shares.reduce((sum, share) => sum + share.after, 0)).toBe(
      [...blocks.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    );
    expect(Object.keys(summary).sort()).toEqual(
      ['output', 'dtype', 'towers', 'checkpoint_bytes', 'formats', 'files', 'bytes'].sort(),
    );
  });

  test('is fp32 unless asked otherwise, and takes one tower', async () => {
    const output = fresh();
    expect((await cli(['convert', golden('odd'), '-o', output, '--towers', 'vision'])).status).toBe(0);
    expect(read_packed_file(readFileSync(output)).metadata).toMatchObject({
      dtype: 'fp32',
      towers: 'vision',
    });
  });

  test('writes over a file only with --force, and makes folders', async () => {
    const output = join(folder, 'new', 'folders', 'model.safetensors');
    const convert = (...more: string[]): ReturnType<typeof cli> =>
      cli(['convert', golden('tiny'), '-o', output, ...more]);
    expect((await convert()).status).toBe(0);
    const first = readFileSync(output);
    const again = await convert('--dtype', 'q4');
    expect(again.status).toBe(1);
    expect(again.err).toContain(`${output} is there already`);
    expect(again.err).toContain('--force');
    expect(readFileSync(output)).toEqual(first);
    expect((await convert('--dtype', 'q4', '--force')).status).toBe(0);
    expect(read_packed_file(readFileSync(output)).metadata.dtype).toBe('q4');
    expect(readdirSync(join(folder, 'new', 'folders'))).toEqual(['model.safetensors']);
  });

  test('a folder is no output', async () => {
    const there = join(folder, 'there');
    mkdirSync(there);
    const { status, err } = await cli(['convert', golden('tiny'), '-o', there, '--force']);
    expect(status).toBe(1);
    expect(err).toContain(`${there}/model.safetensors`);
  });

  test('a pipe is no output, and a link stays one', async () => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const { status, err } = await cli(['convert', golden('tiny'), '-o', pipe, '--force']);
    expect(status).toBe(1);
    expect(err).toContain(`${pipe} is no regular file`);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    const [link, output] = [join(folder, 'link'), fresh()];
    symlinkSync(output, link);
    expect((await cli(['convert', golden('tiny'), '-o', link])).status).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(lstatSync(output).isFile()).toBe(true);
  });

  test('leaves nothing behind when it fails or is interrupted', async () => {
    const output = fresh();
    const damaged = join(folder, 'damaged');
    mkdirSync(damaged);
    writeFileSync(join(damaged, 'config.json'), readFileSync(golden('tiny/config.json')));
    writeFileSync(
      join(damaged, 'model.safetensors'),
      readFileSync(golden('tiny/model.safetensors')).subarray(0, -4),
    );
    expect((await cli(['convert', damaged, '-o', output])).status).toBe(1);
    const controller = new AbortController();
    const interrupted = await cli(['convert', golden('deep'), '-o', output], {
      signal: controller.signal,
      progress: true,
      now: () => (controller.abort(), performance.now() + 1e6),
    });
    expect(interrupted.status).toBe(130);
    expect(existsSync(output)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('shows progress on a terminal only', async () => {
    let ms = 0;
    const now = (): number => (ms += 1000);
    const shown = await cli(['convert', golden('tiny'), '-o', fresh()], { progress: true, now });
    expect(shown.err).toContain('converting');
    expect((await cli(['convert', golden('tiny'), '-o', fresh()], { now })).err).toBe('');
  });

  test('a packed file cannot be converted again', async () => {
    const output = fresh();
    writeFileSync(output, await packed(golden('tiny'), { dtype: 'q8' }));
    const { status, err } = await cli(['convert', output, '-o', fresh()]);
    expect(status).toBe(1);
    expect(err).toContain('is packed already, as q8');
  });

  test.each([
    [['convert'], 'needs a MODEL and -o FILE'],
    [['convert', 'x'], 'needs a MODEL and -o FILE'],
    [['convert', 'x', 'y', '-o', 'z'], 'needs a MODEL and -o FILE'],
    [['convert', 'x', '-o', ''], 'needs a MODEL and -o FILE'],
    [['convert', 'x', '-o', 'z', '--dtype', 'int8'], '--dtype must be fp32 or fp16 or bf16 or q8 or q4'],
    [['convert', 'x', '-o', 'z', '--towers', 'all'], '--towers must be both or text or vision'],
    [['convert', 'x', '-o', 'z', '--dtyp', 'q8'], 'did you mean --dtype'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, err } = await cli(args);
    expect(status).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain('align-wasm convert --help');
  });

  test('explains itself', async () => {
    const { status, out } = await cli(['convert', '--help']);
    expect(status).toBe(0);
    for (const word of ['--output', '--dtype', 'q8', '--towers', '--force', '--json', 'FORMAT.md'])
      expect(out).toContain(word);
    expect((await cli(['--help'])).out).toContain('align-wasm convert');
  });
});

describe('a packed file in', () => {
  test('inspect: version, towers, formats and files', async () => {
    const path = fresh();
    writeFileSync(path, await packed(icons, { dtype: 'q8' }));
    const { blocks, files: inside } = read_packed_file(readFileSync(path));
    const { status, json } = await cli(['inspect', path, '--json']);
    expect(status).toBe(0);
    const [summary] = json() as [{ packed: { formats: Record<string, { blocks: number; bytes: number }> } }];
    expect(summary).toMatchObject({
      model: path,
      parameters: { total: 2_652_201 },
      tensors: blocks.size,
      missing: [],
      misshapen: [],
      extra: [],
      packed: {
        version: '1',
        dtype: 'q8',
        towers: 'both',
        files: Object.fromEntries(Array.from(inside, ([name, { length }]) => [name, length])),
      },
    });
    for (const [format, share] of Object.entries(summary.packed.formats)) {
      const own = [...blocks.values()].filter((block) => block.format === format);
      expect(share.blocks).toBe(own.length);
      expect(share.bytes).toBe(own.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    }
    const shown = await cli(['inspect', path]);
    expect(shown.out).toMatch(/^ {2}packed +q8, version 1, both towers$/m);
    expect(shown.out).toMatch(/^ {2}blocks +\d+: .*q8d [\d.]+ [KM]B in \d+/m);
    expect(shown.out).toMatch(/^ {2}files .*tokenizer\.json/m);
  });

  test('inspect --plan: the formats of its ops', async () => {
    const path = fresh();
    writeFileSync(path, await packed(icons, { dtype: 'q8' }));
    const { out, status } = await cli(['inspect', path, '--plan', '--tower', 'text']);
    expect(status).toBe(0);
    expect(out).toMatch(/Q8D/);
    expect(out).toContain('Quantize');
  });

  test('inspect: one tower, and blocks that are missing', async () => {
    const path = fresh();
    writeFileSync(path, await packed(golden('odd'), { dtype: 'fp32', towers: 'text' }));
    const { status, json } = await cli(['inspect', path, '--json']);
    expect(status).toBe(0);
    expect(Object.keys((json()[0] as { parameters: object }).parameters)).toEqual(['text', 'align', 'total']);
    const name = 'text_model.encoder.layer.0.output.dense';
    writeFileSync(
      path,
      with_blocks(readFileSync(path), (block, bytes) => (block === name ? null : bytes)),
    );
    const lacking = await cli(['inspect', path, '--json']);
    expect(lacking.status).toBe(1);
    expect(lacking.json()[0]).toMatchObject({ missing: [name] });
  });

  test('verify: fp32 within the usual tolerance, q8 within its own', async () => {
    const path = fresh();
    const reference = golden('odd/reference.safetensors');
    writeFileSync(path, await packed(golden('odd'), { dtype: 'fp32' }));
    expect((await cli(['verify', path, reference])).status).toBe(0);
    writeFileSync(path, await packed(golden('odd'), { dtype: 'q8' }));
    expect((await cli(['verify', path, reference])).status).toBe(1);
    expect((await cli(['verify', path, reference, '--tolerance', '0.5'])).status).toBe(0);
  });

  test('classify and embed: a whole model', async () => {
    const path = fresh();
    writeFileSync(path, await packed(icons, { dtype: 'q8' }));
    const { status, json } = await cli([
      'classify',
      picture,
      '--labels',
      'a dog,a pizza',
      '--model',
      path,
      '--json',
    ]);
    expect(status).toBe(0);
    expect(json()).toHaveLength(1);
    expect((await cli(['embed', '--text', 'a dog', '--model', path])).status).toBe(0);
  });
});
