// align-wasm verify and inspect: on the goldens and the embedded model, and on copies of them with one thing wrong.

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { difference } from '../../src/host/cli/compare.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { cli, type Ended } from './cli.ts';

const open_file = async (path: string): Promise<SafetensorsFile> =>
  SafetensorsFile.open(bytes_source(path, new Uint8Array(await readFile(path))));

let folder: string;
let copies = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('verify', () => {
  const golden = (path: string): string => fileURLToPath(new URL(`../golden/${path}`, import.meta.url));
  const reference = (variant: string): string => golden(`${variant}/reference.safetensors`);

  /** A copy of a safetensors file after `edit` of its bytes; `at` gives the place of a tensor's data. */
  async function edited(
    path: string,
    edit: (bytes: Uint8Array, at: (tensor: string) => number) => void,
  ): Promise<string> {
    const bytes = new Uint8Array(await readFile(path));
    const { tensors } = await open_file(path);
    edit(bytes, (tensor) => tensors.get(tensor)!.start);
    const copy = join(folder, `edited-${copies++}.safetensors`);
    await writeFile(copy, bytes);
    return copy;
  }

  /** Overwrites the first `from` in the bytes by `to`, of the same length. */
  function rename(bytes: Uint8Array, from: string, to: string): void {
    const at = Buffer.from(bytes.buffer).indexOf(`"${from}"`);
    expect(at).toBeGreaterThan(0);
    bytes.set(new TextEncoder().encode(to), at + 1);
  }

  it.each(['tiny', 'max-pool', 'tower-text', 'tower-vision'])(
    'finds every output of %s within its tolerance, NaN where transformers has NaN',
    async (variant) => {
      const { tensors } = await open_file(reference(variant));
      const outputs = [...tensors.keys()].filter((name) => name.includes('.output.'));
      const { status, json } = await cli(['verify', golden(variant), reference(variant), '--json']);
      expect(status).toBe(0);
      expect(
        json()
          .map(({ case: name, tensor }) => `${String(name)}.output.${String(tensor)}`)
          .sort(),
      ).toEqual(outputs.sort());
      for (const { ok, max_rel_error } of json()) {
        expect(ok).toBe(true);
        expect(max_rel_error).toBeLessThan(2e-5);
      }
      const table_form = await cli(['verify', golden(variant), reference(variant)]);
      expect(table_form.out.trimEnd().split('\n')).toHaveLength(outputs.length + 2);
      expect(table_form.out).toContain(`all ${outputs.length} tensors within 0.0001`);
    },
  );

  it('fails with status 1 above the tolerance and names the tensor', async () => {
    const changed = await edited(reference('tiny'), (bytes, at) => {
      const view = new DataView(bytes.buffer, at('both.output.text_embeds'));
      view.setFloat32(0, view.getFloat32(0, true) + 0.01, true);
    });
    const { status, out } = await cli(['verify', golden('tiny'), changed]);
    expect(status).toBe(1);
    expect(out.split('\n').filter((line) => line.endsWith('FAILED'))).toEqual([
      expect.stringMatching(/^both +text_embeds .*FAILED$/),
    ]);
    expect(out).toMatch(/1 of \d+ tensors not within 0.0001; largest error .* of both text_embeds/);
    expect((await cli(['verify', golden('tiny'), changed, '--tolerance', '1'])).status).toBe(0);
    expect((await cli(['verify', golden('tiny'), reference('tiny'), '--tolerance', '0'])).status).toBe(1);
  });

  it('fails where transformers has NaN and the model a number, and where an output is not the model’s', async () => {
    const not_a_number = await edited(reference('tiny'), (bytes, at) => {
      new DataView(bytes.buffer, at('both.output.image_embeds')).setFloat32(4, NaN, true);
    });
    const failed = (ended: Ended): unknown[] =>
      ended
        .json()
        .filter(({ ok }) => ok === false)
        .map(({ tensor }) => tensor);
    const nan = await cli(['verify', golden('tiny'), not_a_number, '--json', '--tolerance', '1']);
    expect([nan.status, failed(nan)]).toEqual([1, ['image_embeds']]);
    const unknown = await edited(reference('tiny'), (bytes) =>
      rename(bytes, 'both.output.image_embeds', 'both.output.image_qwertz'),
    );
    const renamed = await cli(['verify', golden('tiny'), unknown, '--json']);
    expect([renamed.status, failed(renamed)]).toEqual([1, ['image_qwertz']]);
  });

  it('refuses files that are no reference', async () => {
    const model = await cli(['verify', golden('tiny'), golden('tiny/model.safetensors')]);
    expect([model.status, model.out]).toEqual([1, '']);
    expect(model.err).toContain('is no reference: it has a tensor');
    const odd = await edited(reference('tiny'), (bytes) =>
      rename(bytes, 'both.input.pixel_values', 'both.input.pixel_qwertz'),
    );
    expect((await cli(['verify', golden('tiny'), odd])).err).toContain(
      'both.input.pixel_qwertz is not an input',
    );
    const text = join(folder, 'text.safetensors');
    await writeFile(text, 'not safetensors at all');
    expect((await cli(['verify', golden('tiny'), text])).status).toBe(1);
  });
});

