// The bytes of a response, counted as they come.

/** Hears how many bytes of all have come. */
export type Arrived = (loaded: number, total: number) => void;

/** The body of `response`. `arrived` is told of it where the server says how long it is, and it is not packed. */
export async function body_bytes(response: Response, arrived?: Arrived): Promise<Uint8Array<ArrayBuffer>> {
  const total = Number(response.headers.get('content-length'));
  const counts = total > 0 && !response.headers.has('content-encoding');
  if (!arrived || !counts || response.body === null) return new Uint8Array(await response.arrayBuffer());
  let loaded = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      loaded += part.length;
      arrived(Math.min(loaded, total), total);
      controller.enqueue(part);
    },
  });
  return new Uint8Array(await new Response(response.body.pipeThrough(counted)).arrayBuffer());
}
