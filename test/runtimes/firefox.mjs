// Opens the page whose address is the argument in Firefox and prints its `globalThis.result`; an error in the page is one
// here. A program of its own, as puppeteer-core wants a newer Node than the tests run in.

import process from 'node:process';
import puppeteer from 'puppeteer-core';

const [address, executablePath] = process.argv.slice(2);
// The wait below ends a page that does not answer, and on a busy machine it may take minutes.
const browser = await puppeteer.launch({
  ...{ browser: 'firefox', executablePath, headless: true },
  protocolTimeout: 0,
});
try {
  const page = await browser.newPage();
  const failure = new Promise((_, reject) => page.on('pageerror', reject));
  failure.catch(() => undefined); // it may come before anybody waits for it
  await page.goto(address);
  const result = page.waitForFunction(() => globalThis.result, { timeout: 400_000 });
  console.log(JSON.stringify(await (await Promise.race([result, failure])).jsonValue()));
} finally {
  await browser.close();
}
