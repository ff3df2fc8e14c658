// The command line with the embedded model: what it prints, and its exit status. Commands run in this process with an Io
// of the test's own; the program itself (dist/cli/main.js) is started where the process matters.

import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bar, bytes_text, padded, table, width_of } from '../../src/host/cli/text.ts';
import { safetensors_chunks } from '../../src/host/checkpoint/writer.ts';
import { AlignError } from '../../src/host/errors.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { cli } from './cli.ts';
import { CHECKPOINT, picture, ZERO_SHOT } from './zero_shot.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('align-wasm', () => {
  it('prints its version and its help, and each command its own', async () => {
    expect(await cli(['--version'])).toMatchObject({ status: 0, out: '1.2.3\n', err: '' });
    const { status, out } = await cli(['--help']);
    expect(status).toBe(0);
    for (const name of ['classify', 'embed', 'index', 'search', 'caption-rank', 'verify', 'inspect']) {
      expect(out).toContain(`align-wasm ${name}`);
      const help = await cli([name, '--help']);
      expect(help).toMatchObject({ status: 0, err: '' });
      expect(help.out).toContain(`align-wasm ${name}`);
      expect((await cli(['help', name])).out).toBe(help.out);
    }
  });

  it.each<[string[], string]>([
    [[], 'align-wasm COMMAND --help'],
    [['clasify'], 'did you mean classify?'],
    [['generate'], 'there are classify, embed, index, search, caption-rank, convert, verify, inspect'],
    [['classify'], 'needs a picture'],
    [['classify', 'a.png'], 'needs labels'],
    [['classify', 'a.png', '--labels', ' , '], 'needs labels'],
    [['classify', 'a.png', '--labels-file', 'no/such/file'], 'cannot be read'],
    [['classify', 'a.png', '--labels'], 'labels'],
    [['classify', 'a.png', '--label', 'a'], 'did you mean --labels?'],
    [['classify', 'a.png', '--labels', 'a', '--top-k', '0'], '--top-k must be a positive integer, not "0"'],
    [['classify', 'a.png', '--labels', 'a', '--top-k', '1.5'], 'not "1.5"'],
    [['classify', 'a.png', '--labels', 'a', '--scores', 'best'], 'softmax or cosine or logits, not "best"'],
    [['classify', 'a.png', '--labels', 'a', '--template', 'a photo'], 'no {}'],
    [['classify', '-', '--labels-file', '-'], 'only once'],
    [['classify', '-', '-', '--labels', 'a'], 'only once'],
    [['embed'], 'needs --text'],
    [['embed', 'dog'], 'say --text or --image before "dog"'],
    [['embed', '--text-file', '-', '--image', '-'], 'only once'],
    [['verify', 'model'], 'needs a MODEL and a reference'],
    [['verify', 'a', 'b', '--tolerance', 'small'], 'not "small"'],
    [['verify', 'a', 'b', '--tolerance', ''], 'not ""'],
    [['inspect', 'a', 'b'], 'one MODEL'],
    [['inspect', '--plan', '--tower', 'image'], '--tower must be text or vision or align'],
    [['inspect', '--batch', '2'], '--batch needs --plan'],
    [['inspect', 'a', '--model', 'b'], 'one MODEL'],
    [['inspect', '--plan', '--batch', '-1'], 'batch'],
  ])('%j is wrong usage: status 2, a reason and where to look', async (args, reason) => {
    const { status, out, err } = await cli(args);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(reason);
    expect(err).toContain('--help');
  });

  it('fails with status 1 where the model is not there', async () => {
    for (const args of [
      ['classify', picture('dog'), '--labels', 'dog', '--model', 'no/such/model'],
      ['embed', '--text', 'dog', '--model', 'no/such/model'],
      ['inspect', 'no/such/model'],
      ['verify', 'no/such/model', 'no/such/file'],
    ]) {
      const { status, out, err } = await cli(args);
      expect([status, out]).toEqual([1, '']);
      expect(err).toContain('no/such');
    }
  });

  it('ends with status 130 when it is interrupted', async () => {
    const signal = AbortSignal.abort();
    expect(await cli(['classify', picture('dog'), '--labels', 'dog'], { signal })).toMatchObject({
      status: 130,
      err: '',
    });
  });
});

