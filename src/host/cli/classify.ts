// align-wasm classify: labels ranked for every picture.

import type { Score } from '../scores.ts';
import { choice, device_of, parse_words, RUNNING } from './args.ts';
import { each } from './each.ts';
import { check_stdin, lines_of, pictures_of, pieces } from './inputs.ts';
import { UsageError, type Io } from './io.ts';
import { load } from './load.ts';
import { bar, counted, padded, right, safe_text, styled, time_text, width_of } from './text.ts';

export const HELP = `align-wasm classify PICTURE… --labels "a cat,a dog" [options]

Ranks labels by how well they fit each picture.

  PICTURE               a PNG, JPEG or WebP file, a folder of them, a URL, or - for standard input
  --labels TEXT         labels with commas between
  --labels-file FILE    one label a line; - is standard input
  --template TEXT       what is said about a label, e.g. "a photo of {}" (default "{}")
  --top-k N             print the best N (default 5; with --json all)
  --scores KIND         softmax (default), cosine or logits
  --model MODEL         a model's folder or packed file (default: the embedded icon model)
  --device KIND         where the model runs: wasm, webgpu or auto (default: a real GPU where there is one)
  --json                one JSON object a picture: {"picture", "scores": [{"label", "score"}]} or {"picture", "error"}
`;

const KINDS = ['softmax', 'cosine', 'logits'] as const;
type Kind = (typeof KINDS)[number];
const BAR_WIDTH = 24;
const SHOWN = 5;

/** Runs the command; gives its exit status. */
export async function classify(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...RUNNING,
    labels: { type: 'string' },
    'labels-file': { type: 'string' },
    template: { type: 'string' },
    'top-k': { type: 'string' },
    scores: { type: 'string' },
  });
  const json = words.flag('json');
  const kind = choice(words, 'scores', KINDS) ?? 'softmax';
  const top_k = words.count('top-k');
  const template = words.text('template') ?? '{}';
  if (!template.includes('{}'))
    throw new UsageError(`--template ${JSON.stringify(template)} has no {} for the label`);
  if (words.positionals.length === 0) throw new UsageError('classify needs a picture');
  const file = words.text('labels-file');
  check_stdin([...words.positionals, file]);
  const labels = pieces(words.text('labels') ?? '', ',');
  if (file !== undefined) labels.push(...(await lines_of(file, '--labels-file', io)));
  if (labels.length === 0)
    throw new UsageError('classify needs labels: --labels "a cat,a dog" or --labels-file FILE');

  const pictures = await pictures_of(words.positionals, io);
  const { align, ms: load_ms } = await load(words.text('model'), io, { device: device_of(words) });
  try {
    const started = io.now();
    const set = await align.label_set(labels, { hypothesis_template: template, signal: io.signal });
    const labels_ms = io.now() - started;
    const options = { scores: kind, top_k: json ? top_k : (top_k ?? SHOWN), signal: io.signal };
    const width = Math.max(...labels.map(width_of));
    const status = await each(pictures, 'picture', io, json, async ({ name, input }) => {
      const began = io.now();
      const scores = await align.classify(await input(), set, options);
      if (json) return JSON.stringify({ picture: name, scores });
      const title = `${styled(io, 'bold', safe_text(name))}  ${styled(io, 'dim', time_text(io.now() - began))}`;
      return [title, ...score_lines(scores, kind, width, io), ''].join('\n');
    });
    const total = io.now() - started + load_ms;
    const summary =
      `${counted(pictures.length, 'picture')}, ${counted(labels.length, 'label')}: ${time_text(total)}` +
      ` (loading ${time_text(load_ms)}, labels ${time_text(labels_ms)})`;
    if (!json) io.out(`${styled(io, 'dim', summary)}\n`);
    return status;
  } finally {
    align.dispose();
  }
}

/** A line a label: name, score, bar. */
function score_lines(scores: readonly Score[], kind: Kind, width: number, io: Io): string[] {
  const best = scores[0]?.score ?? 1;
  return scores.map(({ label, score }, i) => {
    const number = right(kind === 'softmax' ? `${(score * 100).toFixed(1)} %` : score.toFixed(3), 7);
    const share = kind === 'logits' ? score / best : score;
    const line = `  ${padded(label, width)}  ${number}  `;
    return `${i === 0 ? styled(io, 'green', line) : line}${styled(io, 'cyan', bar(share, BAR_WIDTH))}`.trimEnd();
  });
}
