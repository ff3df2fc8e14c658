// align-wasm: finds the command, runs it, turns what it throws into a message and an exit status.

import { nearest_name } from '../options.ts';
import { bench, HELP as BENCH } from './bench.ts';
import { caption_rank, HELP as CAPTION_RANK } from './caption_rank.ts';
import { classify, HELP as CLASSIFY } from './classify.ts';
import { convert, HELP as CONVERT } from './convert.ts';
import { doctor, HELP as DOCTOR } from './doctor.ts';
import { embed, HELP as EMBED } from './embed.ts';
import { index, HELP as INDEX } from './index.ts';
import { inspect, HELP as INSPECT } from './inspect.ts';
import { FAILED, INTERRUPTED, is_interruption, message_of, OK, USAGE, UsageError, type Io } from './io.ts';
import { search, HELP as SEARCH } from './search.ts';
import { verify, HELP as VERIFY } from './verify.ts';

interface Command {
  readonly run: (argv: readonly string[], io: Io, version: string) => Promise<number>;
  readonly help: string;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['classify', { run: classify, help: CLASSIFY }],
  ['embed', { run: embed, help: EMBED }],
  ['index', { run: index, help: INDEX }],
  ['search', { run: search, help: SEARCH }],
  ['caption-rank', { run: caption_rank, help: CAPTION_RANK }],
  ['convert', { run: convert, help: CONVERT }],
  ['verify', { run: verify, help: VERIFY }],
  ['inspect', { run: inspect, help: INSPECT }],
  ['bench', { run: bench, help: BENCH }],
  ['doctor', { run: doctor, help: DOCTOR }],
]);

const HELP = `align-wasm: pictures and texts in one embedding space

  align-wasm classify PICTURE… --labels "a cat,a dog"    rank labels for pictures
  align-wasm embed --text TEXT… --image PICTURE…         print embeddings
  align-wasm index FOLDER… -o FILE                       embed all pictures in folders, to search in
  align-wasm search FILE "a red car"                     the pictures that fit best, as a table or a contact sheet
  align-wasm caption-rank PICTURE captions.txt           rank captions for a picture
  align-wasm convert MODEL -o FILE [--dtype q8]          write a model as one packed file
  align-wasm verify MODEL reference.safetensors          compare a checkpoint with reference outputs
  align-wasm inspect [MODEL] [--plan]                    show a model, or the plan of its forward pass
  align-wasm bench [MODEL] [--ops]                       time a model on this machine
  align-wasm doctor                                      what this runtime can do, and what is missing

  align-wasm COMMAND --help    what a command takes
  align-wasm --version

Exit status: 0 done, 1 failed, 2 wrong usage, 3 some inputs failed, 130 interrupted.
`;

/** Runs the command line `argv` (without program and script). Gives the exit status; never throws. */
export async function run(argv: readonly string[], version: string, io: Io): Promise<number> {
  try {
    const [name = '', ...rest] = argv;
    if (name === '--version' || name === '-v') return print(io, `${version}\n`);
    if (name === '--help' || name === '-h' || name === 'help') {
      return print(io, COMMANDS.get(rest[0] ?? '')?.help ?? HELP);
    }
    if (name === '') {
      io.err(HELP);
      return USAGE;
    }
    const command = COMMANDS.get(name);
    if (command === undefined) throw new UsageError(no_command(name));
    if (asks_for_help(rest)) return print(io, command.help);
    return await command.run(rest, io, version);
  } catch (error) {
    if (io.signal.aborted || is_interruption(error)) return INTERRUPTED;
    io.err(`align-wasm: ${message_of(error)}\n`);
    if (!(error instanceof UsageError)) return FAILED;
    const named = COMMANDS.has(argv[0] ?? '') ? `${argv[0] ?? ''} ` : '';
    io.err(`Try: align-wasm ${named}--help\n`);
    return USAGE;
  }
}

function print(io: Io, text: string): number {
  io.out(text);
  return OK;
}

function no_command(name: string): string {
  const names = [...COMMANDS.keys()];
  const nearest = nearest_name(name, names);
  const hint = nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`;
  return `unknown command ${JSON.stringify(name)}; ${hint}`;
}

/** Whether --help stands among the words, before a "--" that makes everything after it an argument. */
function asks_for_help(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((word) => word === '--help' || word === '-h');
}