describe('names that a terminal would obey', () => {
  const NAME = '\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\u2066\n';
  const STEERING = /[\p{Cc}\p{Bidi_Control}]/u;

  it('are escaped in the message of an error', () => {
    const { message } = new AlignError('not_found', `${NAME} is not there`, { hint: NAME });
    const name = String.raw`\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\u2066\u000a`;
    expect(message).toBe(`${name} is not there (${name})`);
  });

  it('are not printed as they are, wherever they come from', async () => {
    const model = join(folder, 'names');
    await mkdir(model);
    for (const file of ['config.json', 'model.safetensors'])
      await copyFile(golden(`tiny/${file}`), join(model, file));
    await writeFile(join(model, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n');
    await writeFile(join(model, 'preprocessor_config.json'), JSON.stringify({ size: { [NAME]: 1 } }));
    const reference = join(folder, 'names.safetensors');
    const empty = { dtype: 'F32' as const, shape: [0], bytes: () => [new Uint8Array()] };
    const stored = [`${NAME}c.input.input_ids`, `${NAME}c.input.x${NAME}`].map((name) => ({
      name,
      ...empty,
    }));
    const chunks: Uint8Array[] = [];
    for await (const chunk of safetensors_chunks(stored)) chunks.push(chunk);
    await writeFile(reference, Buffer.concat(chunks));
    for (const [args, status] of [
      [['embed', '--text', 'a', '--model', model], 1],
      [['verify', golden('tiny'), reference], 1],
      [['classify', NAME, '--labels', 'a'], 1],
      [['convert', golden('tiny'), '-o', join(folder, NAME)], 0],
      [[NAME], 2],
    ] as const) {
      const ended = await cli([...args]);
      expect(ended.status).toBe(status);
      expect((ended.out + ended.err).split('\n').filter((line) => STEERING.test(line))).toEqual([]);
    }
  });
});

describe('classify', () => {
  it('prints a table: each picture, its labels best first with aligned scores and bars, and the time', async () => {
    const { status, out, err } = await cli([
      'classify',
      picture('pizza'),
      picture('bicycle'),
      '--labels',
      'dog, pizza,bicycle',
      '--top-k',
      '2',
    ]);
    expect([status, err]).toEqual([0, '']);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/pizza\.png {2}[0-9.]+ ms$/);
    expect(lines[1]).toMatch(/^ {2}pizza {4,6}[0-9.]+ % {2}█/);
    expect(lines[2]).toMatch(/^ {2}(dog|bicycle) +[0-9.]+ %/);
    expect(lines[1]!.indexOf('%')).toBe(lines[2]!.indexOf('%'));
    expect(lines[3]).toBe('');
    expect(lines[5]).toMatch(/^ {2}bicycle/);
    expect(lines.at(-2)).toMatch(
      /^2 pictures, 3 labels: [0-9.]+ ms \(loading [0-9.]+ ms, labels [0-9.]+ ms\)$/,
    );
    expect(lines).toHaveLength(10);
  });

  it('prints with --json one object a picture, with the scores of transformers', async () => {
    for (const [template, expected] of Object.entries(ZERO_SHOT.scores)) {
      const files = ZERO_SHOT.pictures.map(picture);
      const labels = ZERO_SHOT.labels.join(',');
      const { status, json } = await cli([
        'classify',
        ...files,
        '--labels',
        labels,
        '--template',
        template,
        '--model',
        CHECKPOINT,
        '--json',
      ]);
      expect(status).toBe(0);
      json().forEach(({ picture: file, scores }, i) => {
        expect(file).toBe(files[i]);
        const list = scores as { label: string; score: number }[];
        const want = expected[ZERO_SHOT.pictures[i]!]!;
        expect(list.map(({ label }) => label)).toEqual(want.map(({ label }) => label));
        list.forEach(({ score }, j) => expect(Math.abs(score - want[j]!.score)).toBeLessThan(2e-5));
      });
    }
  });

  it('gives cosines and logits on request', async () => {
    const args = ['classify', picture('pizza'), '--labels', 'pizza,dog', '--json', '--scores'];
    const score = async (kind: string): Promise<number> =>
      ((await cli([...args, kind])).json()[0]!.scores as { score: number }[])[0]!.score;
    expect(await score('softmax')).toBeLessThanOrEqual(1);
    expect(await score('cosine')).toBeLessThan(1);
    expect(await score('logits')).toBeGreaterThan(1);
    expect((await cli(args.filter((word) => word !== '--json').concat('logits'))).out).toMatch(
      /pizza +[0-9.]+ {2}█/,
    );
  });

  it('reads labels from a file or standard input, a picture from standard input, a folder’s PNG files in order', async () => {
    await mkdir(join(folder, 'pictures'), { recursive: true });
    for (const name of ['b.png', 'a.PNG']) await copyFile(picture('dog'), join(folder, 'pictures', name));
    await writeFile(join(folder, 'pictures', 'notes.txt'), 'not a picture');
    await writeFile(join(folder, 'labels.txt'), '\ufeffdog\r\n\r\n  pizza  \n');
    const list = [
      'classify',
      join(folder, 'pictures'),
      '--labels-file',
      join(folder, 'labels.txt'),
      '--json',
    ];
    const from_file = (await cli(list)).json();
    expect(from_file.map(({ picture: name }) => name)).toEqual([
      join(folder, 'pictures', 'a.PNG'),
      join(folder, 'pictures', 'b.png'),
    ]);
    expect((from_file[0]!.scores as object[]).length).toBe(2);
    const from_stdin = await cli(['classify', picture('dog'), '--labels-file', '-', '--json'], {
      input: 'dog\npizza',
    });
    expect(from_stdin.json()[0]!.scores).toEqual(from_file[0]!.scores);
    const input = await readFile(picture('dog'));
    const piped = await cli(['classify', '-', '--labels', 'dog,pizza', '--json'], { input });
    expect(piped.json()).toEqual([{ picture: '-', scores: from_file[0]!.scores }]);
  });

  it('reads no more of labels and pictures than they can have, and waits for no pipe that lies in a folder', async () => {
    const huge = join(folder, 'huge.txt');
    await writeFile(huge, '');
    await truncate(huge, 2 ** 30); // without taking room
    const labels = await cli(['classify', picture('dog'), '--labels-file', huge]);
    expect([labels.status, labels.err]).toEqual([
      2,
      expect.stringContaining('huge.txt has more than 67108864 bytes'),
    ]);
    const named = await cli(['classify', huge, '--labels', 'dog', '--json']);
    expect(named.json()[0]).toMatchObject({ error: { code: 'too_large' } });
    await mkdir(join(folder, 'pipes'));
    spawnSync('mkfifo', [join(folder, 'pipes', 'a.png')]);
    const pipe = await cli(['classify', join(folder, 'pipes'), '--labels', 'dog', '--json']);
    expect(pipe.json()[0]).toMatchObject({ error: { code: 'not_found' } });
  });

  it('reports pictures that fail and goes on: status 3, or 1 when none is left', async () => {
    const broken = join(folder, 'broken.png');
    const whole = await readFile(picture('dog'));
    await writeFile(broken, whole.subarray(0, 200));
    const labels = ['--labels', 'dog,pizza'];
    const some = await cli(['classify', broken, picture('pizza'), 'no/such.png', ...labels]);
    expect(some.status).toBe(3);
    expect(some.out).toContain('pizza.png');
    expect(some.err.trimEnd().split('\n')).toEqual([
      expect.stringContaining(`failed ${broken}: `),
      expect.stringContaining('failed no/such.png: '),
    ]);
    const json = (await cli(['classify', broken, picture('pizza'), '--json', ...labels])).json();
    expect(json[0]).toMatchObject({ picture: broken, error: { code: 'corrupt_image' } });
    expect(json[1]).toHaveProperty('scores');
    expect((await cli(['classify', broken, ...labels])).status).toBe(1);
    await mkdir(join(folder, 'empty'), { recursive: true });
    const empty = await cli(['classify', join(folder, 'empty'), ...labels]);
    expect(empty.status).toBe(1);
    expect(empty.err).toContain('has no pictures');
  });

  it('colours a terminal only, and draws a bar only on a terminal and for long work', async () => {
    const args = ['classify', picture('dog'), picture('pizza'), '--labels', 'dog'];
    let clock = 0;
    const slow = { now: () => (clock += 500) };
    expect((await cli(args, { colour: true })).out).toContain('\u001b[');
    expect((await cli(args, slow)).out).not.toContain('\u001b');
    const drawn = await cli(args, { ...slow, progress: true });
    expect(drawn.err).toContain('2 pictures');
    expect(drawn.err.endsWith('\r\u001b[K')).toBe(true);
    expect(drawn.out).not.toContain('\u001b');
    expect((await cli(args, { progress: true })).err).toBe('');
  });
});

describe('embed', () => {
  it('prints a line an input: kind, name, dimensions, first values', async () => {
    const { status, out } = await cli(['embed', '--text', 'dog', 'a cat', '--image', picture('dog')]);
    expect(status).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^text {3}dog +\d+( +-?[0-9]\.[0-9]{4}){6} …$/);
    expect(lines[1]).toMatch(/^text {3}a cat +\d+ /);
    expect(lines[2]).toMatch(/^image {2}.*dog\.png +\d+ /);
    expect(new Set(lines.slice(0, 3).map((line) => line.length)).size).toBe(1);
    expect(lines[3]).toMatch(/^3 embeddings: /);
  });

  it('prints with --json every value, one object an input, in order', async () => {
    const args = [
      'embed',
      '--json',
      '--text',
      'dog',
      '--image',
      picture('dog'),
      picture('pizza'),
      '--text',
      'cat',
    ];
    const json = (await cli([...args, '--text-file', '-'], { input: 'one\ntwo\n' })).json();
    expect(json.map(({ text, image }) => text ?? image)).toEqual([
      'dog',
      'cat',
      'one',
      'two',
      picture('dog'),
      picture('pizza'),
    ]);
    for (const { embedding } of json) {
      const values = embedding as number[];
      expect(values).toHaveLength(ZERO_SHOT.features.text[0]!.length);
      expect(values.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1, 6);
    }
    expect((await cli(['embed', '--json', '--text', 'dog'])).json()[0]).toEqual(json[0]);
  });

  it('reports what fails and goes on', async () => {
    const { status, json } = await cli(['embed', '--json', '--image', 'no/such.png', picture('dog')]);
    expect(status).toBe(3);
    expect(json()[0]).toMatchObject({ input: 'no/such.png', error: { code: 'not_found' } });
    expect(json()[1]).toHaveProperty('embedding');
  });
});

