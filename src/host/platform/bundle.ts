// dist/bundle: a browser, to which what runs on a GPU is handed over.

export { platform } from './browser_base.ts';
