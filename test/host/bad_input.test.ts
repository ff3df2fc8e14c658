// Bad input, one named test each: every one ends in an AlignError that says what, where and what to do; none hangs,
// traps or gives zeros, and the model works afterwards.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { AlignTextConfig, AlignVisionConfig } from '../../src/host/config.ts';
import { RawImage } from '../../src/host/image.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { floats, ids, pixels, refused } from '../support/bad_calls.ts';
import { golden, golden_files, with_config, with_tensors } from '../support/edited_checkpoint.ts';
import { first_difference } from '../kernels/support/compare.ts';

const GOOD_TEXT = { input_ids: ids([[1, 2, 3]]) };
const GOOD_PICTURE = { pixel_values: pixels(1, 33, 47) };

// `odd`: vocabulary 61, 23 positions, hidden 30, 2 token types, 3 channels, projection 27.
let model: AlignModel;
let answer: Tensor<'float32'>;
beforeAll(async () => {
  model = await AlignModel.from_pretrained(golden('odd'));
  answer = await model.embed_text(GOOD_TEXT);
});

/** The model gives what it gave before. */
async function expect_works(): Promise<void> {
  const again = await model.embed_text(GOOD_TEXT);
  expect(first_difference(again.data, answer.data)).toBe(-1);
}

describe('A checkpoint', () => {
  const load = (files: object): Promise<unknown> =>
    AlignModel.from_pretrained(files as Record<string, object>);

  test('truncated anywhere is corrupt_checkpoint', async () => {
    const files = golden_files('odd');
    const whole = files['model.safetensors'];
    for (const size of [0, 4, 8, 100, 5000, whole.length - 1])
      await refused('corrupt_checkpoint', ['model.safetensors'], () =>
        load({ ...files, 'model.safetensors': whole.slice(0, size) }),
      );
  });

  test('whose header lies about a place is corrupt_checkpoint, naming the tensor', async () => {
    const files = golden_files('odd');
    const whole = files['model.safetensors'].slice();
    const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(whole.subarray(8, 8 + length));
    const lie = (from: RegExp, to: string): Uint8Array => {
      const text = header.replace(from, (match) => to.padStart(match.length));
      expect(text).not.toBe(header);
      const bytes = whole.slice();
      bytes.set(new TextEncoder().encode(text), 8);
      return bytes;
    };
    const name = 'text_projection.bias';
    const place = new RegExp(`(?<="${name}":\\{[^}]*"data_offsets":)\\[\\d+,\\d+\\]`);
    const shape = new RegExp(`(?<="${name}":\\{[^}]*"shape":)\\[27\\]`);
    for (const bytes of [lie(place, '[0,4]'), lie(shape, '[99]')])
      await refused('corrupt_checkpoint', [name], () => load({ ...files, 'model.safetensors': bytes }));
  });

  test('without a tensor is missing_tensor, naming it', async () => {
    const name = 'vision_model.encoder.blocks.2.expansion.expand_conv.weight';
    const files = await with_tensors('odd', (tensors) => expect(tensors.delete(name)).toBe(true));
    const error = await refused('missing_tensor', [name], () => load(files));
    expect(error.detail.tensors).toEqual([name]);
  });

  test('with a tensor of another shape is shape_mismatch, naming it and both shapes', async () => {
    const name = 'text_projection.weight';
    const files = await with_tensors('odd', (tensors) => (tensors.get(name)!.shape = [30, 27]));
    await refused('shape_mismatch', [name, '[30, 27]', '[27, 30]'], () => load(files));
    const list = await with_tensors('odd', (tensors) => (tensors.get('temperature')!.shape = [1]));
    await refused('shape_mismatch', ['temperature is [1], the config asks for a scalar'], () => load(list));
  });

  test('with a tensor of a type that is no weight is corrupt_checkpoint, naming it', async () => {
    const files = await with_tensors('odd', (tensors) => {
      tensors.set('temperature', { dtype: 'F8_E4M3', shape: [], data: new Uint8Array(1) });
    });
    await refused('corrupt_checkpoint', ['temperature', 'F8_E4M3'], () => load(files));
  });

  test('that is not there is not_found', async () => {
    const { 'config.json': config } = golden_files('odd');
    await refused('not_found', ['model.safetensors'], () => load({ 'config.json': config }));
    await refused('not_found', ['no/such/folder'], () => AlignModel.from_pretrained('no/such/folder'));
  });
});

