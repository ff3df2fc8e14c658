// The sheet of `npm run evaluate -- --html FILE`: each held-out picture with the model's three best names among 500, the
// wrong ones first. One file without scripts.

const BEST = 3;

const STYLE = `
:root { color-scheme: light dark; --ground: #f6f5f2; --ink: #1d1c1a; --quiet: #77736c; --line: #e3e0da; --wrong: #b4532a; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #161513; --ink: #edeae4; --quiet: #98938a; --line: #2e2c29; --wrong: #e58a5c; }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--ink); margin: 0 auto; max-width: 88rem; padding: 2rem 1.5rem;
  font: 14px/1.4 ui-sans-serif, system-ui, sans-serif; }
h1 { font-size: 1.6rem; font-weight: 600; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .8rem; font-weight: 600; }
header p, h2 small { color: var(--quiet); font-weight: 400; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .8rem; }
figure { display: flex; gap: .7rem; border: 1px solid var(--line); border-radius: 8px; padding: .6rem; }
figure.wrong { border-color: var(--wrong); }
img { width: 48px; height: 48px; border-radius: 4px; background: #fff; flex: none; }
figcaption { min-width: 0; } figcaption b { display: block; overflow-wrap: anywhere; }
ol { padding: 0; list-style: none; font-size: .8rem; color: var(--quiet); } li.right { color: var(--ink); }
.wrong b + ol li:first-child { color: var(--wrong); }
`;

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const percent = (part, whole) => `${((100 * part) / whole).toFixed(0)} %`;

function figure({ name, png, best, right }) {
  const item = ({ label, score }) =>
    `<li${label === name ? ' class="right"' : ''}>${escaped(label)} ${(100 * score).toFixed(0)}&nbsp;%</li>`;
  return (
    `<figure${right ? '' : ' class="wrong"'}><img alt="" src="data:image/png;base64,${png.toString('base64')}">` +
    `<figcaption><b>${escaped(name)}</b><ol>${best.map(item).join('')}</ol></figcaption></figure>`
  );
}

/** The page; `sets` as read_held_out gives them. */
export async function answers_html(align, sets) {
  const parts = [];
  for (const [set, { names, pictures }] of sets) {
    const labels = await align.label_set(names);
    const scores = await align.classify(
      pictures.map(([, png]) => png),
      labels,
      { top_k: BEST },
    );
    const answers = pictures.map(([i, png], at) => ({
      name: names[i],
      png,
      best: scores[at],
      right: scores[at][0].label === names[i],
    }));
    const right = answers.filter((answer) => answer.right);
    const wrong = answers.filter((answer) => !answer.right);
    parts.push(
      `<h2>${escaped(set)} <small>${right.length} of ${answers.length} right, ${percent(right.length, answers.length)}</small></h2>`,
      `<main>${[...wrong, ...right].map(figure).join('\n')}</main>`,
    );
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>What the embedded model answers</title><style>${STYLE}</style></head>
<body><header><h1>What the embedded model answers</h1>
<p>Held-out drawings in a size of 48 pixels, each with its name and the model’s ${BEST} best among the 500 commonest names of the set; what it got wrong comes first.
Many a wrong answer is another word for the same drawing.</p></header>
${parts.join('\n')}
</body></html>
`;
}
