// What stays in the browser: the index as one value, and a thumbnail for each of its pictures.

/** A request or transaction of IndexedDB as a promise. */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = request.oncomplete = () => resolve(request.result);
    request.onerror = request.onabort = () => reject(request.error);
  });
}

export async function open_store(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('index');
    opening.result.createObjectStore('thumbnails');
  };
  const db = await done(opening);
  const read = (store, key) => done(db.transaction(store).objectStore(store).get(key));
  return {
    /** The bytes of the index, undefined where there is none yet. */
    index: () => read('index', 0),
    thumbnail: (id) => read('thumbnails', id),

    /** Index and thumbnails change together or not at all. */
    save(bytes, added, removed) {
      const all = db.transaction(['index', 'thumbnails'], 'readwrite');
      all.objectStore('index').put(bytes, 0);
      for (const [id, blob] of added) all.objectStore('thumbnails').put(blob, id);
      for (const id of removed) all.objectStore('thumbnails').delete(id);
      return done(all);
    },

    clear() {
      const all = db.transaction(['index', 'thumbnails'], 'readwrite');
      all.objectStore('index').clear();
      all.objectStore('thumbnails').clear();
      return done(all);
    },
  };
}
