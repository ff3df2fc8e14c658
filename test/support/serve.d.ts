// The server of the web examples, which are plain JavaScript.

declare module '*/examples/serve.mjs' {
  type Folder = 'browser' | 'browser-search' | 'extension/demo';
  export function serve(
    port?: number,
  ): Promise<{ server: import('node:http').Server; pages: Record<Folder, string> }>;
}
