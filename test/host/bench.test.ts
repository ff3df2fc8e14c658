// The benchmark's parts that measure nothing: statistics, tables, figures, the plot. Times are no test's business.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';

interface Row {
  id: string;
  [field: string]: unknown;
}
interface Figure {
  what: string;
  ratio: number | null;
  reached: boolean;
  note?: string;
}
interface Parts {
  alternate: (
    contestants: (() => number)[],
    rounds: number,
    budget?: number,
  ) => Promise<{ best: number; median: number; rounds?: number }[]>;
  within: <T>(ms: number, task: Promise<T>) => Promise<T>;
  name_of: (op: object) => string;
  readable: (name: string) => string;
  file_name: (results: object) => string;
  take: () => Record<string, number>;
  start: () => void;
  summary: (times: number[]) => { best: number; median: number };
  digits: (value: number | null | undefined) => string;
  table: (header: string[], rows: string[][]) => string[];
  difference: (a: number[], b: number[]) => number;
  least_cosine: (a: number[], b: number[], width: number) => number;
  figures_of: (rows: Row[]) => Figure[];
  slug: (name: string) => string;
  results_text: (results: unknown) => string;
  plot: (results: unknown) => string;
}

const folder = new URL('../../bench/', import.meta.url);
const files = ['measure.mjs', 'figures.mjs', 'results.mjs', 'plot.mjs', 'shapes.mjs', 'meter.mjs'];
const modules = await Promise.all(files.map((file) => import(new URL(file, folder).href) as Promise<Parts>));
const bench = Object.assign({}, ...modules) as Parts;

/** A run in which two contestants were timed and a third was refused. */
const RESULTS = {
  date: '2026-01-02',
  machine: { cpu: 'A <fast> CPU', cores: 2 },
  versions: { 'align-wasm': '0.1.0', 'onnxruntime-web': '1.2.3' },
  limits: { node: { exact: { chain: 50 } } },
  rows: [
    row('align-wasm', { best: 390, median: 400.04 }),
    row('onnxruntime-web', { best: 1300, median: 1400 }),
    row("dtype: 'q8'", { error: 'not supported by this version' }),
  ],
};

function row(who: string, measured: object): Row {
  return {
    section: 'towers',
    work: 'vision',
    where: 'Node 20',
    who,
    id: `vision | node | ${who}`,
    ...measured,
  };
}

describe('measure', () => {
  it('runs contestants in turn and leaves the first round out', async () => {
    const order: string[] = [];
    const contestant = (name: string, times: number[]) => () => {
      order.push(name);
      return times.shift()!;
    };
    const times = await bench.alternate([contestant('a', [99, 3, 1, 2]), contestant('b', [99, 5, 5, 4])], 3);
    expect(order.join('')).toBe('abababab');
    expect(times).toEqual([
      { best: 1, median: 2 },
      { best: 4, median: 5 },
    ]);
  });

  it('begins no further round when the time is up, but counts one', async () => {
    let runs = 0;
    const times = await bench.alternate([() => ++runs], 5, 0);
    expect(times).toEqual([{ best: 2, median: 2, rounds: 1 }]);
    expect(runs).toBe(2);
  });

  it('gives up on what does not answer', async () => {
    await expect(bench.within(5, new Promise(() => undefined))).rejects.toThrow('no answer within 0.005 s');
    await expect(bench.within(1000, Promise.resolve(3))).resolves.toBe(3);
  });

  it('sorts by number', () => {
    expect(bench.summary([10, 9, 100])).toEqual({ best: 9, median: 10 });
  });

  it('writes three digits that count', () => {
    expect([1234.5, 100.4, 12.34, 1.234, 0.1234, 0, 0.00012].map(bench.digits)).toEqual(
      ['1235', '100', '12.3', '1.23', '0.12', '0.00', '1.2e-4'], // prettier-ignore
    );
    expect(bench.digits(0.99951)).toBe('0.99951');
    expect([NaN, null, undefined].map(bench.digits)).toEqual(['', '', '']);
  });

  it('aligns columns: words to the left, numbers to the right', () => {
    expect(
      bench.table(
        ['what', 'ms'],
        [
          ['a', '5'],
          ['longer', '12'],
        ],
      ),
    ).toEqual(['what    ms', 'a        5', 'longer  12']);
  });

  it('compares features', () => {
    expect(bench.difference([1, -4], [1, -3])).toBe(0.25);
    expect(bench.least_cosine([1, 0, 0, 2], [5, 0, 2, 0], 2)).toBe(0);
    expect(bench.least_cosine([1, 2], [2, 4], 2)).toBeCloseTo(1, 12);
  });
});

describe('shapes', () => {
  it('names ops as the models of single ops are named', () => {
    expect(bench.name_of({ kind: 'Gemm', fields: { m: 64, k: 768, n: 3072 } })).toBe('gemm_64_768_3072');
    const two = {
      ...{ kind: 'ExpandDepthwise', fields: { m: 81, k: 8, n: 32 } },
      second: { in_h: 9, channels: 32, kernel: 3, stride: 1 },
    };
    expect(bench.name_of(two)).toBe('gemm_81_8_32 + depthwise_9_32_3_1');
    expect(bench.readable('gemm_64_768_3072')).toBe('gemm 64 · 768 · 3072');
  });
});

