// An inline svg as a picture of its own: with the colours that the page gives it, and what its <use> elements point at.

const STYLES = [
  'color fill fill-opacity fill-rule clip-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin',
  'stroke-dasharray stroke-dashoffset stroke-miterlimit opacity display visibility stop-color stop-opacity',
]
  .join(' ')
  .split(' ');
const SVG = 'http://www.w3.org/2000/svg';

/** A data: address of `svg`, `scale` times as large as its `box` in the page. */
export async function svg_source(svg, box, scale) {
  const copy = await copied(svg);
  if (!svg.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
  copy.setAttribute('width', box.width * scale);
  copy.setAttribute('height', box.height * scale);
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

async function copied(node) {
  if (node.localName === 'use') return used(node);
  const copy = node.cloneNode(false);
  if (node.namespaceURI !== SVG) return copy;
  copy.removeAttribute('class');
  copy.setAttribute('style', styles_of(node));
  for (const child of node.childNodes)
    if (!['script', 'foreignObject'].includes(child.localName)) copy.append(await copied(child));
  return copy;
}

function styles_of(element) {
  const style = getComputedStyle(element);
  return STYLES.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';');
}

/** A group with the styles of <use>, which its content inherits, around a copy of what it points at. */
async function used(use) {
  const group = document.createElementNS(SVG, 'g');
  const [x, y] = ['x', 'y'].map((name) => use[name].baseVal.value);
  group.setAttribute('transform', `${use.getAttribute('transform') ?? ''} translate(${x} ${y})`);
  group.setAttribute('style', styles_of(use));
  const target = await target_of(use);
  if (!target) return group;
  if (target.localName !== 'symbol') {
    group.append(target.cloneNode(true));
    return group;
  }
  const symbol = document.createElementNS(SVG, 'svg');
  for (const { name, value } of target.attributes) if (name !== 'id') symbol.setAttribute(name, value);
  for (const name of ['width', 'height'])
    if (use.hasAttribute(name)) symbol.setAttribute(name, use.getAttribute(name));
  symbol.append(...target.cloneNode(true).childNodes);
  group.append(symbol);
  return group;
}

/** In the same root, in the document, or in a file of the page's host. */
async function target_of(use) {
  const [file, id] = use.href.baseVal.split('#');
  if (!file) return use.getRootNode().getElementById(id) ?? use.ownerDocument.getElementById(id);
  const text = await (await fetch(new URL(file, use.baseURI), { cache: 'force-cache' })).text();
  return new DOMParser().parseFromString(text, 'image/svg+xml').getElementById(id);
}
