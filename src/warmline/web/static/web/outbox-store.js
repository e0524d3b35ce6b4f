// The outbox itself: what could not be sent, in this browser's IndexedDB. Every item has its user and its key, and nobody but
// this user gets to see it here. All changes of a moment are one transaction, whichever tab makes them.
//
// An item: {seq, user, key, kind, about, fields, contact, after, shown, to, at, state, reason, present, tries}. `kind` is
// "contact", "activity" or "warmness". `state` is "waiting", "refused", "changed" (another value holds by now), "late" (too
// old to be sent), or "sent": a contact whose id the activities logged with it need, or the warmness that was saved last.

const opened = () => new Promise((resolve, reject) => {
  const asked = indexedDB.open("warmline-outbox", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("items", { keyPath: "seq", autoIncrement: true });
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

// Calls `decide` with the user's items, oldest first; it returns {put, remove}: items and their `seq`. Returns the items as
// they are then, once they are safely stored.
export async function edit(user, decide) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const change = database.transaction("items", "readwrite", { durability: "strict" });
      const store = change.objectStore("items");
      let after = [];
      store.getAll().onsuccess = ({ target }) => {
        try {
          const { put = [], remove = [] } = decide(target.result.filter((item) => item.user === user)) ?? {};
          for (const item of put) store.put(item);
          for (const seq of remove) store.delete(seq);
          store.getAll().onsuccess = ({ target: last }) => { after = last.result.filter((item) => item.user === user); };
        } catch (error) {
          reject(error);
          change.abort();
        }
      };
      change.oncomplete = () => resolve(after);
      change.onabort = change.onerror = () => reject(change.error);
    });
  } finally {
    database.close();
  }
}

export const items = (user) => edit(user, () => null);
