// A thread in browsers.

import type { Setup } from '../wasm/control.ts';
import { serve } from '../wasm/thread.ts';

onmessage = ({ data }: MessageEvent<Setup>) => serve(data, (report) => postMessage(report));
