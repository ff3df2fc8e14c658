// The words of a command line: options by name, the rest in order, mistakes as UsageError.

import { parseArgs, type ParseArgsConfig } from 'node:util';
import { DEVICES, nearest_name } from '../options.ts';
import { UsageError } from './io.ts';

/** The options of a command: `parseArgs`' own table. */
export type OptionTable = NonNullable<ParseArgsConfig['options']>;

/** A parsed command line. */
export interface Words {
  /** The last value of each option that takes one. */
  text(name: string): string | undefined;
  flag(name: string): boolean;
  /** The value of an option that takes a positive integer. */
  count(name: string): number | undefined;
  /** Every value of an option that may be given several times. */
  all(name: string): string[];
  /** The words that belong to no option. */
  readonly positionals: readonly string[];
}

/** Options every command has. */
export const COMMON: OptionTable = { model: { type: 'string' }, json: { type: 'boolean' } };

/** Options of every command that runs a model. */
export const RUNNING: OptionTable = { ...COMMON, device: { type: 'string' } };

/**
 * Parses `argv`. Options with `multiple` take all the words up to the next option, so that a shell's `*.png` works; with
 * `takes` 'one' they take one each time, so that other words may follow.
 * @throws UsageError for unknown options, missing values and values that do not fit
 */
export function parse_words(
  argv: readonly string[],
  options: OptionTable,
  takes: 'all' | 'one' = 'all',
): Words {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, tokens: true });
  } catch (error) {
    throw new UsageError(explained(error, Object.keys(options)));
  }
  const lists = new Map<string, string[]>();
  const positionals: string[] = [];
  let current: string[] = positionals;
  for (const token of parsed.tokens) {
    if (token.kind === 'positional') current.push(token.value);
    else if (token.kind === 'option-terminator') current = positionals;
    else {
      current = positionals;
      if (options[token.name]?.multiple !== true || token.value === undefined) continue;
      const list = lists.get(token.name) ?? [];
      list.push(token.value);
      lists.set(token.name, list);
      if (takes === 'all') current = list;
    }
  }
  const value = (name: string): unknown => (parsed.values as Record<string, unknown>)[name];
  const text = (name: string): string | undefined => value(name) as string | undefined;
  return {
    text,
    flag: (name) => value(name) === true,
    count(name) {
      const given = text(name);
      if (given !== undefined && !/^0*[1-9][0-9]{0,8}$/.test(given))
        throw new UsageError(`--${name} must be a positive integer, not ${JSON.stringify(given)}`);
      return given === undefined ? undefined : Number(given);
    },
    all: (name) => lists.get(name) ?? [],
    positionals,
  };
}

/** The value of an option that takes one of a few words. @throws UsageError */
export function choice<T extends string>(words: Words, name: string, values: readonly T[]): T | undefined {
  const given = words.text(name);
  if (given === undefined || (values as readonly string[]).includes(given)) return given as T | undefined;
  throw new UsageError(`--${name} must be ${values.join(' or ')}, not ${JSON.stringify(given)}`);
}

/** The value of --device. @throws UsageError */
export function device_of(words: Words): (typeof DEVICES)[number] | undefined {
  return choice(words, 'device', DEVICES);
}

/** parseArgs' message, shortened, with the option that was probably meant. */
function explained(error: unknown, names: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const unknown = /^Unknown option '--?([^']*)'/.exec(message)?.[1];
  if (unknown === undefined) return message;
  const nearest = nearest_name(unknown, names);
  return `unknown option --${unknown}${nearest === undefined ? '' : `; did you mean --${nearest}?`}`;
}
