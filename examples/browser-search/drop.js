// The files of a drop, those in dropped folders too.

/** Every file that was dropped itself, and every picture in the folders. */
export async function files_of(transfer) {
  // Entries must be taken now: after the first await the drop is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files];
  const files = [];
  for (const entry of entries) {
    if (entry.isFile) files.push(await file_of(entry));
    else for await (const file of walk(entry)) if (file.type.startsWith('image/')) files.push(file);
  }
  return files;
}

const file_of = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function* walk(folder) {
  const reader = folder.createReader();
  for (;;) {
    // It gives a hundred or so at a time, and none at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry.isFile) yield await file_of(entry);
      else yield* walk(entry);
    }
  }
}
