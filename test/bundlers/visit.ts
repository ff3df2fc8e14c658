// The app in Chromium: its result, and everything that went on meanwhile.

import type { Browser, Page } from 'playwright-core';

/** What `answer` of the app gives. */
export interface Answer {
  readonly threads: number;
  readonly digest: string;
}

export interface Visit {
  readonly result: {
    /** Of the page, of the package's worker, of the app's, of that with threads. */
    readonly answers: readonly Answer[];
    /** What the policy refused the page and its worker. */
    readonly violations: readonly [page: readonly string[], worker: readonly string[]];
  };
  /** Every address that was asked for. */
  readonly requests: readonly string[];
  /** Errors and warnings of page and network. */
  readonly complaints: readonly string[];
}

/** Lets a page do what the policy forbids. */
export async function violate(page: Page): Promise<void> {
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = '0';
    document.head.append(script);
  });
}

/** Opens a page, waits for its result; `then` may do more with the page. An error in the page is one here. */
export async function visit(
  browser: Browser,
  url: string,
  then: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<Visit> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const [requests, complaints]: [string[], string[]] = [[], []];
    context.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (/error|warning/.test(message.type())) complaints.push(message.text());
    });
    const failure = new Promise<never>((_, reject) => page.on('pageerror', reject));
    failure.catch(() => undefined); // it may come before anybody waits for it
    await page.goto(url);
    const found = page.waitForFunction(() => (globalThis as { result?: unknown }).result, null);
    const handle = await Promise.race([found, failure]);
    await then(page);
    return { result: (await handle.jsonValue()) as Visit['result'], requests, complaints };
  } finally {
    await context.close();
  }
}
