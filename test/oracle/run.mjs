import { bundle_of } from '../support/bundled.mjs';

await import(await bundle_of('test/oracle/main.ts'));
