// Two threads: this one and one of the package's.

import { answer, violations } from './answer.js';

onmessage = async () => postMessage({ answer: await answer({ threads: 2 }), violations });
