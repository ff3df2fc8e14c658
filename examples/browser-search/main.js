// The page: what is typed, dropped and clicked goes to the worker; what it finds is shown.

import { files_of } from './drop.js';

const PAGE = 60;
const EXAMPLES =
  'airplane bicycle bus camera dog fish guitar lock mushroom pizza sailboat scissors trophy umbrella';

const $ = (id) => document.getElementById(id);
const worker = new Worker('worker.js', { type: 'module' });
const answers = new Map();
/** Addresses of the thumbnails seen so far, by id. */
const thumbnails = new Map();
let calls = 0;
let latest = 0;
let limit = PAGE;
let like = null;
let adding = null;

function call(kind, value) {
  const number = ++calls;
  worker.postMessage({ call: number, kind, value });
  return new Promise((resolve, reject) => answers.set(number, { resolve, reject }));
}

worker.onmessage = ({ data: { call: number, event, value, error } }) => {
  if (event) return events[event](value);
  const { resolve, reject } = answers.get(number);
  answers.delete(number);
  if (error === undefined) resolve(value);
  else reject(new Error(error));
};
worker.onerror = () => say('The worker does not start. Is the package built (npm run build)?');

const events = {
  trouble: say,

  progress(state) {
    adding = state.done < state.total ? state : null;
    Object.assign($('progress'), { hidden: adding === null, max: state.total, value: state.done });
    show_failures(state.failed);
    if (adding !== null) return void refresh_now_and_then();
    notice = added_text(state);
    refresh_soon(0);
  },
};

/** Said once, before the number of results. */
let notice = '';

function say(text) {
  $('status').textContent = text;
}

const counted = (n, what = 'picture') => `${n} ${what}${n === 1 ? '' : 's'}`;

function added_text({ added, known, failed }) {
  const parts = [`${counted(added)} added`];
  if (known > 0) parts.push(`${known} already here`);
  if (failed.length > 0) parts.push(`${failed.length} could not be read`);
  return `${parts.join(', ')}. `;
}

function show_failures(failed) {
  const { firstElementChild: title, lastElementChild: list } = $('failures');
  $('failures').hidden = failed.length === 0;
  title.textContent = `${counted(failed.length, 'file')} could not be read`;
  list.replaceChildren(
    ...failed.map(({ name, why }) =>
      Object.assign(document.createElement('li'), { textContent: `${name}: ${why}` }),
    ),
  );
}

/** Shows what fits the query now. Of several at once the latest counts. */
async function refresh() {
  const number = ++latest;
  const text = $('query').value.trim();
  try {
    const { size, found } = await call('show', { text, like, limit });
    const best = found[0]?.score;
    const tiles = await Promise.all(found.map((match) => tile(match, match.score < best / 2)));
    if (number !== latest) return;
    // A tile that stays keeps its element, and the focus where it is on one.
    const focused = document.activeElement;
    const old = new Map([...$('results').children].map((item) => [item.dataset.id, item]));
    $('results').replaceChildren(...tiles.map((item) => reuse(old.get(item.dataset.id), item)));
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    $('empty').hidden = size > 0 || adding !== null;
    $('clear').hidden = size === 0;
    $('more').hidden = found.length >= size;
    say(status(size, text));
  } catch (error) {
    if (number === latest) say(error.message);
  }
}

function status(size, text) {
  if (adding) return `Looking at pictures: ${adding.done} of ${adding.total}`;
  const said = notice;
  notice = '';
  if (size === 0) return said;
  const what = [text && `“${text}”`, like && 'the picture'].filter(Boolean).join(' and ');
  return `${said}${counted(size)}, ${what ? `those that fit ${what} best first` : 'the latest first'}.`;
}

let timer = null;

function refresh_soon(ms = 120) {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(), ms);
}

let now_and_then = false;

/** While pictures come in, one refresh after the other: what is typed meanwhile is not held up. */
async function refresh_now_and_then() {
  if (now_and_then) return;
  now_and_then = true;
  await refresh();
  setTimeout(() => (now_and_then = false), 400);
}

