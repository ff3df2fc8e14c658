// The rules of the options that are for remote models.

import type { OpenOptions } from './checkpoint/model_files.ts';
import type { Rule, Rules } from './options.ts';

const text: Rule = {
  expects: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};

const callable: Rule = { expects: 'a function', accepts: (value) => typeof value === 'function' };

/** What is wrong inside of them is said where they are used: none of their messages may show a secret. */
export const REMOTE_RULES: Rules<Omit<OpenOptions, 'signal' | 'progress_callback'>> = {
  host: {
    expects: 'an http or https URL',
    accepts: (value) => (typeof value === 'string' && value !== '') || value instanceof URL,
  },
  revision: text,
  token: text,
  cache: {
    expects: 'true, false or the path of a folder',
    accepts: (value) => typeof value === 'boolean' || text.accepts(value),
  },
  local_files_only: { expects: 'true or false', accepts: (value) => typeof value === 'boolean' },
  fetch: callable,
  sha256: {
    expects: '64 digits, or such by file name',
    accepts: (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  },
};
