// What the page does: a button of its own kind, and a player whose button changes.

const GEAR =
  'M10.325 4.317c.426-1.756 2.924-1.756 3.350 0a1.724 1.724 0 0 0 2.573 1.066c1.543-.94 3.310.826 2.370 2.370a1.724 1.724 0 0 0 1.065 2.572c1.756.426 1.756 2.924 0 3.350a1.724 1.724 0 0 0-1.066 2.573c.940 1.543-.826 3.310-2.370 2.370a1.724 1.724 0 0 0-2.572 1.065c-.426 1.756-2.924 1.756-3.350 0a1.724 1.724 0 0 0-2.573-1.066c-1.543.940-3.310-.826-2.370-2.370a1.724 1.724 0 0 0-1.065-2.572c-1.756-.426-1.756-2.924 0-3.350a1.724 1.724 0 0 0 1.066-2.573c-.940-1.543.826-3.310 2.370-2.370c1 .608 2.296.070 2.572-1.065M9 12a3 3 0 1 0 6 0a3 3 0 0 0-6 0';
const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
  button { display: grid; padding: 9px; border: 0; background: none; color: inherit; cursor: pointer; }
  svg { width: 24px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
`);

customElements.define(
  'demo-button',
  class extends HTMLElement {
    connectedCallback() {
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [SHEET];
      root.innerHTML = `<button><svg viewBox="0 0 24 24"><path d="${GEAR}"/></svg></button>`;
    }
  },
);

const play = document.getElementById('play');
play.onclick = () => play.firstElementChild.classList.toggle('pause');
