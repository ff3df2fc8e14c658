// align-wasm search and caption-rank: tables, JSON, the contact sheet as a file. What it looks like is in sheet.test.ts.

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sheet_html } from '../../src/host/cli/sheet.ts';
import { Align, AlignIndex, RawImage } from '../../src/host/index.ts';
import { dot } from '../../src/host/scores.ts';
import { cli } from './cli.ts';
import { blocks } from './picture_folder.ts';
import { picture, ZERO_SHOT } from './zero_shot.ts';

const EXAMPLES = dirname(picture('dog'));

let folder: string;
let file: string;
let model: Align;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
  file = join(folder, 'examples.safetensors');
  model = await Align.load();
  expect((await cli(['index', EXAMPLES, '-o', file])).status).toBe(0);
});
afterAll(async () => {
  model.dispose();
  await rm(folder, { recursive: true });
});

type Found = { id: string; score: number; meta: object };
const search = async (...args: string[]): Promise<Found[]> => {
  const { status, err, json } = await cli(['search', file, ...args, '--json']);
  expect([status, err]).toEqual([0, '']);
  return json() as unknown as Found[];
};

describe('search', () => {
  it('takes the URL of an index', async () => {
    const { href } = pathToFileURL(file);
    const found = await cli(['search', href, 'a sailboat', '--json']);
    expect(found.json()).toEqual(await search('a sailboat'));
    const gone = await cli(['search', 'http://127.0.0.1:1/x', 'a sailboat']);
    expect([gone.status, gone.err]).toEqual([
      1,
      expect.stringContaining('http://127.0.0.1:1/x could not be fetched'),
    ]);
  });

  it('prints with --json the best pictures, one a line, with the cosines of mix and embed_image', async () => {
    const like = await readFile(picture('umbrella'));
    for (const [args, parts] of [
      [['a sailboat'], [{ text: 'a sailboat' }]],
      [['--image', picture('umbrella')], [{ image: like }]],
      [['--minus', 'a bus'], [{ text: 'a bus', weight: -0.5 }]],
      [
        [
          'fish',
          '--image',
          picture('umbrella'),
          'dog',
          '--minus',
          'a bus',
          '--minus-weight',
          '1.5',
          '--image-weight',
          '2',
        ],
        [{ text: 'fish' }, { text: 'dog' }, { image: like, weight: 2 }, { text: 'a bus', weight: -1.5 }],
      ],
    ] as const) {
      const query = await model.mix(parts);
      const found = await search(...args, '-k', '14');
      expect(found).toHaveLength(14);
      for (const { id, score } of found) {
        const embedding = await model.embed_image(await readFile(join(EXAMPLES, id)));
        expect(Math.abs(score - dot(query, embedding))).toBeLessThan(1e-6);
      }
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    }
    expect((await search('a pizza'))[0]).toMatchObject({
      id: 'pizza.png',
      meta: { width: 160, height: 160 },
    });
    expect(await search('a pizza')).toHaveLength(10);
  });

  it('prints a table: rank, score, bar, id, and what was asked', async () => {
    const { status, out, err } = await cli(['search', file, 'a dog', '--minus', 'a bus', '--top-k', '3']);
    expect([status, err]).toEqual([0, '']);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^1 {3}0\.\d{3} {2}█{24} {2}dog\.png$/);
    expect(lines[1]).toMatch(/^2 +-?0\.\d{3} {2}█*[▏▎▍▌▋▊▉]? +\S+\.png$/);
    expect(lines[3]).toMatch(/^a dog - 0\.5 x a bus: 3 of 14 pictures, [0-9.]+ ms \(loading [0-9.]+ ms\)$/);
    expect((await cli(['search', file, 'a dog'], { colour: true })).out).toContain('\u001b[36m');
  });

  it('works the same on int8 and binary indexes', async () => {
    const exact = await search('a guitar');
    for (const dtype of ['int8', 'binary']) {
      const output = join(folder, `${dtype}.safetensors`);
      await cli(['index', EXAMPLES, '-o', output, '--dtype', dtype]);
      const found = (await cli(['search', output, 'a guitar', '--json'])).json() as unknown as Found[];
      expect(found[0]!.id).toBe(exact[0]!.id);
      expect(Math.abs(found[0]!.score - exact[0]!.score)).toBeLessThan(0.01);
    }
  });

  it.each<[string[], string]>([
    [[], 'needs an INDEX'],
    [['i'], 'needs something to search for'],
    [['i', ' '], 'says nothing'],
    [['i', 'dog', '-k', '0'], '--top-k must be a positive integer'],
    [['i', 'dog', '--minus-weight', '0'], '--minus-weight must be a number above 0'],
    [['i', 'dog', '--image-weight', 'much'], 'not "much"'],
    [['i', 'dog', '--html', 'photos.safetensors'], 'ends in .html'],
    [['i', '--image', '-', '--image', '-'], 'only once'],
  ])('%j is wrong usage', async (args, reason) => {
    const { status, err } = await cli(['search', ...args]);
    expect([status, err]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('fails where there is no index, no picture, another model, or nothing left of the query', async () => {
    const strange = join(folder, 'strange.safetensors');
    const other = await AlignIndex.create({
      dimensions: model.model.config.projection_dim,
      model: 'another',
    });
    await other.save(strange);
    for (const [args, reason] of [
      [[join(folder, 'none.safetensors'), 'dog'], 'none.safetensors'],
      [[file, '--image', 'no/such.png'], '--image no/such.png: '],
      [[strange, 'dog'], 'has model "another"'],
      [[file, 'dog', '--minus', 'dog', '--minus-weight', '1'], 'cancel out'],
    ] as const) {
      const { status, out, err } = await cli(['search', ...args]);
      expect([status, out, err]).toEqual([1, '', expect.stringContaining(reason)]);
    }
  });
});

describe('--html', () => {
  it('writes one file that names, shows and scores what was found, and needs nothing else', async () => {
    const html = join(folder, 'sheet.html');
    const { status, out } = await cli([
      ...['search', file, 'a dog', '--image', picture('fish'), '--minus', 'a <b>cat</b>', '--html', html],
    ]);
    expect(status).toBe(0);
    expect(out.trimEnd().split('\n').at(-1)).toBe(html);
    const page = await readFile(html, 'utf8');
    expect(page.match(/<figure/g)).toHaveLength(14);
    expect(page).toContain('<bdi>dog.png</bdi>');
    expect(page).toContain('All 14 pictures of');
    expect(page).toContain('a &lt;b&gt;cat&lt;/b&gt;');
    // Small files go in as they are.
    expect(page).toContain((await readFile(picture('dog'))).toString('base64'));
    expect(page).not.toMatch(/<script|https?:|<b>cat|<link|url\(/);
    // The same search, the same page.
    const again = join(folder, 'again.html');
    await cli([
      'search',
      file,
      'a dog',
      '--image',
      picture('fish'),
      '--minus',
      'a <b>cat</b>',
      '--html',
      again,
    ]);
    expect(await readFile(again, 'utf8')).toBe(page);
  });

  it('makes a large picture small, and says what became of pictures that changed or went', async () => {
    const there = join(folder, 'photos');
    await mkdir(there);
    await writeFile(join(there, 'large.png'), blocks(5, 1200, 800));
    await copyFile(picture('dog'), join(there, 'changed.png'));
    await copyFile(picture('bus'), join(there, 'gone.png'));
    await copyFile(picture('fish'), join(there, 'broken.png'));
    const output = join(folder, 'photos.safetensors');
    await cli(['index', there, '-o', output]);
    await copyFile(picture('pizza'), join(there, 'changed.png'));
    await rm(join(there, 'gone.png'));
    await writeFile(join(there, 'broken.png'), 'none');
    const html = join(folder, 'photos.html');
    expect((await cli(['search', output, 'a dog', '--html', html])).status).toBe(0);
    const page = await readFile(html, 'utf8');
    const notes = new Map(
      page
        .split('<figure')
        .slice(1)
        .map((figure) => [
          /<bdi>([^<]*)<\/bdi>/.exec(figure)![1],
          /class="note">([^<]*)</.exec(figure)?.[1] ?? null,
        ]),
    );
    expect(Object.fromEntries(notes)).toEqual({
      'large.png': null,
      'changed.png': 'changed since it was indexed',
      'gone.png': 'not found',
      'broken.png': 'cannot be read',
    });
    const [, jpeg] = /src="data:image\/jpeg;base64,([^"]*)"/.exec(page)!;
    const small = await RawImage.read(Buffer.from(jpeg!, 'base64'));
    expect([small.width, small.height]).toEqual([480, 320]);
    // The same picture: the middle of each block has its colour.
    const large = await RawImage.read(blocks(5, 1200, 800));
    for (let block = 0; block < 16; block++) {
      const [x, y] = [(block % 4) + 0.5, Math.floor(block / 4) + 0.5];
      const at = ({ data, width, height }: RawImage): Uint8Array => {
        const start = (Math.floor((y * height) / 4) * width + Math.floor((x * width) / 4)) * 3;
        return data.subarray(start, start + 3);
      };
      const [a, b] = [at(small), at(large)];
      a.forEach((value, c) => expect(Math.abs(value - b[c]!)).toBeLessThan(8));
    }
    const moved = join(folder, 'moved');
    await mkdir(moved);
    await copyFile(picture('bus'), join(moved, 'gone.png'));
    await cli(['search', output, 'a bus', '-k', '1', '--html', html, '--folder', moved]);
    expect(await readFile(html, 'utf8')).not.toContain('class="note"');
  });

  it('cannot be broken out of by a name', () => {
    const name = `x"><script>alert(1)</script>'&\u202e\u0000.png`;
    const page = sheet_html({
      query: [{ weight: 1, name, thumbnail: { src: 'data:,', ratio: 1 } }],
      matches: [{ score: 0.5, path: `${name}/${name}`, thumbnail: null, note: name }],
      index: name,
      size: 3,
    });
    expect(page).not.toMatch(/<script|"x"|\u202e|\u0000/);
    expect(page).toContain('x&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;\ufffd\ufffd.png');
  });
});

describe('caption-rank', () => {
  it('ranks the lines of a file as classify ranks labels', async () => {
    const captions = join(folder, 'captions.txt');
    await writeFile(captions, `\ufeff${ZERO_SHOT.labels.join('\r\n')}\n\n`);
    for (const kind of ['cosine', 'softmax', 'logits'] as const) {
      const args = ['caption-rank', picture('dog'), captions, '--scores', kind, '--json'];
      const { status, err, json } = await cli(args);
      expect([status, err]).toEqual([0, '']);
      const expected = await model.classify(picture('dog'), ZERO_SHOT.labels, { scores: kind });
      expect(json()).toEqual(expected.map(({ label, score }) => ({ caption: label, score })));
    }
    const from_stdin = await cli(['caption-rank', picture('dog'), '-'], { input: 'a bus\na dog\n' });
    expect(from_stdin.out).toMatch(/^ {2}0\.\d{3} {2}█{24} {2}a dog\n .*a bus\n2 captions: /);
  });

  it('reports captions that the model cannot read, and ranks the others: status 3', async () => {
    const long = 'word '.repeat(600).trim();
    const input = `a dog\n${long}\na bus`;
    const { status, out, err } = await cli(['caption-rank', picture('dog'), '-'], { input });
    expect(status).toBe(3);
    expect(out).toContain('a bus');
    expect(err).toMatch(/^failed word word .*…: 60\d tokens/);
    const json = (await cli(['caption-rank', picture('dog'), '-', '--json'], { input })).json();
    expect(json[0]).toMatchObject({ caption: long, error: { code: 'too_many_tokens' } });
    expect(json).toHaveLength(3);
    expect((await cli(['caption-rank', picture('dog'), '-'], { input: long })).status).toBe(1);
  });

  it.each<[string[], string, number]>([
    [[], 'needs a PICTURE and a file of CAPTIONS', 2],
    [['a.png'], 'needs a PICTURE', 2],
    [['a.png', 'b.txt', 'c.txt'], 'needs a PICTURE', 2],
    [['-', '-'], 'only once', 2],
    [['a.png', 'no/such.txt'], 'CAPTIONS no/such.txt cannot be read', 2],
    [['a.png', '-'], 'has no captions', 2],
    [['no/such.png', picture('dog')], 'no/such.png', 1],
  ])('%j is refused', async (args, reason, expected) => {
    const { status, out, err } = await cli(['caption-rank', ...args], { input: ' \n' });
    expect([status, out, err]).toEqual([expected, '', expect.stringContaining(reason)]);
  });
});
