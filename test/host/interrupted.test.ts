// Calls that are aborted, and models that are disposed of: at every moment, and what works afterwards.

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { AlignError } from '../../src/host/errors.ts';
import { AlignModel } from '../../src/host/models.ts';
import { turn } from '../../src/host/pause.ts';
import { pipeline } from '../../src/host/pipeline.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { WasmExecutor } from '../../src/host/wasm/executor.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { turns } from '../faults/continuations.ts';
import { first_difference } from '../kernels/support/compare.ts';

const GOOD_TEXT = { input_ids: ids([[1, 2, 3]]) };
const GOOD_PICTURE = { pixel_values: pixels(1, 33, 47) };

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

describe('An aborted signal', () => {
  const signal = AbortSignal.abort(new Error('enough'));

  test('before loading', async () => {
    const error = await refused('aborted', [], () => AlignModel.from_pretrained(golden('odd'), { signal }));
    expect(String(error.cause)).toContain('enough');
  });

  test('during loading', async () => {
    const controller = new AbortController();
    let heard = 0;
    await refused('aborted', [], () =>
      AlignModel.from_pretrained(golden('odd'), {
        signal: controller.signal,
        progress_callback: ({ status }) => {
          if (status === 'progress' && ++heard === 3) controller.abort();
        },
      }),
    );
    expect(heard).toBe(3);
  });

  test('before a call', async () => {
    await refused('aborted', [], () => model.embed_text(GOOD_TEXT, { signal }));
    await expect_works();
  });

  test('during a call, and the calls behind it run', async () => {
    const large = { pixel_values: pixels(8, 160, 160) };
    const controller = new AbortController();
    const stopped = refused('aborted', [], () =>
      model.get_image_features(large, { signal: controller.signal, yield_ms: 1 }),
    );
    const behind = model.embed_text(GOOD_TEXT);
    setTimeout(() => controller.abort(), 5);
    await stopped;
    expect(first_difference((await behind).data, answer.data)).toBe(-1);
    await expect_works();
  });

  // 50 ms are promised: the clock is the test's, so that a busy machine's does not matter.
  test.each([
    ['a block that takes 16 ms, without yield_ms', 16, undefined],
    ['a block that takes 5 ms, with yield_ms: 5', 5, 5],
  ])('during %s is heard before the next one', async (_, takes, yield_ms) => {
    const controller = new AbortController();
    let [now, blocks, later] = [performance.now(), 0, 0];
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    const plain = WasmExecutor.prototype.execute; // eslint-disable-line @typescript-eslint/unbound-method -- called with its own
    const execute = vi.spyOn(WasmExecutor.prototype, 'execute').mockImplementation(function (
      this: WasmExecutor,
      ...given
    ) {
      plain.apply(this, given);
      now += takes;
      if (controller.signal.aborted) later++;
      // As a timer or a request that is closed does: in the next turn of the event loop.
      if (++blocks === 3) setImmediate(() => controller.abort());
    });
    onTestFinished(async () => {
      clock.mockRestore();
      execute.mockRestore();
      await turn(); // the last one was by the test's clock
    });
    await refused('aborted', [], () =>
      model.get_image_features(GOOD_PICTURE, { signal: controller.signal, ...(yield_ms && { yield_ms }) }),
    );
    await turns(5);
    expect(later).toBe(0);
    expect(blocks).toBeLessThanOrEqual(4);
    await expect_works();
  });

  test('while a call waits for the one before it', async () => {
    const controller = new AbortController();
    const first = model.embed_image(GOOD_PICTURE);
    const waiting = refused('aborted', [], () => model.embed_text(GOOD_TEXT, { signal: controller.signal }));
    controller.abort();
    await waiting;
    expect((await first).dims).toEqual([1, 27]);
    await expect_works();
  });
});

