// Opens the page whose address is the argument in Firefox and prints its `globalThis.result`; an error in the page is one
// here. A program of its own, as puppeteer-core wants a newer Node than the tests run in.

import process from 'node:process';
import puppeteer from 'puppeteer-core';

const [address, executablePath] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
try {
  const page = await browser.newPage();
  const failure = new Promise((_, reject) => page.on('pageerror', reject));
  failure.catch(() => undefined); // it may come before anybody waits for it
  await page.goto(address);
  const result = page.waitForFunction(() => globalThis.result, { timeout: 200_000 });
  console.log(JSON.stringify(await (await Promise.race([result, failure])).jsonValue()));
} finally {
  await browser.close();
}
