// Puts a kernel's shader together: the records, what it includes, and its text for what the device has.

import { AlignError } from '../errors.ts';
import { SHADERS } from './shaders.ts';

/** What of the language may be used that not every device has; each is guarded by a known answer (features.ts). */
export interface Features {
  /** 16-bit floats: `enable f16`. */
  readonly f16: boolean;
  /** Sums across the lanes of a subgroup: `enable subgroups`. */
  readonly subgroups: boolean;
  /** dot4I8Packed. */
  readonly packed_dot: boolean;
  /** The device is a processor's imitation: barriers are dear, shared memory gains nothing. */
  readonly software: boolean;
}

const ENABLE = { f16: 'enable f16;', subgroups: 'enable subgroups;' } as const;

/** Shaders by stem. */
export type Shaders = Readonly<Record<string, string>>;

let unpacked: Promise<Shaders> | undefined;

/** All shaders, unpacked once. */
export function shaders(): Promise<Shaders> {
  return (unpacked ??= unpack(SHADERS));
}

async function unpack(packed: string): Promise<Shaders> {
  const bytes = Uint8Array.from(atob(packed), (byte) => byte.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return (await new Response(stream).json()) as Shaders;
}

/** The text of the shader `stem` of `all`. Lines `// #if flag`, `// #else` and `// #end` choose by `features`. */
export function shader(all: Shaders, stem: string, features: Features): string {
  const lines = ['record', ...included(all, stem)].flatMap((name) => choose(all[name]!, features));
  const wanted = lines.join('\n');
  const enabled = (['f16', 'subgroups'] as const).filter(
    (flag) => features[flag] && (flag === 'f16' ? /\b(f16|vec[234]h)\b/ : /\bsubgroup[A-Z]/).test(wanted),
  );
  return [...enabled.map((flag) => ENABLE[flag]), wanted].join('\n');
}

/** `stem` behind all that it includes, each once. */
function included(all: Shaders, stem: string, found: Set<string> = new Set()): Set<string> {
  const text = all[stem];
  if (text === undefined) throw new AlignError('gpu_unavailable', `There is no shader ${stem}`);
  for (const [, name] of text.matchAll(/^\/\/ include (\w+)\.wgsl$/gm)) included(all, name!, found);
  return found.add(stem);
}

function choose(text: string, features: Features): string[] {
  const kept: string[] = [];
  let keep = true;
  for (const line of text.split('\n')) {
    const flag = /^\/\/ #if (!?)(\w+)$/.exec(line);
    if (flag) keep = features[flag[2] as keyof Features] !== Boolean(flag[1]);
    else if (line === '// #else') keep = !keep;
    else if (line === '// #end') keep = true;
    else if (keep && !line.startsWith('//')) kept.push(line);
  }
  return kept;
}
