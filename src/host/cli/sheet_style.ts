// How the contact sheet looks: rows of pictures in their own shapes, as a table of prints, by day and by night.

/** CSS without anything that would have to be loaded. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f2; --ink: #1d1c1a; --quiet: #77736c; --line: #e3e0da; --print: #fff; --accent: #b4532a; --chip: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #161513; --ink: #edeae4; --quiet: #98938a; --line: #2e2c29; --print: #232120; --accent: #e58a5c; --chip: #232120;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--ground); color: var(--ink); margin: 0 auto; max-width: 92rem;
  padding: clamp(1rem, 3vw, 2.5rem); font: 15px/1.45 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
header { padding-bottom: 1.1rem; margin-bottom: 1.4rem; border-bottom: 1px solid var(--line); }
header p, footer { color: var(--quiet); font-size: .87rem; overflow-wrap: anywhere; }
h1 { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; font-size: clamp(1.3rem, 3.6vw, 1.9rem);
  font-weight: 600; letter-spacing: -.015em; line-height: 1.25; margin-bottom: .55rem; overflow-wrap: anywhere; }
.part { min-width: 0; }
.part + .sign, .sign { color: var(--quiet); font-weight: 400; }
.minus { color: var(--quiet); text-decoration: line-through; text-decoration-thickness: .06em; }
.part img { display: block; height: 4.4rem; max-width: 14rem; object-fit: cover; border-radius: 6px; border: 1px solid var(--line);
  background: #fff; }
.minus img { opacity: .55; filter: grayscale(1); }
main { display: flex; flex-wrap: wrap; gap: 1.3rem 1rem; }
figure { flex: var(--ratio) 1 calc(var(--ratio) * 11.5rem); min-width: 0; max-width: calc(var(--ratio) * 20rem); }
.rest { flex: 1000 1 0; }
.picture { position: relative; aspect-ratio: var(--ratio); border-radius: 8px; overflow: hidden; background: var(--print);
  box-shadow: 0 0 0 1px var(--line), 0 1px 3px rgb(0 0 0 / .07); }
.picture img { display: block; width: 100%; height: 100%; object-fit: contain; background: #fff; }
.picture b { position: absolute; left: .5rem; top: .5rem; min-width: 1.55rem; padding: 0 .4rem; border-radius: 1rem; text-align: center;
  font-size: .75rem; line-height: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; background: rgb(255 255 255 / .88); color: #1d1c1a; box-shadow: 0 0 0 1px rgb(0 0 0 / .08); }
.missing { display: grid; place-items: center; height: 100%; color: var(--quiet); font-size: .87rem; }
figcaption { padding: .5rem .15rem 0; }
.score { display: flex; align-items: center; gap: .55rem; font-variant-numeric: tabular-nums; font-size: .87rem; font-weight: 600; }
.bar { flex: 1; height: 4px; border-radius: 2px; background: var(--line); overflow: hidden; }
.bar div { height: 100%; border-radius: 2px; background: var(--accent); }
.name, .folder { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.folder, .note { color: var(--quiet); font-size: .8rem; }
.note { color: var(--accent); }
footer { margin-top: 2.2rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media (max-width: 34rem) {
  main { gap: 1rem .75rem; }
  figure { flex-basis: calc(var(--ratio) * 8.6rem); }
}
@media print { body { max-width: none; } figure { break-inside: avoid; } }
`;
