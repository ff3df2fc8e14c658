// Options: what is known passes, and everything else is refused with the bad name or value in the message.

import { describe, expect, it } from 'vitest';
import type { AlignError } from '../../src/host/errors.ts';
import {
  check_call_options,
  check_load_options,
  checked_list,
  checked_texts,
  nearest_name,
} from '../../src/host/options.ts';

function refusal(check: () => void): AlignError {
  try {
    check();
  } catch (error) {
    expect((error as AlignError).code).toBe('invalid_argument');
    return error as AlignError;
  }
  throw new Error('nothing was refused');
}

describe('load options', () => {
  it.each([
    undefined,
    {},
    { device: 'wasm', dtype: 'fp32', precision: 'exact', threads: 1, towers: 'both' },
    { threads: 16 },
    { device: 'auto', towers: 'text', max_memory: 1e9, max_pixels: 1000, background: 'drop' },
    { background: [255, 255, 255], signal: new AbortController().signal, progress_callback: () => undefined },
    { device: 'webgpu', on_device_lost: 'rebuild', verify: true },
    { device: undefined, towers: 'vision', progress_callback: null },
  ])('%j passes', (options) => {
    expect(() => check_load_options('load', options)).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['device', 'gpu', '"wasm" or "webgpu" or "auto"'],
    ['gpu', 'first', 'a GPU or a GPUDevice'],
    ['gpu', {}, 'a GPU or a GPUDevice'],
    ['webgpu', true, 'the module align-wasm/webgpu'],
    ['on_device_lost', 'restart', '"error" or "rebuild" or "wasm"'],
    ['verify', 1, 'true or false'],
    ['dtype', 'fp8', '"fp32"'],
    ['dtype', 'int8', '"fp32"'],
    ['precision', 'high', '"exact" or "fast"'],
    ['threads', 0, 'an integer from 1 to 16'],
    ['threads', 17, 'an integer from 1 to 16'],
    ['threads', 1.5, 'an integer from 1 to 16'],
    ['threads', '2', 'an integer from 1 to 16'],
    ['towers', 'image', '"both" or "text" or "vision"'],
    ['max_memory', 0, 'positive integer'],
    ['max_memory', NaN, 'positive integer'],
    ['max_pixels', -1, 'positive integer'],
    ['worker', 1, 'true or false'],
    ['worker', 'yes', 'true or false'],
    ['max_pixels', 1.5, 'positive integer'],
    ['background', [255, 255], '[red, green, blue]'],
    ['background', [0, 0, 256], '[red, green, blue]'],
    ['background', 'white', '"drop"'],
    ['signal', 'stop', 'AbortSignal'],
    ['signal', null, 'AbortSignal'],
    ['progress_callback', 5, 'function'],
    ['wasm', null, 'Module'],
  ])('%s %j is refused, saying what is supported', (name, value, remedy) => {
    const error = refusal(() => check_load_options('Align.load', { [name]: value }));
    expect(error.message).toMatch(/^Align\.load: /);
    expect(error.message).toContain(name);
    expect(error.message).toContain(remedy);
    expect(error.detail).toEqual({ option: name, value });
  });

  it('names the option that was meant', () => {
    expect(refusal(() => check_load_options('load', { tower: 'text' })).hint).toBe('did you mean towers?');
    expect(refusal(() => check_load_options('load', { maxMemory: 1 })).hint).toBe('did you mean max_memory?');
    expect(refusal(() => check_load_options('load', { quantised: true })).hint).toContain('it takes device');
    expect(refusal(() => check_load_options('load', { constructor: 1 })).message).toContain('constructor');
  });

  it.each([null, 'wasm', 5, [], true])('%j is no options object', (options) => {
    expect(refusal(() => check_load_options('load', options)).message).toContain('must be an object');
  });
});

describe('call options', () => {
  it('are a signal that can be listened to, and a ground without holes', () => {
    for (const signal of [{ aborted: true }, { aborted: false, addEventListener: () => undefined }])
      expect(refusal(() => check_call_options('embed_text', { signal })).message).toContain('an AbortSignal');
    for (const background of [
      [, , ,],
      [0, , 0],
    ])
      expect(refusal(() => check_call_options('embed_text', { background })).message).toContain('integers');
  });

  it('are given as a copy, with what they inherit, which is checked, too', () => {
    const given = { batch_size: 2, yield_ms: undefined };
    const checked = check_call_options('embed_text', given);
    given.batch_size = 0;
    expect(checked).toEqual({ batch_size: 2 });
    const inheriting = (batch_size: number): object => Object.create({ batch_size }) as object;
    expect(check_call_options('embed_text', inheriting(3))).toEqual({ batch_size: 3 });
    refusal(() => check_call_options('embed_text', inheriting(0)));
  });

  it('are checked by the same rules', () => {
    expect(() => check_call_options('embed_text', { batch_size: 4, yield_ms: 0 })).not.toThrow();
    expect(refusal(() => check_call_options('embed_text', { batch_size: 0 })).message).toContain('0');
    expect(refusal(() => check_call_options('embed_text', { yield_ms: -1 })).message).toContain('-1');
    expect(refusal(() => check_call_options('embed_text', { yield_ms: NaN })).message).toContain('NaN');
    expect(refusal(() => check_call_options('embed_text', { batchSize: 4 })).hint).toBe(
      'did you mean batch_size?',
    );
    expect(refusal(() => check_call_options('embed_text', { device: 'wasm' })).message).toContain('device');
  });
});

it('lists must be arrays with something in them, and texts must be texts', () => {
  expect(refusal(() => checked_list('parts', 'abc' as unknown as string[])).message).toContain('"abc"');
  expect(refusal(() => checked_list('parts', [])).message).toContain('parts is empty');
  expect(refusal(() => checked_texts('labels', ['a', 'b', 7 as unknown as string])).message).toContain(
    'labels[2] must be a text, not 7',
  );
  expect(() => checked_texts('labels', ['a', 'a', ''])).not.toThrow();
});

it('the nearest name is near', () => {
  expect(nearest_name('topk', ['top_k', 'scores'])).toBe('top_k');
  expect(nearest_name('hypothesisTemplate', ['hypothesis_template', 'top_k'])).toBe('hypothesis_template');
  expect(nearest_name('zzz', ['top_k', 'scores'])).toBeUndefined();
});