describe('meter', () => {
  it('says so where there is no WebGPU', () => {
    expect(() => bench.start()).toThrow('no WebGPU');
  });

  it('counts what passes to a GPU, and begins anew when it was asked', async () => {
    class GPUDevice {
      createComputePipeline(): object {
        return {};
      }
      createComputePipelineAsync(): Promise<object> {
        return Promise.resolve({});
      }
      createBuffer({ size }: { size: number; mappedAtCreation?: boolean }): GPUBuffer {
        return new GPUBuffer(size);
      }
    }
    class GPUQueue {
      readonly written: unknown[] = [];
      writeBuffer(...given: unknown[]): void {
        this.written.push(given);
      }
      submit(): void {}
    }
    class GPUComputePassEncoder {
      dispatchWorkgroups(): void {}
      dispatchWorkgroupsIndirect(): void {}
    }
    class GPUBuffer {
      readonly size: number;
      constructor(size: number) {
        this.size = size;
      }
      readonly mapped: number[][] = [];
      mapAsync(...given: number[]): Promise<void> {
        this.mapped.push(given);
        return Promise.resolve();
      }
    }
    vi.stubGlobal('GPUDevice', GPUDevice);
    vi.stubGlobal('GPUQueue', GPUQueue);
    vi.stubGlobal('GPUComputePassEncoder', GPUComputePassEncoder);
    vi.stubGlobal('GPUBuffer', GPUBuffer);
    try {
      bench.start();
    } finally {
      vi.unstubAllGlobals();
    }
    const device = new GPUDevice();
    device.createComputePipeline();
    await device.createComputePipelineAsync();
    const [queue, pass] = [new GPUQueue(), new GPUComputePassEncoder()];
    device.createBuffer({ size: 1000, mappedAtCreation: true });
    queue.writeBuffer(null, 0, new Float32Array(10)); // 40 bytes
    queue.writeBuffer(null, 0, new Float32Array(10), 2, 3); // three of its elements
    queue.writeBuffer(null, 0, new ArrayBuffer(9), 2, 4);
    pass.dispatchWorkgroups();
    pass.dispatchWorkgroupsIndirect();
    queue.submit();
    const buffer = device.createBuffer({ size: 64 });
    await Promise.all([
      buffer.mapAsync(1),
      buffer.mapAsync(1, 16),
      buffer.mapAsync(1, 0, 4),
      buffer.mapAsync(2),
    ]);
    expect([queue.written.length, buffer.mapped.length]).toEqual([3, 4]);
    const { compile, ...counted } = bench.take();
    expect(counted).toEqual({ dispatches: 2, submits: 1, uploaded: 1056, read: 64 + 48 + 4, pipelines: 2 });
    expect(compile).toBeGreaterThanOrEqual(0);
    expect(bench.take()).toEqual({
      ...{ dispatches: 0, submits: 0, uploaded: 0, read: 0, pipelines: 0, compile: 0 },
    });
  });
});

describe('figures', () => {
  it('takes ratios from medians and says what was reached', () => {
    const figures = bench.figures_of(RESULTS.rows);
    expect(figures[0]).toMatchObject({
      what: 'vision',
      ours: 400.04,
      theirs: 1400,
      target: '≥ 2.8',
      reached: true,
    });
    expect(figures[0]!.ratio).toBeCloseTo(1400 / 400.04, 12);
  });

  it('gives the reason where a contestant was refused, and nothing for what was not measured', () => {
    const figures = bench.figures_of(RESULTS.rows);
    const refused = figures.find(({ what }) => what.includes('q8'));
    expect(refused).toMatchObject({ ratio: null, reached: false, note: 'not supported by this version' });
    expect(figures.map(({ what }) => what)).not.toContain('text');
  });
});

describe('results', () => {
  it('names a file for a processor and rounds to four digits', () => {
    expect(bench.slug('Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz')).toBe('intel-core-i7-8700-cpu-3-20ghz');
    expect(JSON.parse(bench.results_text({ ms: 123.456, none: NaN }))).toEqual({ ms: 123.5, none: null });
  });

  it('names a run on a GPU for the GPU, and a processor that imitates one as that', () => {
    const machine = { cpu: 'A CPU' };
    expect(bench.file_name({ machine })).toBe('a-cpu');
    const description = 'nvidia ampere';
    expect(bench.file_name({ machine, device: { description, software: false } })).toBe('nvidia-ampere');
    expect(bench.file_name({ machine, device: { description: 'google swiftshader', software: true } })).toBe(
      'software-google-swiftshader',
    );
  });

  it('plots a run on a GPU with the name of the GPU', () => {
    const rows = [
      ["device: 'webgpu'", 7],
      ['onnxruntime-web, WebGPU', 70],
    ].map(([who, median]) => ({
      ...{ who, median, where: 'Chromium 1', id: `text | webgpu | ${String(who)}` },
    }));
    const svg = bench.plot({ ...RESULTS, limits: {}, device: { description: 'a GPU' }, rows });
    expect(svg.match(/<rect /g)).toHaveLength(2);
    for (const text of ['a GPU, 2026', '70.0 ms', 'Chromium 1']) expect(svg).toContain(text);
  });

  it('plots a bar for each contestant that was timed, and the limit', () => {
    const svg = bench.plot(RESULTS);
    expect(svg.match(/<rect /g)).toHaveLength(3);
    for (const text of ['400 ms', '1400 ms', '336 ms', '128-bit limit', 'A &lt;fast> CPU'])
      expect(svg).toContain(text);
    expect(svg).not.toContain('q8');
  });

  const results = new URL('results/', folder);
  const committed = readdirSync(results).filter((name) => name.endsWith('.json'));
  it('committed pictures are what their files give (node bench/plot.mjs makes them again)', () => {
    expect(committed.length).toBeGreaterThan(0);
    for (const name of committed) {
      const read = (file: string): string => readFileSync(new URL(file, results), 'utf8');
      expect(read(name.replace(/json$/, 'svg'))).toBe(bench.plot(JSON.parse(read(name))));
    }
  });
});
