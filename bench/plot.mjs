// node bench/plot.mjs: draws every results file in bench/results as an SVG beside it. Bars of time, a panel for each piece
// of work; the limit is what 128 bits allow one core, from the ceiling that the same run measured.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { digits } from './measure.mjs';
import { WORK } from './work.mjs';

/** Panels in order, and who has a bar in them: name and colour. */
const PANELS = [
  ['vision', 'node'],
  ['vision', 'newest'],
  ['vision', 'chromium'],
  ['text', 'node'],
  ['text', 'newest'],
  ['text', 'chromium'],
  ['label', 'node'],
  ['labels', 'node'],
  ['text', 'webgpu'],
  ['vision_65', 'webgpu'],
  ['vision', 'webgpu'],
];
const BARS = {
  'align-wasm': 'ours',
  "precision: 'fast'": 'ours',
  "dtype: 'q8'": 'ours',
  'threads: 2': 'ours',
  'onnxruntime-web': 'web',
  'onnxruntime-web, on the padded input': 'web',
  'onnxruntime-web, int8': 'web',
  'onnxruntime-web, 2 threads': 'web',
  "device: 'webgpu'": 'ours',
  'onnxruntime-web, WebGPU': 'web',
  'onnxruntime native': 'native',
  'onnxruntime native, 2 threads': 'native',
};

const [WIDTH, LEFT, RIGHT, BAR, GAP, TITLE, HEAD] = [800, 270, 90, 15, 5, 26, 46];

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; font-size: 13px; }
    .name { text-anchor: end; }
    .small { fill: #656d76; }
    .ours { fill: #1a7f64; } .web { fill: #bf5b26; } .native { fill: #57606a; } .limit { fill: #a5adb6; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9198a1; }
      .ours { fill: #3fb68b; } .web { fill: #e08650; } .native { fill: #8b949e; } .limit { fill: #4d5661; }
    }`;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** The bars of a panel, { name, kind, ms }; none where nothing was measured. */
function bars_of({ rows, limits }, work, where) {
  const bars = [];
  for (const [who, kind] of Object.entries(BARS)) {
    const row = rows.find(({ id }) => id === `${work} | ${where} | ${who}`);
    if (row?.median !== undefined) bars.push({ name: who, kind, ms: row.median });
  }
  const { flop } = WORK[work];
  const chain = Math.max(0, ...Object.values(limits).map(({ exact }) => exact.chain));
  if (bars.length > 0 && flop && chain > 0)
    bars.push({ name: '128-bit limit, one core', kind: 'limit', ms: flop / chain / 1e6 });
  return bars;
}

/** One panel from `top` on, as SVG; its bars share a scale. */
function panel(title, bars, top) {
  const longest = Math.max(...bars.map(({ ms }) => ms));
  const room = WIDTH - LEFT - RIGHT;
  const lines = bars.map(({ name, kind, ms }, i) => {
    const y = top + TITLE + i * (BAR + GAP);
    const width = Math.max(1, (ms / longest) * room).toFixed(1);
    return `  <text class="name" x="${LEFT - 8}" y="${y + 12}">${escape(name)}</text>
  <rect class="${kind}" x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="2"/>
  <text x="${(LEFT + Number(width) + 6).toFixed(1)}" y="${y + 12}">${digits(ms)} ms</text>`;
  });
  return `  <text class="title" x="12" y="${top + 14}">${escape(title)}</text>\n${lines.join('\n')}`;
}

/** A results file as an SVG picture, readable on a light and on a dark ground. */
export function plot(results) {
  const { device, machine, date, versions } = results;
  const where = device?.description ?? `${machine.cpu}, ${machine.cores} cores`;
  const panels = [];
  let top = HEAD;
  for (const [work, where] of PANELS) {
    const bars = bars_of(results, work, where);
    if (bars.length === 0) continue;
    const place = results.rows.find(({ id }) => id.startsWith(`${work} | ${where} |`)).where;
    panels.push(panel(`${WORK[work].title} (${place})`, bars, top));
    top += TITLE + bars.length * (BAR + GAP) + 14;
  }
  const subtitle = `${where}, ${date}; align-wasm ${versions['align-wasm']}, onnxruntime ${versions['onnxruntime-web']}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img">
  <title>Time of align-wasm and onnxruntime, shorter is better</title>
  <style>${STYLE}
  </style>
  <text class="title" x="12" y="18">Median time, shorter is better; one thread and fp32 where nothing else is said</text>
  <text class="small" x="12" y="34">${escape(subtitle)}</text>
${panels.join('\n')}
</svg>
`;
}

/** Draws all results files again. */
async function main() {
  const folder = new URL('results/', import.meta.url);
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue;
    const results = JSON.parse(await readFile(new URL(name, folder), 'utf8'));
    await writeFile(new URL(name.replace(/json$/, 'svg'), folder), plot(results));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
