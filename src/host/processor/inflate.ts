// zlib data by the web's own DecompressionStream, never further than a limit.

/** Calls `take` with each inflated part until `limit` bytes have come. Resolves to how many came; rejects on damaged data. */
export async function inflate(
  parts: readonly Uint8Array[],
  limit: number,
  take: (part: Uint8Array) => void = () => undefined,
): Promise<number> {
  const source = new Blob(parts as Uint8Array<ArrayBuffer>[]).stream();
  const reader = source.pipeThrough(new DecompressionStream('deflate')).getReader();
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return size;
    size += value.length;
    take(value);
    if (size > limit) {
      await reader.cancel();
      return size;
    }
  }
}

/** Inflated bytes, or null where they are damaged or more than `limit`. */
export async function inflate_bytes(data: Uint8Array, limit: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  const size = await inflate([data], limit, (part) => void parts.push(part)).catch(() => null);
  if (size === null || size > limit) return null;
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