describe('difference', () => {
  const tensor = (...values: number[]): Tensor => new Tensor('float32', values, [values.length]);
  it('is the largest error, and its share of the largest expected value', () => {
    expect(difference(tensor(1, 2, 8), tensor(1, 2.5, 8))).toEqual({ absolute: 0.5, relative: 0.0625 });
    expect(difference(tensor(0, 0), tensor(0, 0))).toEqual({ absolute: 0, relative: 0 });
    expect(difference(tensor(1, 0), tensor(0, 0)).relative).toBe(Infinity);
    expect(difference(tensor(NaN, 1), tensor(NaN, 1)).relative).toBe(0);
    expect(difference(tensor(Infinity, 1), tensor(Infinity, 2))).toEqual({ absolute: 1, relative: 0.5 });
  });

  it('is NaN where one is a number and the other is not, where shapes differ, and where there is nothing', () => {
    const none = { absolute: NaN, relative: NaN };
    expect(difference(tensor(NaN), tensor(1))).toEqual(none);
    expect(difference(tensor(1), tensor(NaN))).toEqual(none);
    expect(difference(tensor(Infinity), tensor(-Infinity))).toEqual(none);
    expect(difference(tensor(1, 2), tensor(1))).toEqual(none);
    expect(difference(null, tensor(1))).toEqual(none);
  });
});

describe('inspect', () => {
  const weights = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));
  const config = JSON.parse(readFileSync(join(weights, 'config.json'), 'utf8')) as {
    projection_dim: number;
    text_config: Record<'num_hidden_layers' | 'hidden_size' | 'max_position_embeddings', number>;
  };
  const wide = config.text_config.hidden_size;

  it('shows a whole model: configuration, parameters, tensors', async () => {
    const { tensors } = await open_file(join(weights, 'model.safetensors'));
    const total = [...tensors.values()]
      .filter(({ name }) => !/running_mean|running_var|num_batches_tracked/.test(name))
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const { projection_dim, text_config: text } = config;
    const { status, out } = await cli(['inspect', weights]);
    expect(status).toBe(0);
    expect(out).toContain(`align, embeddings of ${projection_dim} values`);
    expect(out).toMatch(
      new RegExp(`text +BERT, ${text.num_hidden_layers} layers, ${text.hidden_size} wide, `),
    );
    expect(out).toContain(`${text.max_position_embeddings} positions`);
    expect(out).toMatch(/vision +EfficientNet, \d+ blocks, .* swish, mean pooling, 3 channels/);
    expect(out).toContain(`parameters  ${total.toLocaleString('en-US')} (text `);
    expect(out).toMatch(new RegExp(`tensors +${tensors.size}: `));
    expect(out.match(/(missing|misshapen|extra) +none/g)).toHaveLength(3);
    const [json] = (await cli(['inspect', weights, '--json'])).json();
    expect(json).toMatchObject({ parameters: { total, align: 1 }, missing: [], misshapen: [], extra: [] });
    expect(json).toMatchObject({ tensors: tensors.size, config: { projection_dim } });
    expect((await cli(['inspect', '--model', weights, '--json'])).json()).toEqual([json]);
  });

  it('names missing, misshapen and extra tensors, with status 1', async () => {
    const broken = join(folder, 'broken-model');
    await mkdir(broken, { recursive: true });
    const config = JSON.parse(await readFile(join(weights, 'config.json'), 'utf8')) as {
      text_config: object;
    };
    await writeFile(
      join(broken, 'config.json'),
      JSON.stringify({ ...config, text_config: { ...config.text_config, type_vocab_size: 3 } }),
    );
    const bytes = await readFile(join(weights, 'model.safetensors'));
    bytes.write('"text_projection.weighz"', bytes.indexOf('"text_projection.weight"'));
    await writeFile(join(broken, 'model.safetensors'), bytes);
    const { status, out } = await cli(['inspect', broken]);
    expect(status).toBe(1);
    expect(out).toMatch(/missing +1: text_projection\.weight$/m);
    expect(out).toMatch(/misshapen +1: \S*token_type_embeddings\.weight \[2, \d+\] should be \[3, \d+\]/);
    expect(out).toMatch(/extra +1: text_projection\.weighz$/m);
    const [json] = (await cli(['inspect', broken, '--json'])).json();
    expect(json).toMatchObject({
      missing: ['text_projection.weight'],
      misshapen: [{ shape: [2, wide], expected: [3, wide] }],
      extra: ['text_projection.weighz'],
    });
  });

  it('prints a plan, one op a line with shape, arena offset, MACs and layer, and its totals', async () => {
    const { status, out } = await cli(['inspect', '--plan', '--tower', 'vision']);
    expect(status).toBe(0);
    const lines = out.trimEnd().split('\n');
    const ops = (await cli(['inspect', '--plan', '--tower', 'vision', '--json'])).json();
    expect(lines).toHaveLength(ops.length + 3);
    ops.forEach(({ index, shape, offset, name, macs, part }, i) => {
      expect([index, part]).toEqual([i, 'vision']);
      const line = lines[i + 2]!;
      expect(line).toMatch(
        new RegExp(`^ *${i}  .* ${String(shape)} +${String(offset)} +[0-9,]+  ${String(name)}$`),
      );
      expect(line.replaceAll(',', '')).toContain(` ${String(macs)} `);
    });
    const macs = ops.reduce((sum, op) => sum + (op.macs as number), 0);
    expect(lines.at(-1)).toContain(`${ops.length} ops, ${macs.toLocaleString('en-US')} MACs, arena`);
    expect(ops[0]!.shape).toMatch(/^1×24×24×/); // 48 px, as the model's processor makes them
  });

  it('prints the plan of every part, for the sizes that are asked for', async () => {
    const shapes = async (...args: string[]): Promise<Map<unknown, unknown[]>> => {
      const all = new Map<unknown, unknown[]>();
      for (const { part, shape } of (await cli(['inspect', '--plan', '--json', ...args])).json())
        all.set(part, [...(all.get(part) ?? []), shape]);
      return all;
    };
    const usual = await shapes();
    expect([...usual.keys()]).toEqual(['text', 'vision', 'align']);
    const { max_position_embeddings: positions } = config.text_config;
    expect(usual.get('text')![0]).toBe(`${Math.min(64, positions)}×${wide}`);
    expect(usual.get('align')!.at(-1)).toBe('1×1');
    const sized = await shapes('--batch', '3', '--height', '64', '--width', '96', '--tokens', '7');
    expect(sized.get('text')![0]).toBe(`21×${wide}`);
    expect(sized.get('vision')![0]).toMatch(/^3×32×48×/);
    expect(sized.get('align')!.at(-1)).toBe('3×3');
    const tower = fileURLToPath(new URL('../golden/tower-vision', import.meta.url));
    expect((await cli(['inspect', tower])).out).toMatch(/model +align_vision_model$/m);
    const other = await cli(['inspect', tower, '--plan', '--tower', 'text']);
    expect([other.status, other.out]).toEqual([2, '']);
    expect(other.err).toContain('the model has vision only');
  });
});

