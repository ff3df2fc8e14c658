// align-wasm embed: unit-length embeddings of texts and pictures.

import { device_of, parse_words, RUNNING } from './args.ts';
import { each } from './each.ts';
import { check_stdin, lines_of, pictures_of } from './inputs.ts';
import { UsageError, type Io } from './io.ts';
import { load } from './load.ts';
import { counted, letters, padded, right, safe_text, styled, time_text, width_of } from './text.ts';

export const HELP = `align-wasm embed [--text TEXT…] [--image PICTURE…] [options]

Prints unit-length embeddings. Their dot product is the cosine similarity.

  --text TEXT…          texts, up to the next option
  --text-file FILE      one text a line; - is standard input
  --image PICTURE…      PNG, JPEG or WebP files, folders, URLs, or - for standard input, up to the next option
  --model MODEL         a model's folder or packed file (default: the embedded icon model)
  --device KIND         where the model runs: wasm, webgpu or auto (default: a real GPU where there is one)
  --json                one JSON object an input: {"text" or "image", "embedding"} or {…, "error"}
`;

// Values shown of each embedding; --json has them all.
const SHOWN = 6;
// A name longer than this keeps its end: that is where file names differ.
const NAME_WIDTH = 40;

/** Something to embed, when its turn comes. */
interface Item {
  readonly name: string;
  readonly kind: 'text' | 'image';
  embed(): Promise<Float32Array>;
}

/** Runs the command; gives its exit status. */
export async function embed(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...RUNNING,
    text: { type: 'string', multiple: true },
    'text-file': { type: 'string' },
    image: { type: 'string', multiple: true },
  });
  const json = words.flag('json');
  if (words.positionals.length > 0)
    throw new UsageError(`say --text or --image before ${JSON.stringify(words.positionals[0])}`);
  const file = words.text('text-file');
  check_stdin([...words.all('image'), file]);
  const texts = words.all('text');
  if (file !== undefined) texts.push(...(await lines_of(file, '--text-file', io)));
  const pictures = await pictures_of(words.all('image'), io);
  const count = texts.length + pictures.length;
  if (count === 0) throw new UsageError('embed needs --text, --text-file or --image');

  // One tower alone where only its kind is asked for: half the memory and half the time to load.
  const towers = pictures.length === 0 ? 'text' : texts.length === 0 ? 'vision' : 'both';
  const { align, ms: load_ms } = await load(words.text('model'), io, { towers, device: device_of(words) });
  const { signal } = io;
  const items: Item[] = [
    ...texts.map((name): Item => ({ name, kind: 'text', embed: () => align.embed_text(name, { signal }) })),
    ...pictures.map(({ name, input }): Item => ({
      name,
      kind: 'image',
      embed: async () => align.embed_image(await input(), { signal }),
    })),
  ];
  try {
    const started = io.now();
    const width = Math.max(...items.map(({ name }) => width_of(shortened(name))));
    const status = await each(items, 'input', io, json, async (item) => {
      const embedding = await item.embed();
      if (json) return JSON.stringify({ [item.kind]: item.name, embedding: [...embedding] });
      const values = [...embedding.subarray(0, SHOWN)].map((value) => right(value.toFixed(4), 7)).join(' ');
      const size = right(`${embedding.length}`, 5);
      return `${padded(item.kind, 5)}  ${padded(shortened(safe_text(item.name)), width)}  ${size}  ${values} …`;
    });
    const total = time_text(io.now() - started + load_ms);
    const summary = `${counted(count, 'embedding')}: ${total} (loading ${time_text(load_ms)})`;
    if (!json) io.out(`${styled(io, 'dim', summary)}\n`);
    return status;
  } finally {
    align.dispose();
  }
}

function shortened(name: string): string {
  const all = letters(name);
  return all.length <= NAME_WIDTH ? name : `…${all.slice(1 - NAME_WIDTH).join('')}`;
}