async function tile({ id, name, score }, weak) {
  if (!thumbnails.has(id)) {
    const blob = await call('thumbnail', id);
    if (blob) thumbnails.set(id, URL.createObjectURL(blob));
  }
  const item = $('tile').content.firstElementChild.cloneNode(true);
  item.dataset.id = id;
  item.classList.toggle('weak', weak);
  item.querySelector('img').src = thumbnails.get(id) ?? '';
  item.querySelector('.name').textContent = item.querySelector('.name').title = name;
  item.querySelector('.score').textContent = score === null ? '' : score.toFixed(2);
  for (const span of item.querySelectorAll('button .quiet')) span.textContent = ` ${name}`;
  item.querySelector('.more-like').onclick = async () =>
    set_like(await call('embedding', id), thumbnails.get(id));
  item.querySelector('.remove').onclick = () => remove(id, name);
  return item;
}

/** `old` with what may have changed, or `item` where there is none. */
function reuse(old, item) {
  if (!old) return item;
  old.className = `${item.className} old`;
  old.querySelector('.score').textContent = item.querySelector('.score').textContent;
  return old;
}

async function remove(id, name) {
  const item = $('results').querySelector(`[data-id="${id}"]`);
  const next = item.nextElementSibling ?? item.previousElementSibling;
  await call('remove', id);
  URL.revokeObjectURL(thumbnails.get(id));
  thumbnails.delete(id);
  notice = `${name} removed. `;
  next?.querySelector('.remove').focus();
  await refresh();
}

function set_like(embedding, picture) {
  like = embedding;
  $('like').hidden = like === null;
  $('like').querySelector('img').src = picture ?? '';
  $('query').placeholder = like ? 'and words, if you like' : 'a sailboat';
  $('query').focus();
  limit = PAGE;
  void refresh();
}

async function search_by(file) {
  if (!file) return;
  try {
    set_like(await call('embed', file), URL.createObjectURL(file));
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
}

function add(files) {
  if (files.length > 0) void call('add', files).catch((error) => say(error.message));
}

/** Lets the user choose with one of the page's hidden inputs. */
function pick(input, use) {
  input.onchange = () => {
    use([...input.files]);
    input.value = '';
  };
  input.click();
}

const pictures_only = (files) => files.filter(({ type }) => type.startsWith('image/'));
const picks = {
  files: () => pick($('files'), add),
  folder: () => pick($('folder'), (files) => add(pictures_only(files))),
  query: () => pick($('picture'), ([file]) => void search_by(file)),
};
for (const button of document.querySelectorAll('[data-pick]')) button.onclick = picks[button.dataset.pick];

$('query').oninput = () => {
  limit = PAGE;
  refresh_soon();
};
$('like').onclick = () => set_like(null);
$('more').onclick = () => {
  limit += PAGE;
  void refresh();
};
$('clear').onclick = async () => {
  if (!confirm('Remove all pictures from this page? Your files stay where they are.')) return;
  await call('clear');
  for (const url of thumbnails.values()) URL.revokeObjectURL(url);
  thumbnails.clear();
  show_failures([]);
  set_like(null);
};
$('examples').onclick = async () => {
  const load = async (name) => {
    const response = await fetch(`../pictures/${name}.png`);
    return new File([await response.blob()], `${name}.png`, { type: 'image/png' });
  };
  add(await Promise.all(EXAMPLES.split(' ').map(load)));
};

let over = 0;
const dropping = (change) =>
  document.body.classList.toggle('dropping', (over = Math.max(0, over + change)) > 0);
addEventListener('dragenter', () => dropping(1));
addEventListener('dragleave', () => dropping(-1));
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', async (event) => {
  event.preventDefault();
  dropping(-over);
  add(await files_of(event.dataTransfer));
});
addEventListener('paste', ({ clipboardData }) => {
  const [file] = pictures_only([...clipboardData.files]);
  if (file) void search_by(file);
});

void refresh();
