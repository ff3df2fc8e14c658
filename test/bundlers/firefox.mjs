// Opens the pages of the arguments in Firefox and prints their results, each once the page has done what its policy forbids.
// A program of its own, as puppeteer-core wants a newer Node than the tests run in.

import { argv, env } from 'node:process';
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: env.FIREFOX ?? '/usr/bin/firefox-esr',
  headless: true,
});
try {
  const results = [];
  for (const url of argv.slice(2)) {
    const page = await browser.newPage();
    const failure = new Promise((_, reject) => page.on('pageerror', reject));
    await page.goto(url);
    await Promise.race([page.waitForFunction('globalThis.result'), failure]);
    await page.evaluate(
      "document.head.append(Object.assign(document.createElement('script'), { text: '0' }))",
    );
    await page.waitForFunction('globalThis.result.violations[0].length > 0');
    results.push(await page.evaluate('globalThis.result'));
    await page.close();
  }
  console.log(JSON.stringify(results));
} finally {
  await browser.close();
}