describe('text', () => {
  it('aligns by the columns that letters take', () => {
    expect(width_of('dog')).toBe(3);
    expect(width_of('犬🐕é')).toBe(5);
    expect(padded('犬', 4)).toBe('犬  ');
    expect(
      table(
        [
          ['a', '1'],
          ['bcd', '10'],
        ],
        ['left', 'right'],
      ),
    ).toEqual(['a     1', 'bcd  10']);
  });

  it('draws bars in eighths', () => {
    expect(bar(1, 4)).toBe('████');
    expect(bar(0.5, 4)).toBe('██');
    expect(bar(1 / 32, 4)).toBe('▏');
    expect([bar(0, 4), bar(-1, 4), bar(NaN, 4)]).toEqual(['', '', '']);
    expect(bar(7, 4)).toBe('████');
  });

  it('counts bytes in decimal units', () => {
    expect([0, 999, 1000, 6_766_084, 689_878_644].map(bytes_text)).toEqual([
      '0 B',
      '999 B',
      '1.00 KB',
      '6.77 MB',
      '690 MB',
    ]);
  });
});

describe('the program', () => {
  const start = (args: string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });

  it('prints the version of package.json and gives its exit status', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as {
      version: string;
    };
    expect(start(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` });
    expect(start(['nothing'])).toMatchObject({ status: 2, stdout: '' });
    const ended = start(['classify', picture('dog'), 'no/such.png', '--labels', 'dog,cat']);
    expect(ended.status).toBe(3);
    expect(ended.stdout).toContain('dog.png');
    expect(`${ended.stdout}${ended.stderr}`).not.toContain('\u001b');
  });

  it('is quiet when its output is closed early', async () => {
    const child = spawn(process.execPath, [
      MAIN,
      'embed',
      '--json',
      '--text',
      ...Array.from({ length: 50 }, String),
    ]);
    let err = '';
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.stdout.destroy();
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect([status, err]).toEqual([0, '']);
  });

  it('stops on SIGINT with status 130, even while it waits for standard input', async () => {
    const child = spawn(process.execPath, [MAIN, 'classify', picture('dog'), '-', '--labels', 'dog,cat']);
    let err = '';
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.stdout.once('data', () => child.kill('SIGINT')); // the first picture is done, the second never comes
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect([status, err]).toEqual([130, '']);
  });
});
