// embeddings: 'rows': the bits of a resident word table, without it in memory, and no row read that no id asks for.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { WEIGHT_DTYPES } from '../../src/host/checkpoint/formats.ts';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { bytes_source, type ByteSource } from '../../src/host/checkpoint/source.ts';
import { AlignModel, AlignTextModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { hostile_server } from '../support/hostile_server.ts';
import { load_golden, run_golden } from '../support/outputs.ts';
import { packed } from '../support/packed.ts';
import { bits } from '../support/random_models.ts';
import { read_reference } from '../support/reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-wasm-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

const whole = ['tiny', 'odd', 'gray', 'float16', 'bfloat16', 'sharded'];
const icons = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));

/** Every output of a golden's cases, as the bits that they are. */
async function outputs(name: string, model: ModelSource, options: LoadOptions): Promise<unknown[]> {
  const { model_type } = JSON.parse(readFileSync(golden(`${name}/config.json`), 'utf8')) as {
    model_type: string;
  };
  const loaded = await load_golden(model, model_type, { device: 'wasm', ...options });
  const all: unknown[] = [];
  for (const { inputs, outputs: wanted } of await read_reference(golden(`${name}/reference.safetensors`)))
    all.push(bits(await run_golden(loaded, inputs, 'loss' in wanted)));
  loaded.model.dispose();
  loaded.text?.dispose();
  return all;
}

describe.each([...whole, 'tower-text'])('%s', (name) => {
  test.each(WEIGHT_DTYPES)('%s: the same bits from a checkpoint and from a packed file', async (dtype) => {
    const resident = await outputs(name, golden(name), { dtype });
    expect(await outputs(name, golden(name), { dtype, embeddings: 'rows' })).toEqual(resident);
    const path = join(folder, `${name}-${dtype}.safetensors`);
    writeFileSync(path, await packed(golden(name), { dtype }));
    expect(await outputs(name, path, { embeddings: 'rows' })).toEqual(resident);
  });
});

test('with threads, and with relaxed SIMD, the bits are those of a resident table too', async () => {
  for (const how of [{ threads: 3 }, { precision: 'fast' }] as const)
    expect(await outputs('odd', golden('odd'), { ...how, dtype: 'q8', embeddings: 'rows' })).toEqual(
      await outputs('odd', golden('odd'), { ...how, dtype: 'q8' }),
    );
});

test('the table is not in memory, and no tensor is called unexpected for it', async () => {
  const load = (options: LoadOptions): Promise<AlignModel> =>
    AlignModel.from_pretrained(icons, { device: 'wasm', ...options });
  const resident = await load({});
  const rows = await load({ embeddings: 'rows' });
  const { vocab_size, hidden_size } = rows.config.text_config;
  const table = vocab_size * hidden_size * 4;
  expect(resident.memory.weights - rows.memory.weights).toBe(Math.ceil(table / 256) * 256);
  expect(rows.memory.total).toBeLessThanOrEqual(resident.memory.total - table + 65_536);
  expect(rows.loading_info).toEqual(resident.loading_info);
  rows.dispose();
  const inputs = { input_ids: ids(1, 2, 3) };
  await expect(rows.embed_text(inputs)).rejects.toMatchObject({ code: 'disposed' });
});

const ids = (...row: number[]): Tensor => new Tensor('int32', row, [1, row.length]);

test('no more is read than the rows that a call needs: each once, neighbours together, none twice', async () => {
  const bytes = await packed(icons, { dtype: 'q8' });
  const reads: [number, number][] = [];
  let closed = 0;
  const inner = bytes_source('bucket', bytes);
  const bucket: ByteSource = {
    ...inner,
    read: (start, end) => {
      reads.push([start, end]);
      return inner.read(start, end);
    },
    close: () => {
      closed++;
      return Promise.resolve();
    },
  };
  const model = await AlignModel.from_pretrained(bucket, {
    device: 'wasm',
    embeddings: 'rows',
    towers: 'text',
  });
  const width = model.config.text_config.hidden_size;
  const row_bytes = 16 + Math.ceil(width / 16) * 16;
  expect(reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBeLessThan(bytes.length);
  reads.length = 0;
  const first = await model.embed_text({ input_ids: ids(2, 7, 8, 9, 100, 7, 3) });
  expect(reads.map(([start, end]) => (end - start) / row_bytes).sort()).toEqual([1, 2, 3]);
  reads.length = 0;
  const again = await model.embed_text({ input_ids: ids(2, 7, 8, 9, 100, 7, 3) });
  expect(reads).toEqual([]);
  expect(bits({ first })).toEqual(bits({ first: again }));
  await model.embed_text({ input_ids: ids(2, 500, 3) });
  expect(reads.map(([start, end]) => end - start)).toEqual([row_bytes]);
  model.dispose();
  expect(closed).toBe(0); // the caller's
});

test('over HTTP a row is a range of its own; a broken or stalled one is fetched again; an abort is heard', async () => {
  const bytes = await packed(icons, { dtype: 'q4' });
  const server = await hostile_server({ '/m.safetensors': bytes });
  try {
    const url = `${server.url}/m.safetensors`;
    const options = { device: 'wasm', embeddings: 'rows', towers: 'text', cache: false } as const;
    const resident = await AlignModel.from_pretrained(url, { ...options, embeddings: 'resident' });
    server.asked.length = 0;
    const model = await AlignModel.from_pretrained(url, options);
    const loading = server.asked.length;
    expect(loading).toBeLessThan(8);
    const input_ids = ids(2, 40, 41, 300, 3);
    const expected = bits({ embedding: await resident.embed_text({ input_ids }) });
    expect(bits({ embedding: await model.embed_text({ input_ids }) })).toEqual(expected);
    const ranges = server.asked.slice(loading).map(({ headers }) => headers.range!);
    expect(ranges.length).toBe(3); // 2 and 3 are neighbours, as are 40 and 41
    server.fault = (turn) => {
      turn.good(turn.before % 2 === 0 ? { cut: 10 } : {});
      return true;
    };
    const others = ids(2, 50, 51, 310, 3);
    const broken = bits({ embedding: await model.embed_text({ input_ids: others }) });
    expect(broken).toEqual(bits({ embedding: await resident.embed_text({ input_ids: others }) }));
    server.fault = () => true;
    const controller = new AbortController();
    const waiting = model.embed_text({ input_ids: ids(2, 60, 3) }, { signal: controller.signal });
    await expect.poll(() => server.under_way.size).toBe(1);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await expect.poll(() => server.under_way.size).toBe(0);
    server.fault = null;
    expect(bits({ embedding: await model.embed_text({ input_ids }) })).toEqual(expected);
    server.files.set('/m.safetensors', Buffer.from(bytes.map((byte) => byte ^ 1)));
    const changed = model.embed_text({ input_ids: ids(2, 70, 3) });
    await expect(changed).rejects.toMatchObject({ code: 'network' });
    model.dispose();
    resident.dispose();
  } finally {
    await server.close();
  }
});

test('a tower alone, and a model without its text tower, take the option', async () => {
  const text = await AlignTextModel.from_pretrained(golden('tower-text'), {
    device: 'wasm',
    embeddings: 'rows',
  });
  expect((await text.forward({ input_ids: ids(1, 2) })).last_hidden_state!.dims.slice(0, 2)).toEqual([1, 2]);
  text.dispose();
  const vision = await AlignModel.from_pretrained(icons, {
    device: 'wasm',
    embeddings: 'rows',
    towers: 'vision',
  });
  expect(vision.memory.weights).toBeGreaterThan(0);
  vision.dispose();
});
