// What a public endpoint needs around a model; the examples are plain JavaScript.

declare module '*/examples/endpoint.js' {
  export function picture_endpoint(options: {
    about: Readonly<Record<string, unknown>>;
    classify: (picture: Uint8Array, options: { signal: AbortSignal }) => Promise<unknown>;
    max_bytes: number;
    max_held: number;
    max_ms: number;
    max_requests: number;
  }): (request: Request) => Promise<Response>;
}
