// npm run install:package: test/node_modules/align-wasm is what npm would publish now. npm test does the same.

import { install_package } from './setup.mjs';

install_package();
