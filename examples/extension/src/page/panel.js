// A small panel beside a picture, in a shadow root of its own that the page's styles do not reach.

const STYLE = `
  :host { all: initial; position: fixed; z-index: 2147483647; color-scheme: light dark; }
  section {
    box-sizing: border-box; width: 16rem; padding: 0.7rem 0.9rem; border: 1px solid light-dark(#dcdcd8, #34373d);
    border-radius: 0.8rem; background: light-dark(#fff, #1f2125); color: light-dark(#1b1c1f, #ececea);
    box-shadow: 0 6px 24px rgb(0 0 0 / 25%); font: 14px/1.5 system-ui, sans-serif;
  }
  header { display: flex; justify-content: space-between; align-items: center; font-weight: 600; }
  button { border: 0; border-radius: 0.4rem; background: none; color: inherit; font: inherit; cursor: pointer; }
  p, ol { margin: 0.3rem 0 0; padding: 0; list-style: none; }
  li { display: grid; grid-template-columns: 1fr 4rem 3rem; gap: 0.5rem; align-items: center; }
  meter { width: 100%; height: 0.6rem; }
  .score { text-align: right; font-variant-numeric: tabular-nums; }
`;

let host = null;

/** Shows { text } or { scores } beside `image`; Escape and the button close it. */
export function show_panel({ text, scores = [] }, image) {
  if (!host?.isConnected) open(image);
  host.say(text, scores);
}

function open(image) {
  host = document.createElement('icon-namer-panel');
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet(); // a <style> might be against the page's policy
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const close = make('button', { type: 'button', textContent: '×', ariaLabel: 'Close', onclick: shut });
  const body = make('div', { role: 'status' });
  const panel = make('section', { ariaLabel: 'Labels of the picture' });
  panel.append(make('header', {}, make('span', { textContent: 'Labels' }), close), body);
  root.append(panel);
  host.say = (text, scores) =>
    body.replaceChildren(
      text === undefined ? make('ol', {}, ...scores.map(row)) : make('p', { textContent: text }),
    );
  addEventListener('keydown', on_key, true);
  const { right, top } = image.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  host.style.left = `${Math.max(8, Math.min(right + 8, clientWidth - 264))}px`;
  host.style.top = `${Math.max(8, Math.min(top, clientHeight - 200))}px`;
  document.documentElement.append(host);
}

function shut() {
  host?.remove();
  removeEventListener('keydown', on_key, true);
}

const on_key = ({ key }) => key === 'Escape' && shut();

function row({ label, score }) {
  const share = make('span', { className: 'score', textContent: `${Math.round(100 * score)} %` });
  return make(
    'li',
    {},
    make('span', { textContent: label }),
    make('meter', { value: score, ariaHidden: 'true' }),
    share,
  );
}

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