describe('Disposing', () => {
  let own: AlignModel;
  beforeAll(async () => {
    own = await AlignModel.from_pretrained(golden('odd'));
  });
  afterAll(() => own.dispose());

  test('during a run ends it with disposed, and every later call; memory is given back', async () => {
    const large = { pixel_values: pixels(8, 160, 160) };
    const running = refused('disposed', [], () => own.get_image_features(large, { yield_ms: 1 }));
    const waiting = refused('disposed', [], () => own.embed_text(GOOD_TEXT));
    await new Promise((resume) => setTimeout(resume, 5));
    own.dispose();
    await Promise.all([running, waiting]);
    await refused('disposed', [], () => own.embed_text(GOOD_TEXT));
    await refused('disposed', [], () => own.forward({ ...GOOD_TEXT, ...GOOD_PICTURE }));
    expect(() => own.plan('text')).toThrow(AlignError);
    expect(own.memory).toEqual({ weights: 0, arena: 0, total: 0 });
  });

  test('twice is allowed', () => {
    own.dispose();
    expect(() => own.dispose()).not.toThrow();
  });
});

describe.each([{}, { worker: true }])('A picture that never comes, with %j', (options) => {
  const stalled = (): ReadableStream => new ReadableStream({ pull: () => new Promise(() => undefined) });
  const soon = (): AbortSignal => AbortSignal.timeout(20);
  const text = 'a red cat';

  test('ends with an abort, whoever waits for it, and the next call is right', async () => {
    const align = await Align.load(undefined, options);
    const before = await align.embed_text(text);
    const calls = [
      () => align.embed_image(stalled(), { signal: soon() }),
      () => align.classify(stalled(), ['a', 'b'], { signal: soon() }),
      () => align.mix([{ image: stalled() }, { text }], { signal: soon() }),
      () => align.processor.call({ images: stalled(), signal: soon() }),
      () => align.processor.image_processor.call(stalled(), { signal: soon() }),
    ];
    for (const call of calls) {
      await refused('aborted', [], call);
      expect(await align.embed_text(text)).toEqual(before);
    }
    align.dispose();
  });

  test('ends with an abort in a pipeline', async () => {
    const features = await pipeline('image-feature-extraction', undefined, options);
    const classify = await pipeline('zero-shot-image-classification', undefined, options);
    await refused('aborted', [], () => features(stalled(), { signal: soon() }));
    await refused('aborted', [], () => classify(stalled(), ['a', 'b'], { signal: soon() }));
    features.dispose();
    classify.dispose();
  });

  test('ends with disposed when the model is disposed of, as do the calls behind it', async () => {
    const align = await Align.load(undefined, options);
    let cancelled = false;
    const stream = new ReadableStream({
      pull: () => new Promise(() => undefined),
      cancel: () => void (cancelled = true),
    });
    const calls = [
      align.embed_image(stream),
      align.embed_text(text),
      align.embed_text(text, { signal: new AbortController().signal }),
    ].map((call) => refused('disposed', [], () => call));
    await new Promise((resume) => setTimeout(resume, 20));
    align.dispose();
    await Promise.all(calls);
    expect(cancelled).toBe(true);
    await refused('disposed', [], () => align.embed_text(text));
  });

  test('ends with disposed in a pipeline', async () => {
    const features = await pipeline('image-feature-extraction', undefined, options);
    const call = refused('disposed', [], () => features(stalled()));
    await new Promise((resume) => setTimeout(resume, 20));
    features.dispose();
    await call;
    await refused('disposed', [], () => features(stalled()));
  });
});

test('Hundreds of calls at once make Node warn of no leak of listeners', async () => {
  const warnings: Error[] = [];
  const heard = (warning: Error): void => void warnings.push(warning);
  process.on('warning', heard);
  await Promise.all(Array.from({ length: 200 }, () => model.embed_text(GOOD_TEXT)));
  await new Promise((resume) => setTimeout(resume, 10));
  process.off('warning', heard);
  expect(warnings).toEqual([]);
});
