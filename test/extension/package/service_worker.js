// Answers questions: 'service worker' itself, 'offscreen' by an offscreen document and its worker.

import { answer, violations } from './answer.js';

/** Another one after every start. */
const start = crypto.randomUUID();

async function ask_offscreen() {
  const url = 'offscreen.html';
  const [open] = await chrome.runtime.getContexts({ contextTypes: ['OFFSCREEN_DOCUMENT'] });
  if (!open)
    await chrome.offscreen.createDocument({ url, reasons: ['WORKERS'], justification: 'two threads' });
  return chrome.runtime.sendMessage('offscreen document');
}

const QUESTIONS = {
  'service worker': async () => ({ start, answers: [await answer()], violations }),
  offscreen: ask_offscreen,
  // What the test has to hear of.
  'do wrong': async () => {
    await fetch('http://elsewhere.test/').catch(() => undefined);
    setTimeout("'evaluated'");
    await new Promise((resume) => setTimeout(resume, 100));
    return { violations };
  },
};

chrome.runtime.onMessage.addListener((question, _, reply) => {
  const found = QUESTIONS[question];
  if (!found) return false;
  found().then(reply, (error) => reply({ error: String(error?.stack ?? error) }));
  return true;
});
