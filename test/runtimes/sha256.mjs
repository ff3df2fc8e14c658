/** SHA-256 of typed arrays, buffers and texts one after another, in hex. */
export async function sha256(parts) {
  const hash = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
