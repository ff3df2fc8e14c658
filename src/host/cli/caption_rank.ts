// align-wasm caption-rank: the lines of a file ranked for one picture.

import type { Align } from '../align.ts';
import { LabelSet } from '../label_set.ts';
import { dot, ranked, softmax, stacked, type Score } from '../scores.ts';
import { choice, device_of, parse_words, RUNNING } from './args.ts';
import { check_stdin, lines_of, pictures_of } from './inputs.ts';
import {
  error_json,
  FAILED,
  is_interruption,
  message_of,
  OK,
  SOME_FAILED,
  UsageError,
  type Io,
} from './io.ts';
import { load } from './load.ts';
import { bar, counted, letters, padded, Progress, right, safe_text, styled, time_text } from './text.ts';

export const HELP = `align-wasm caption-rank PICTURE CAPTIONS [options]

Ranks captions by how well they fit a picture, the best first.

  PICTURE               a PNG, JPEG or WebP file, a URL, or - for standard input
  CAPTIONS              a file with one caption a line; - is standard input
  --top-k N             print the best N (default 10; with --json all)
  --scores KIND         cosine (default), softmax over all captions, or logits
  --model MODEL         a model's folder (default: the embedded icon model)
  --device KIND         where the model runs: wasm, webgpu or auto (default: a real GPU where there is one)
  --json                one JSON object a caption, best first: {"caption", "score"}; failed ones before them:
                        {"caption", "error"}

A caption that the model cannot read (too long, for one) is reported, and the others ranked: exit status 3.
`;

const KINDS = ['cosine', 'softmax', 'logits'] as const;
const SHOWN = 10;
const BAR_WIDTH = 24;
// Captions that are embedded between two looks at the progress bar.
const CHUNK = 256;
// A caption that fails is named by its beginning.
const NAME_WIDTH = 60;

/** Runs the command; gives its exit status. */
export async function caption_rank(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...RUNNING,
    'top-k': { type: 'string' },
    scores: { type: 'string' },
  });
  const json = words.flag('json');
  const kind = choice(words, 'scores', KINDS) ?? 'cosine';
  const [name, file, ...rest] = words.positionals;
  if (name === undefined || file === undefined || rest.length > 0)
    throw new UsageError('caption-rank needs a PICTURE and a file of CAPTIONS');
  check_stdin([name, file]);
  const captions = await lines_of(file, 'CAPTIONS', io);
  if (captions.length === 0) throw new UsageError(`${file} has no captions`);
  const [picture, ...more] = await pictures_of([name], io);
  if (more.length > 0) throw new UsageError(`${name} has several pictures; caption-rank takes one`);

  const { align, ms: load_ms } = await load(words.text('model'), io, { device: device_of(words) });
  try {
    const started = io.now();
    const image = await align.embed_image(await picture!.input(), { signal: io.signal });
    const set = await embedded(captions, align, json, io);
    const failed = captions.length - set.size;
    if (set.size === 0) return FAILED;
    const top_k = words.count('top-k') ?? (json ? undefined : SHOWN);
    const scores = await scores_of(image, set, kind, top_k, align, io);
    if (json) for (const { label, score } of scores) io.out(`${JSON.stringify({ caption: label, score })}\n`);
    else {
      const total = time_text(io.now() - started + load_ms);
      const summary = `${counted(captions.length, 'caption')}: ${total} (loading ${time_text(load_ms)})`;
      for (const line of lines(scores, kind, io)) io.out(`${line}\n`);
      io.out(`${styled(io, 'dim', summary)}\n`);
    }
    return failed > 0 ? SOME_FAILED : OK;
  } finally {
    align.dispose();
  }
}

/** The captions that the model can read, embedded; the others are reported. */
async function embedded(captions: readonly string[], align: Align, json: boolean, io: Io): Promise<LabelSet> {
  const { signal } = io;
  const progress = new Progress(io);
  const labels: string[] = [];
  const embeddings: Float32Array[] = [];
  const embed = async (texts: readonly string[]): Promise<void> => {
    embeddings.push(...(await align.embed_text(texts, { signal })));
    labels.push(...texts);
  };
  const report = (caption: string, error: unknown): void => {
    progress.clear();
    if (json) io.out(`${JSON.stringify({ caption, error: error_json(error) })}\n`);
    else io.err(`failed ${start_of(caption)}: ${message_of(error)}\n`);
  };
  const unless_stopped = (error: unknown): void => {
    if (signal.aborted || is_interruption(error)) throw error;
  };
  try {
    for (let at = 0; at < captions.length; at += CHUNK) {
      progress.update(counted(captions.length, 'caption'), at, captions.length);
      const chunk = captions.slice(at, at + CHUNK);
      await embed(chunk).catch(async (spoilt: unknown) => {
        unless_stopped(spoilt);
        // One caption spoilt the chunk: each for itself.
        for (const caption of chunk)
          await embed([caption]).catch((error: unknown) => {
            unless_stopped(error);
            report(caption, error);
          });
      });
    }
  } finally {
    progress.clear();
  }
  return new LabelSet(labels, embeddings, '{}');
}

/** The best captions, as Align.classify scores labels. */
async function scores_of(
  image: Float32Array,
  set: LabelSet,
  kind: (typeof KINDS)[number],
  top_k: number | undefined,
  align: Align,
  { signal }: Io,
): Promise<Score[]> {
  if (kind === 'cosine')
    return ranked(
      set.labels,
      set.embeddings.map((caption) => dot(caption, image)),
      top_k,
    );
  const logits = await align.model.similarity(stacked(set.embeddings), stacked([image]), { signal });
  return ranked(set.labels, kind === 'logits' ? [...logits.data] : softmax([...logits.data]), top_k);
}

/** A line a caption: score, bar, caption. */
function lines(scores: readonly Score[], kind: (typeof KINDS)[number], io: Io): string[] {
  const best = scores[0]?.score ?? 1;
  return scores.map(({ label, score }, i) => {
    const number = right(kind === 'softmax' ? `${(score * 100).toFixed(1)} %` : score.toFixed(3), 7);
    const drawn = padded(bar(best > 0 ? score / best : 0, BAR_WIDTH), BAR_WIDTH);
    const caption = safe_text(label);
    return `${number}  ${styled(io, 'cyan', drawn)}  ${i === 0 ? styled(io, 'green', caption) : caption}`;
  });
}

/** Enough of a caption to know which one it is. */
function start_of(caption: string): string {
  const all = letters(safe_text(caption));
  return all.length <= NAME_WIDTH ? all.join('') : `${all.slice(0, NAME_WIDTH - 1).join('')}…`;
}
