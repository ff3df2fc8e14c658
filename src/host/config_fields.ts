// How a configuration's keys are declared, checked and written. A class of config.ts is a table of these fields; what
// transformers would refuse (or fail on later) is refused when the configuration is made, naming key and value.

import { AlignError, show } from './errors.ts';

/** The names in transformers' ACT2FN that need no parameters. */
export const ACTIVATIONS = [
  'gelu',
  'gelu_10',
  'gelu_accurate',
  'gelu_fast',
  'gelu_new',
  'gelu_python',
  'gelu_python_tanh',
  'gelu_pytorch_tanh',
  'hardswish',
  'laplace',
  'leaky_relu',
  'linear',
  'mish',
  'quick_gelu',
  'relu',
  'relu2',
  'relu6',
  'sigmoid',
  'silu',
  'sqrtsoftplus',
  'swish',
  'tanh',
] as const;

/** A name that `hidden_act` may have. */
export type Activation = (typeof ACTIVATIONS)[number];

/** No size of a model comes near these; a configuration beyond them is an error or an attack. */
export const MAX_DIMENSION: number = 2 ** 24;
export const MAX_LAYERS = 1_000;

/** One key of a configuration. */
export interface Field<T> {
  readonly default: T;
  /** A Python float: it is written with a decimal point, as transformers refuses the integer `2` for one. */
  readonly float: boolean;
  /** The value as the class keeps it. @throws AlignError `unsupported_config`, `unsupported_activation`. */
  read(key: string, value: unknown): T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** @throws AlignError `unsupported_config`, naming the key and its value. */
export function refuse(key: string, value: unknown, rule: string): never {
  throw new AlignError('unsupported_config', `${key} is ${show(value)}, ${rule}`, { detail: { key, value } });
}

function number_in(key: string, value: unknown, min: number, max: number, whole: boolean): number {
  const fits = typeof value === 'number' && value >= min && value <= max && Number.isFinite(value);
  if (!fits || (whole && !Number.isInteger(value)))
    refuse(key, value, `it must be ${whole ? 'an integer' : 'a number'}${range(min, max)}`);
  // Not -0, which Python would read back as a float.
  return value + 0;
}

function range(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return '';
  return max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`;
}

/** A size or a count. */
export function integer(initial: number, min: number = 1, max: number = MAX_DIMENSION): Field<number> {
  return { default: initial, float: false, read: (key, value) => number_in(key, value, min, max, true) };
}

export function real(initial: number, min: number = -Infinity, max: number = Infinity): Field<number> {
  return { default: initial, float: true, read: (key, value) => number_in(key, value, min, max, false) };
}

/** The same, where the key may also be null. */
export function nullable<T>(field: Field<T>, initial: T | null): Field<T | null> {
  return {
    default: initial,
    float: field.float,
    read: (key, value) => (value === null ? null : field.read(key, value)),
  };
}

/** A list of integers. */
export function integers(
  initial: readonly number[],
  min: number = 1,
  max: number = MAX_DIMENSION,
): Field<readonly number[]> {
  return {
    default: Object.freeze([...initial]),
    float: false,
    read(key, value) {
      if (!Array.isArray(value) || value.length > MAX_LAYERS)
        refuse(key, value, `it must be a list of at most ${MAX_LAYERS} integers`);
      return Object.freeze(value.map((v, i) => number_in(`${key}[${i}]`, v, min, max, true)));
    },
  };
}

/** An integer, or a list of integers. */
export function integer_or_list(initial: number, min: number): Field<number | readonly number[]> {
  const one = integer(initial, min);
  const many = integers([], min);
  return {
    default: initial,
    float: false,
    read: (key, value) => (Array.isArray(value) ? many : one).read(key, value),
  };
}

export function one_of<T extends string>(initial: T, names: readonly T[]): Field<T> {
  return {
    default: initial,
    float: false,
    read(key, value) {
      return (
        names.find((name) => name === value) ?? refuse(key, value, `it must be one of ${names.join(', ')}`)
      );
    },
  };
}

export function activation(initial: Activation): Field<Activation> {
  return {
    default: initial,
    float: false,
    read(key, value) {
      const name = ACTIVATIONS.find((known) => known === value);
      if (name === undefined)
        throw new AlignError('unsupported_activation', `${key} is ${show(value)}`, {
          detail: { key, value },
          hint: `it may be ${ACTIVATIONS.join(', ')}`,
        });
      return name;
    },
  };
}

/** Every field's value: what `values` has as its own key, checked, else the default. Other keys are ignored. */
export function read_fields(
  fields: Fields,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [
      key,
      Object.hasOwn(values, key) && values[key] !== undefined ? field.read(key, values[key]) : field.default,
    ]),
  );
}
