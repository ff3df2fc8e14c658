import { row } from './browser.mjs';

postMessage(await row());
