// The names that were written, and how they are taken back.

import { ask } from '../ask.js';
import { forget_capture } from './capture.js';
import { drawing } from './drawing.js';
import { is_unnamed, parent_of, roots_of, unnamed_elements } from './unnamed.js';

/** On an element that was named: what was written. Without extension it finds what an earlier copy of this script wrote. */
const MARK = 'data-icon-name';
/** On one that had an aria-label without a word in it: what it was. */
const WAS = 'data-icon-name-was';

/** ms without a change in the page before it is looked through again. */
const QUIET = 250;
/** What may show a button that was hidden, or change its icon. Not what is written here. */
const WATCHED = ['class', 'style', 'hidden', 'open', 'src', 'href', 'd', 'aria-hidden', 'disabled'];

export class Names {
  /** element -> { picture, name, score, refused, stale: its content has changed } */
  #found = new Map();
  #threshold = 0;
  #observer = new MutationObserver((changes) => this.#changed(changes));
  /** A frame has loaded another document, or a picture has come. */
  #loaded = () => this.#soon();
  #active = false;
  #timer = 0;
  #scanning = Promise.resolve();

  /** What the popup shows. An id is a place in the list. */
  list() {
    return {
      active: this.#active,
      icons: [...this.#found].map(([element, { picture, name, score, refused }], id) => {
        return { id, picture, name, score, refused, written: element.getAttribute(MARK) !== null };
      }),
    };
  }

  async begin(threshold) {
    this.#active = true;
    this.#threshold = threshold;
    await this.#scan();
    return this.list();
  }

  set_threshold(threshold) {
    this.#threshold = threshold;
    this.#write_all();
    return this.list();
  }

  refuse(id, refused) {
    [...this.#found.values()][id].refused = refused;
    this.#write_all();
    return this.list();
  }

  /** The page as it was before. */
  undo() {
    this.#active = false;
    this.#observer.disconnect();
    clearTimeout(this.#timer);
    for (const root of roots_of(document)) {
      root.removeEventListener('load', this.#loaded, true);
      root.querySelectorAll(`[${MARK}]`).forEach(take_back);
    }
    for (const element of this.#found.keys()) take_back(element); // out of the document at the moment
    this.#found.clear();
    return this.list();
  }

  /** One after the other. */
  #scan() {
    this.#scanning = this.#scanning
      .then(() => this.#look())
      .catch((error) => console.warn('Icon namer:', error.message));
    return this.#scanning;
  }

  async #look() {
    if (!this.#active) return;
    for (const root of roots_of(document)) {
      const attributes = { attributes: true, attributeFilter: WATCHED };
      this.#observer.observe(root, { subtree: true, childList: true, ...attributes });
      root.addEventListener('load', this.#loaded, true);
    }
    for (const element of this.#found.keys()) if (!is_there(element)) this.#found.delete(element);
    forget_capture();
    const drawn = [];
    for (const element of this.#to_draw()) {
      const picture = await drawing(element).catch(() => null); // nothing that can be drawn: it is left alone
      if (picture && picture !== this.#found.get(element)?.picture) drawn.push({ element, picture });
    }
    if (drawn.length === 0) return;
    const names = await ask('name', { pictures: drawn.map(({ picture }) => picture) });
    if (!this.#active) return;
    drawn.forEach(({ element, picture }, i) => {
      const refused = this.#found.get(element)?.refused ?? false;
      this.#found.set(element, { picture, refused, stale: false, ...names[i] });
    });
    this.#write_all();
  }

  /** New ones, and those whose content has changed, where the page has not named them meanwhile. */
  #to_draw() {
    const stale = [...this.#found].filter(([, found]) => found.stale);
    for (const [element, found] of stale) {
      found.stale = false;
      take_back(element);
      if (!is_unnamed(element)) this.#found.delete(element);
    }
    const fresh = unnamed_elements().filter((element) => !this.#found.has(element));
    this.#write_all();
    return [...fresh, ...stale.map(([element]) => element).filter((element) => this.#found.has(element))];
  }

  #write_all() {
    for (const [element, { name, score, refused }] of this.#found) {
      if (score >= this.#threshold && !refused) write(element, name);
      else take_back(element);
    }
  }

  #changed(changes) {
    for (const { target } of changes)
      for (let node = target; node; node = parent_of(node))
        if (this.#found.has(node)) this.#found.get(node).stale = true;
    this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#scan(), QUIET);
  }
}

/** In the page, and in no document that its frame has left. */
const is_there = (element) => element.isConnected && element.ownerDocument.defaultView !== null;

function write(element, name) {
  if (element.getAttribute(MARK) === name) return;
  take_back(element);
  const was = element.getAttribute('aria-label');
  if (was !== null) element.setAttribute(WAS, was);
  element.setAttribute('aria-label', name);
  element.setAttribute(MARK, name);
}

/** Unless the page has written a name of its own since. */
function take_back(element) {
  const [mark, was] = [element.getAttribute(MARK), element.getAttribute(WAS)];
  if (mark === null) return;
  if (element.getAttribute('aria-label') === mark) {
    if (was === null) element.removeAttribute('aria-label');
    else element.setAttribute('aria-label', was);
  }
  element.removeAttribute(MARK);
  element.removeAttribute(WAS);
}