describe('A config', () => {
  test('with an unknown hidden_act is unsupported_activation, in either tower', async () => {
    for (const tower of ['text_config', 'vision_config'] as const) {
      const files = with_config('odd', { hidden_act: 'prelu' }, tower);
      await refused('unsupported_activation', ['hidden_act', 'prelu'], () =>
        AlignModel.from_pretrained(files),
      );
    }
  });

  test('with a position_embedding_type other than absolute is unsupported_config', async () => {
    for (const type of ['relative_key', 'relative_key_query', null]) {
      const files = with_config('odd', { position_embedding_type: type }, 'text_config');
      await refused('unsupported_config', ['position_embedding_type', String(type)], () =>
        AlignModel.from_pretrained(files),
      );
    }
    expect(new AlignTextConfig({ position_embedding_type: 'absolute' }).hidden_size).toBe(768);
  });

  test('that does not fit the weights names the tensors', async () => {
    const files = with_config('odd', { vocab_size: 62 }, 'text_config');
    await refused('shape_mismatch', ['word_embeddings', '[61, 30]', '[62, 30]'], () =>
      AlignModel.from_pretrained(files),
    );
  });

  test('of more layers than the weights can have is missing_tensor, before any is planned', async () => {
    const files = await with_tensors('odd', (tensors) => {
      for (let i = 0; i < 2000; i++)
        tensors.set(String(i), { dtype: 'U8', shape: [0], data: new Uint8Array() });
    });
    const config = with_config('odd', { num_hidden_layers: 1000 }, 'text_config')['config.json'];
    for (const device of ['wasm', 'auto'] as const)
      await refused('missing_tensor', ['too few for the 10', 'config.json'], () =>
        AlignModel.from_pretrained({ ...files, 'config.json': config }, { device }),
      );
  });

  test('without a key takes its default, and says so where the weights have another', async () => {
    await refused('missing_tensor', ['lacks', 'a key that config.json lacks has its default'], () =>
      AlignModel.from_pretrained({ ...golden_files('odd'), 'config.json': {} }),
    );
  });

  test('whose width_coefficient makes too many channels is unsupported_config, naming it', () => {
    for (const width_coefficient of [1e6, 1e308])
      expect(() => new AlignVisionConfig({ width_coefficient })).toThrow(
        `width_coefficient is ${width_coefficient}, stage 0 would have `,
      );
  });

  test('of sizes that no memory holds is refused, not tried', async () => {
    const files = with_config('odd', { num_hidden_layers: 1e6 }, 'text_config');
    await refused('unsupported_config', ['num_hidden_layers', '1000000'], () =>
      AlignModel.from_pretrained(files),
    );
  });
});

describe('Text inputs', () => {
  test('neither ids nor embeds', async () => {
    await refused('invalid_argument', ['Neither input_ids nor inputs_embeds'], () => model.embed_text({}));
  });

  test('both ids and embeds', async () => {
    const both = { ...GOOD_TEXT, inputs_embeds: floats(1, 3, 30) };
    await refused('invalid_argument', ['Both input_ids and inputs_embeds'], () => model.embed_text(both));
  });

  test('ids out of vocabulary, naming place, value and limit', async () => {
    for (const id of [61, -1, 2 ** 40])
      await refused('out_of_vocabulary', ['input_ids[1, 2]', String(id), '60'], () =>
        model.embed_text({
          input_ids: ids([
            [1, 2, 3],
            [4, 5, id],
          ]),
        }),
      );
    const halves = new Tensor('float32', [1, 1.5], [1, 2]);
    await refused('out_of_vocabulary', ['1.5'], () => model.embed_text({ input_ids: halves }));
  });

  test('more tokens than positions, naming both', async () => {
    const input_ids = ids([new Array<number>(24).fill(1)]);
    await refused('too_many_tokens', ['24', '23', 'truncation'], () => model.embed_text({ input_ids }));
    const inputs_embeds = floats(1, 24, 30);
    await refused('too_many_tokens', ['24', '23'], () => model.embed_text({ inputs_embeds }));
  });

  test('token types and positions out of range', async () => {
    await refused('invalid_argument', ['token_type_ids[0, 1]', '2'], () =>
      model.embed_text({ ...GOOD_TEXT, token_type_ids: ids([[0, 2, 0]]) }),
    );
    await refused('invalid_argument', ['position_ids[0, 0]', '23'], () =>
      model.embed_text({ ...GOOD_TEXT, position_ids: ids([[23, 1, 2]]) }),
    );
  });

  test('wrong ranks, lengths and types', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ input_ids: new Tensor('int64', [1, 2], [2]) }, 'input_ids'],
      [{ input_ids: [[1, 2, 3]] }, 'must be a Tensor'],
      [{ ...GOOD_TEXT, attention_mask: ids([[1, 1]]) }, 'attention_mask'],
      [
        {
          ...GOOD_TEXT,
          attention_mask: ids([
            [1, 1, 1],
            [1, 1, 1],
          ]),
        },
        'attention_mask',
      ],
      [
        {
          ...GOOD_TEXT,
          token_type_ids: ids([
            [0, 0, 0],
            [0, 0, 0],
          ]),
        },
        'token_type_ids',
      ],
      [{ inputs_embeds: floats(1, 3, 29) }, 'inputs_embeds'],
      [{ inputs_embeds: new Tensor('int32', new Int32Array(90), [1, 3, 30]) }, 'float32'],
      [{ input_ids: new Tensor('int64', [], [0, 3]) }, 'empty'],
      [{ input_ids: new Tensor('int64', [], [1, 0]) }, 'empty'],
    ];
    for (const [inputs, word] of wrong)
      await refused('invalid_argument', [word], () => model.embed_text(inputs));
    await expect_works();
  });
});

