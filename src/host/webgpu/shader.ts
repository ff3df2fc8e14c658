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

/** The text of the shader `stem`. Lines `// #if flag`, `// #else` and `// #end` choose by `features`. */
export function shader(stem: string, features: Features): string {
  const lines = ['record', ...included(stem)].flatMap((name) => choose(SHADERS[name]!, features));
  const wanted = lines.join('\n');
  const enabled = (['f16', 'subgroups'] as const).filter(
    (flag) => features[flag] && (flag === 'f16' ? /\b(f16|vec[234]h)\b/ : /\bsubgroup[A-Z]/).test(wanted),
  );
  return [...enabled.map((flag) => ENABLE[flag]), wanted].join('\n');
}

/** `stem` behind all that it includes, each once. */
function included(stem: string, found: Set<string> = new Set()): Set<string> {
  const text = SHADERS[stem];
  if (text === undefined) throw new AlignError('gpu_unavailable', `There is no shader ${stem}`);
  for (const [, name] of text.matchAll(/^\/\/ include (\w+)\.wgsl$/gm)) included(name!, found);
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
