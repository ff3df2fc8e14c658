// The flags of a command of tests.

import { parseArgs } from 'node:util';

/**
 * The flags that this process was started with; what is not given is undefined. Where they are wrong it says so and ends with 1.
 * @param kinds of each flag: 'text', 'number' (whole, 0 or more) or 'switch'
 */
export function flags(kinds) {
  try {
    const options = Object.entries(kinds).map(([name, kind]) => [
      name,
      { type: kind === 'switch' ? 'boolean' : 'string' },
    ]);
    const { values } = parseArgs({ options: Object.fromEntries(options) });
    for (const [name, value] of Object.entries(values))
      if (kinds[name] === 'number') values[name] = whole(name, value);
    return values;
  } catch ({ message }) {
    return failed(message);
  }
}

/** Ends this process with 1 and a line that says why. */
export function failed(why) {
  console.error(why);
  return process.exit(1);
}

function whole(name, text) {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new RangeError(`--${name} takes a whole number, 0 or more, not ${JSON.stringify(text)}`);
  return number;
}

/** A seed, where none is asked for. */
export const any_seed = () => Math.floor(Math.random() * 2 ** 31);
