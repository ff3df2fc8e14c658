// What another runtime does for the tests: it runs ops that were laid out for it, and says what device it has.

import { pack, unpack } from './blob.ts';
import { Bench, type Image, type Setting } from './run_images.ts';

/** Ops to run in a setting; their images are the next parts, three each: record, weights, arena. */
export interface Job {
  readonly setting: Setting;
  readonly kinds: readonly Image['kind'][];
}

/** What comes back, before the arenas of all ops in order. */
export interface Answer {
  readonly description: string;
  readonly features: Bench['gpu']['features'];
  readonly pipelines: number;
}

export async function answer(gpu: GPU, request: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { head, parts } = unpack(request);
  const bench = await Bench.open(gpu);
  const arenas: Uint8Array[] = [];
  let at = 0;
  for (const { setting, kinds } of head as Job[]) {
    const images = kinds.map((kind): Image => {
      const [record, weights, arena] = parts.slice(at, (at += 3)) as [Uint8Array, Uint8Array, Uint8Array];
      return { kind, record, weights, arena };
    });
    arenas.push(...(await bench.run(images, setting)));
  }
  const { description, features } = bench.gpu;
  const found: Answer = { description, features, pipelines: bench.pipelines };
  bench.close();
  return pack(found, arenas);
}
