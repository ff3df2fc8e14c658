/** The SHA-256 of all embeddings, and the beginning of each one's own. */
export function digests(embeddings: readonly Float32Array[]): Promise<{ digest: string; items: string[] }>;
