// The popup: names the icons of the page in front, shows what they were named and how well it fits, takes it back.

import { ask_page } from './ask.js';
import { defaults } from './settings.js';

const $ = (id) => document.getElementById(id);
const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
const settings = await chrome.storage.local.get(defaults);

const counted = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

function show({ active, icons }) {
  $('name').hidden = active;
  $('undo').hidden = !active;
  $('icons').hidden = icons.length === 0;
  const old = [...$('icons').children];
  icons.forEach((icon, i) => fill(old[i] ?? new_row(), icon));
  for (const row of old.slice(icons.length)) row.remove();
  if (!active) return;
  const written = icons.filter((icon) => icon.written).length;
  const left = icons.length - written;
  $('status').textContent =
    icons.length === 0
      ? 'No button or link here shows an icon alone. New ones are named as they come.'
      : `${counted(written, 'icon')} named${left > 0 ? `, ${left} left alone` : ''}. New ones are named as they come.`;
}

function new_row() {
  $('icons').append($('icon').content.cloneNode(true));
  return $('icons').lastElementChild;
}

/** A row keeps its elements, and so the focus. */
function fill(row, { id, picture, name, score, refused, written }) {
  const [image, label, number, button, bar] = row.children;
  row.classList.toggle('left', !written);
  image.src = picture;
  label.textContent = label.title = written ? name : `not “${name}”`;
  number.textContent = score.toFixed(2);
  bar.style.setProperty('--score', Math.max(0, score));
  button.textContent = refused ? 'Name' : 'Undo';
  button.ariaLabel = `${button.textContent} ${name}`;
  button.hidden = !written && !refused;
  button.onclick = () =>
    attempt(async () => show(await ask_page(tab.id, 'refuse', { id, refused: !refused })));
}

async function attempt(task) {
  try {
    await task();
  } catch (error) {
    $('status').textContent = `This page cannot be changed: ${error.message}`;
  }
}

$('name').onclick = () =>
  attempt(async () => {
    $('status').textContent = 'Looking at the icons …';
    await chrome.scripting.executeScript({ target: { tabId: tab.id }, files: ['page.js'] });
    show(await ask_page(tab.id, 'name', { threshold: settings.threshold }));
    $('undo').focus();
  });

$('undo').onclick = () =>
  attempt(async () => {
    show(await ask_page(tab.id, 'undo'));
    $('status').textContent = 'The page is as it was.';
    $('name').focus();
  });

const show_threshold = () => ($('least').textContent = Number($('threshold').value).toFixed(2));
$('threshold').value = settings.threshold;
show_threshold();
$('threshold').oninput = async () => {
  show_threshold();
  settings.threshold = Number($('threshold').value);
  await chrome.storage.local.set({ threshold: settings.threshold });
  if (!$('undo').hidden) await attempt(async () => show(await ask_page(tab.id, 'threshold', settings)));
};

$('labels').value = settings.labels.join(', ');
$('labels').onchange = async () => {
  const labels = [
    ...new Set(
      $('labels')
        .value.split(/[,\n]/)
        .map((text) => text.trim()),
    ),
  ].filter(Boolean);
  await chrome.storage.local.set({ labels: labels.length > 0 ? labels : defaults.labels });
};

// Nobody is there in a page where nothing was named.
await ask_page(tab.id, 'list').then(show, () => undefined);
