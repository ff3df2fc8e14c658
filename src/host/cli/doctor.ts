// align-wasm doctor: what this runtime can do for the package, and what to do about what is missing.

import process from 'node:process';
import { parse_words } from './args.ts';
import { CHECKS, failure, type Found } from './checks.ts';
import { FAILED, OK, UsageError, type Io } from './io.ts';
import { styled, width_of } from './text.ts';

export const HELP = `align-wasm doctor [--json]

Says what this runtime can do: WebAssembly SIMD and relaxed SIMD, threads, WebGPU, memory, where remote models are cached,
which pictures can be decoded, whether align.wasm is found and fits, and whether the embedded model gives the answer that it
gave when the package was built, bit for bit. For each thing that is missing it says what to do. Nothing is fetched.

  --json                one JSON object: {"ok", "version", "runtime": {"name", "version", "system"}, "permissions", "checks"};
                        each of "checks" (simd, relaxed_simd, threads, webgpu, memory, cache, pictures, module, model) is
                        {"state", "text", "hint", …}: "state" is ok, missing (the package works without) or failed, "hint" is
                        null where nothing is to be done, what follows are the same facts as numbers; "permissions" is null
                        but in Deno

Exit status: 0 where the package works, 1 where it does not.
`;

const MARKS = { ok: ['green', '✓'], missing: ['dim', '–'], failed: ['red', '✗'] } as const;

interface Permissions {
  query(what: { name: string }): Promise<{ state: string }>;
}

/** Runs the command; gives its exit status. */
export async function doctor(argv: readonly string[], io: Io, version: string): Promise<number> {
  const words = parse_words(argv, { json: { type: 'boolean' } });
  if (words.positionals.length > 0) throw new UsageError('doctor takes no arguments');
  const json = words.flag('json');
  const runtime = runtime_of();
  const granted = await permissions();
  if (!json) print_heading(io, version, runtime, granted);
  const checks: Record<string, object> = {};
  let works = true;
  for (const [name, { needed, look, facts: none }] of CHECKS) {
    let found: Found;
    try {
      found = await look(io.signal);
    } catch (error) {
      io.signal.throwIfAborted();
      found = failure(error, needed);
    }
    works &&= found.state !== 'failed';
    const { state, text, hint = null, facts } = found;
    checks[name] = { state, text, hint, ...none, ...facts };
    if (!json) print_check(io, name, found);
  }
  if (json) io.out(`${JSON.stringify({ ok: works, version, runtime, permissions: granted, checks })}\n`);
  else io.out(`\n${works ? 'The package works here.' : 'The package does not work here.'}\n`);
  return works ? OK : FAILED;
}

/** The runtime's name and version, the system and processor that it was built for. */
function runtime_of(): { name: string; version: string; system: string } {
  const { node, deno, bun } = process.versions as { node: string; deno?: string; bun?: string };
  const [name, version] = deno ? ['Deno', deno] : bun ? ['Bun', bun] : ['Node', node];
  return { name, version, system: `${process.platform} ${process.arch}` };
}

/** What Deno allows: granted, denied, or prompt where it would ask. Other runtimes do not ask. */
async function permissions(): Promise<Record<string, string> | null> {
  const { Deno } = globalThis as { Deno?: { permissions: Permissions } };
  if (!Deno) return null;
  const names = ['read', 'write', 'env', 'net', 'sys'];
  const states = names.map(async (name) => [name, (await Deno.permissions.query({ name })).state] as const);
  return Object.fromEntries(await Promise.all(states));
}

function print_heading(
  io: Io,
  version: string,
  { name, version: its, system }: ReturnType<typeof runtime_of>,
  granted: Record<string, string> | null,
): void {
  io.out(`${styled(io, 'bold', `align-wasm ${version}`)}  ${name} ${its}, ${system}\n\n`);
  if (!granted) return;
  const given = Object.keys(granted).filter((what) => granted[what] === 'granted');
  const text = given.length > 0 ? given.join(', ') : 'none';
  io.out(line(' ', 'permissions', text));
}

function print_check(io: Io, name: string, { state, text, hint }: Found): void {
  const [style, mark] = MARKS[state];
  io.out(line(styled(io, style, mark), name.replace('_', ' '), text));
  if (hint !== undefined) io.out(line(' ', '', styled(io, 'dim', `→ ${hint}`)));
}

function line(mark: string, name: string, text: string): string {
  return `${mark} ${name}${' '.repeat(14 - width_of(name))}${text}\n`;
}
