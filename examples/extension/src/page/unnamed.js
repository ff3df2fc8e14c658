// Which elements have no accessible name. The rules are those of https://www.w3.org/TR/accname-1.2/, as far as buttons and
// links need them.

const WANTED =
  'button, a[href], summary, input[type=image], input[type=button], [role=button], [role=link], [role=menuitem], [role=tab]';
/** A glyph of an icon font: read aloud it is nothing. */
const PRIVATE = /[\p{Co}\s]/gu;

const SILENT = new Set(['script', 'style', 'template', 'defs', 'symbol']);

const says = (text) => (text ?? '').replace(PRIVATE, '') !== '';

/** Document, open shadow roots and documents of frames below `root`, itself first. Another host's frame shows none. */
export function* roots_of(root) {
  yield root;
  for (const element of root.querySelectorAll('*')) {
    const inner = element.shadowRoot ?? (element.localName === 'iframe' ? element.contentDocument : null);
    if (inner) yield* roots_of(inner);
  }
}

/** Buttons and links that are shown, to screen readers too, and have no name. */
export function unnamed_elements() {
  return [...roots_of(document)].flatMap((root) => [...root.querySelectorAll(WANTED)]).filter(is_unnamed);
}

export const is_unnamed = (element) => is_exposed(element) && !has_name(element);

/** Parent through slots, shadow roots and frames: as it is shown. */
export const parent_of = (node) =>
  node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? frame_of(node);

/** The frame that shows the document of `node`, or null. */
export const frame_of = (node) => node.ownerDocument?.defaultView?.frameElement ?? null;

/** Children as they are shown: of a slot what is put into it, of a host what is in its shadow root. */
export function children_of(node) {
  if (node.shadowRoot) return [...node.shadowRoot.childNodes];
  const assigned = node.localName === 'slot' ? node.assignedNodes() : [];
  return assigned.length > 0 ? assigned : [...node.childNodes];
}

/** Shown, or without a box of its own around children that are. */
const is_shown = (element) =>
  element.checkVisibility({ visibilityProperty: true }) || getComputedStyle(element).display === 'contents';

function is_exposed(element) {
  if (!is_shown(element)) return false;
  for (let node = element; node; node = parent_of(node))
    if (node.getAttribute('aria-hidden') === 'true' || node.inert) return false;
  return true;
}

function has_name(element) {
  const by = (element.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean);
  const root = element.getRootNode();
  return (
    by.some((id) => has_text(root.getElementById(id), true)) ||
    [...(element.labels ?? [])].some((label) => has_text(label)) ||
    (element.localName === 'input' && says(element.value)) ||
    has_text(element)
  );
}

/** Whether a screen reader finds words in `node`. What aria-labelledby points at may be `hidden`. */
function has_text(node, hidden = false) {
  if (node?.nodeType === Node.TEXT_NODE) return says(node.data);
  if (node?.nodeType !== Node.ELEMENT_NODE || SILENT.has(node.localName)) return false;
  const is_title = node.localName === 'title' && node.parentElement?.localName === 'svg'; // has no box, and counts
  if (!hidden && !is_title && (node.getAttribute('aria-hidden') === 'true' || !is_shown(node))) return false;
  return (
    ['aria-label', 'alt', 'title'].some((name) => says(node.getAttribute(name))) ||
    ['::before', '::after'].some((part) => says(content_of(node, part))) ||
    children_of(node).some((child) => has_text(child, hidden))
  );
}

/** Text that a style sheet puts before or after an element. */
export function content_of(element, part) {
  const text = /^"((?:[^"\\]|\\.)*)"/.exec(getComputedStyle(element, part).content);
  return text ? text[1].replace(/\\(.)/g, '$1') : '';
}
