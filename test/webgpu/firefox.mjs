// Opens the page whose address is the argument in Firefox, until standard input ends. A program of its own, as
// puppeteer-core wants a newer Node than the tests run in.

import process from 'node:process';
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
  headless: true,
  extraPrefsFirefox: {
    'dom.webgpu.enabled': true,
    'dom.webgpu.workers.enabled': true,
    'gfx.webgpu.ignore-blocklist': true,
  },
});
const page = await browser.newPage();
await page.goto(process.argv[2]);
process.stdin.resume().on('end', () => void browser.close().then(() => process.exit(0)));
