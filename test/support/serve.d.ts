// The server of the web examples, which are plain JavaScript.

declare module '*/examples/serve.mjs' {
  export function serve(port?: number): Promise<{ server: import('node:http').Server; page: string }>;
}