describe('Pictures', () => {
  test('wrong ranks, channels and types, and none at all', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{}, 'No pixel_values'],
      [{ pixel_values: floats(3, 33, 47) }, '[batch, 3, height, width]'],
      [{ pixel_values: pixels(1, 33, 47, 1) }, '[batch, 3, height, width]'],
      [{ pixel_values: floats(0, 3, 33, 47) }, 'empty'],
      [{ pixel_values: new Tensor('uint8', new Uint8Array(3 * 33 * 47), [1, 3, 33, 47]) }, 'float32'],
    ];
    for (const [inputs, word] of wrong)
      await refused('invalid_argument', [word], () => model.embed_image(inputs));
  });

  test('too small for the tower', async () => {
    await refused('invalid_argument', ['too small', '1 pixels'], () =>
      model.embed_image({ pixel_values: pixels(1, 1, 1) }),
    );
    await expect_works();
  });

  test('NaN pixels are allowed through: their picture is NaN, the others keep their bits', async () => {
    const clean = pixels(2, 33, 47);
    const dirty = new Tensor('float32', (clean.data as Float32Array).slice(), clean.dims);
    dirty.data[3 * 33 * 47 + 50] = NaN;
    const before = await model.embed_image({ pixel_values: clean });
    const after = await model.embed_image({ pixel_values: dirty });
    expect(first_difference(after.data.subarray(0, 27), before.data.subarray(0, 27))).toBe(-1);
    expect(after.data.subarray(27).every(Number.isNaN)).toBe(true);
    expect([...new Uint32Array(after.data.buffer, 27 * 4)].every((bits) => bits === 0x7fc00000)).toBe(true);
    await expect_works();
  });

  test('a corrupted PNG is corrupt_image', async () => {
    const png = readFileSync(new URL('../../examples/pictures/dog.png', import.meta.url));
    expect((await RawImage.read(png)).width).toBeGreaterThan(0);
    const cut = png.subarray(0, png.length >> 1);
    const flipped = Buffer.from(png);
    flipped[png.length >> 1]! ^= 0x10;
    for (const bytes of [cut, flipped, png.subarray(0, 20)])
      await refused('corrupt_image', [], () => RawImage.read(bytes));
  });
});

describe('forward', () => {
  test('return_loss with unequal counts, naming both', async () => {
    const two = {
      input_ids: ids([
        [1, 2],
        [3, 4],
      ]),
      ...GOOD_PICTURE,
    };
    await refused('invalid_argument', ['return_loss', '2 and 1'], () =>
      model.forward({ ...two, return_loss: true }),
    );
    expect((await model.forward(two)).logits_per_text.dims).toEqual([2, 1]);
  });

  test('unknown option names, with the one that was meant', async () => {
    const misspelt = { batchsize: 2 } as object;
    await refused('invalid_argument', ['"batchsize"', 'batch_size'], () =>
      model.forward({ ...GOOD_TEXT, ...GOOD_PICTURE }, misspelt),
    );
    await refused('invalid_argument', ['AlignTextModel.from_pretrained', '"max_memmory"'], () =>
      AlignTextModel.from_pretrained(golden('odd'), { max_memmory: 5 } as object),
    );
    await refused('invalid_argument', ['device', '"gpu"', '"webgpu"'], () =>
      AlignVisionModel.from_pretrained(golden('odd'), { device: 'gpu' } as object),
    );
    await refused('invalid_argument', ['batch_size', '0'], () =>
      model.embed_text(GOOD_TEXT, { batch_size: 0 }),
    );
  });
});

describe('Align', () => {
  test('an empty label list', async () => {
    const align = await Align.load();
    const picture = { data: new Uint8Array(3 * 4 * 4), width: 4, height: 4 };
    await refused('invalid_argument', ['labels', 'empty'], () => align.classify(picture, []));
    await refused('invalid_argument', ['labels', 'empty'], () => align.label_set([]));
    align.dispose();
  });
});
