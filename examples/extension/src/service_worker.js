// The model. It is loaded when it is first asked, and again after the browser has stopped this worker: nothing is kept here
// that a page or the storage does not have.

import { Align, LabelSet } from './align/bundle/index.js';
import { defaults } from './settings.js';

let loading = null;

/** The embedded model and the names' embeddings, which the build has computed. */
function namer() {
  loading ??= (async () => {
    const names = await fetch('names.bin').then((response) => response.arrayBuffer());
    return { model: await Align.load(), names: LabelSet.from_bytes(new Uint8Array(names)) };
  })().catch((error) => {
    loading = null; // the next call tries again
    throw error;
  });
  return loading;
}

/** Of a picture's data: address. Messages between a page and this worker are text. */
const bytes_of = (url) => Uint8Array.from(atob(url.split(',')[1]), (character) => character.charCodeAt(0));

const calls = {
  /** For every picture the best name and its score, the cosine: unlike a share it is low where no name fits. */
  async name({ pictures }) {
    const { model, names } = await namer();
    const found = await model.classify(pictures.map(bytes_of), names, { scores: 'cosine', top_k: 1 });
    return found.map(([{ label, score }]) => ({ name: label, score }));
  },

  /** Shares of the user's own labels. */
  async label({ picture }) {
    const { model } = await namer();
    const { labels } = await chrome.storage.local.get(defaults);
    return model.classify(bytes_of(picture), labels, { top_k: 5 });
  },

  /** What is seen of the tab, for pictures of other hosts, which a page may show and not read. */
  capture: (_, { tab }) => chrome.tabs.captureVisibleTab(tab.windowId, { format: 'png' }),
};

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  Promise.resolve(calls[message.kind](message, sender)).then(
    (value) => answer({ value }),
    (error) => answer({ error: error.message }),
  );
  return true; // the answer comes later
});

chrome.runtime.onInstalled.addListener(() => {
  chrome.contextMenus.create({ id: 'label', title: 'Label this picture', contexts: ['image'] });
});

chrome.contextMenus.onClicked.addListener(async ({ frameId = 0, srcUrl }, { id: tabId }) => {
  try {
    await chrome.scripting.executeScript({ target: { tabId, frameIds: [frameId] }, files: ['page.js'] });
    await chrome.tabs.sendMessage(tabId, { kind: 'label', src: srcUrl }, { frameId });
  } catch (error) {
    await chrome.action.setBadgeText({ tabId, text: '!' });
    await chrome.action.setTitle({ tabId, title: `This picture cannot be labelled: ${error.message}` });
  }
});
