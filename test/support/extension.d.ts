// What builds and opens the extension of the examples, which is plain JavaScript.

declare module '*/examples/extension/build.mjs' {
  export function build_extension(folder?: string): Promise<string>;
}

declare module '*/scripts/open_extension.mjs' {
  import type { BrowserContext, Page, Worker } from 'playwright-core';
  export function open_extension(
    folder: string,
    options?: object,
  ): Promise<{
    context: BrowserContext;
    worker: Worker;
    click(page: Page): Promise<void>;
    open_popup(page: Page): Promise<Page>;
    close(): Promise<void>;
  }>;
}

/** What the tests use of an extension's own interface. */
declare const chrome: {
  readonly storage: { readonly local: { set(items: object): Promise<void> } };
  readonly tabs: { query(which: object): Promise<object[]> };
  readonly contextMenus: { readonly onClicked: { dispatch(info: object, tab?: object): void } };
};
