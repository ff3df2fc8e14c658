/** Files in one blob: a JSON line with names and sizes, then their bytes. */
export function unpack(blob) {
  const end = blob.indexOf(10);
  const files = new Map();
  let at = end + 1;
  for (const [name, size] of JSON.parse(new TextDecoder().decode(blob.subarray(0, end)))) {
    files.set(name, blob.slice(at, at + size));
    at += size;
  }
  return files;
}
