// Messages with an answer: { value } or { error }.

/** Asks the service worker. */
export async function ask(kind, message = {}) {
  return opened(await chrome.runtime.sendMessage({ kind, ...message }));
}

/** Asks the script in a tab's page. */
export async function ask_page(tab, kind, message = {}) {
  return opened(await chrome.tabs.sendMessage(tab, { kind, ...message }, { frameId: 0 }));
}

function opened({ value, error }) {
  if (error !== undefined) throw new Error(error);
  return value;
}