describe('bench', () => {
  it('times both towers, by kernel with --ops', async () => {
    const { status, out } = await cli(['bench', '--rounds', '1', '--ops']);
    expect(status).toBe(0);
    for (const word of ['text', 'vision', 'median', 'GFLOP/s', 'Gemm', 'Depthwise', 'Attention'])
      expect(out).toContain(word);
  });

  it('prints a JSON object a tower, whose kernels add up', async () => {
    const { json } = await cli([
      'bench',
      '--tower',
      'vision',
      '--height',
      '64',
      '--width',
      '32',
      '--rounds',
      '2',
      '--json',
    ]);
    const [result, ...others] = json() as {
      tower: string;
      best_ms: number;
      rows: { kernel: string; ops: number; ms: number }[];
    }[];
    expect(others).toEqual([]);
    expect(result!.tower).toBe('vision');
    expect(result!.rows.find(({ kernel }) => kernel === 'Depthwise')!.ops).toBe(11);
    expect(result!.rows.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(result!.best_ms, 6);
  });

  it('times several threads as a whole, and says how many there are', async () => {
    const { status, out } = await cli([
      'bench',
      '--rounds',
      '1',
      '--tower',
      'text',
      '--threads',
      '2',
      '--ops',
    ]);
    expect(status).toBe(0);
    for (const word of ['q8, exact, 2 threads', 'median', 'Gemm']) expect(out).toContain(word);
  });

  it('refuses what the model cannot run', async () => {
    expect(await cli(['bench', '--dtype', 'int3'])).toMatchObject({ status: 2, out: '' });
    expect(await cli(['bench', '--tokens', '500'])).toMatchObject({ status: 2, out: '' });
    expect(await cli(['bench', '--precision', 'high'])).toMatchObject({ status: 2 });
    expect(await cli(['bench', 'no-such-model'])).toMatchObject({ status: 1 });
  });
});
