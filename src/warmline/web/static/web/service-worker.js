// Shows what this browser has kept while Warmline cannot be reached: the pages that its user saw last. The network comes
// first; a page is kept only if the server allows it (web/offline_pages.py), for as long as its user is signed in.

const PAGES = "warmline-pages-"; // with the user
const FILES = "warmline-files";
const MOST = 60; // pages; the oldest go first
const PATIENCE = 20000; // milliseconds for a page of which there is a kept copy
const KEPT_AT = "Warmline-Kept-At";
const FRESH_FOR = 86400000;
let turns = 0; // rises when what is kept is deleted, so that an answer which was on its way is not kept after all

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
  if (request.mode === "navigate" && request.method === "POST" && url.pathname === "/sign-out") event.respondWith(signOut(request));
  else if (request.mode === "navigate" && request.method === "GET") event.respondWith(page(event));
  else if (request.method === "GET" && url.pathname.startsWith("/static/")) event.respondWith(file(event));
});

addEventListener("message", (event) => event.waitUntil(keepAhead(event.data)));

// --- Pages. ---

async function page(event) {
  const began = turns;
  const kept = await find(event.request.url);
  let answer;
  try {
    answer = await within(kept ? PATIENCE : 0, fetch(event.request));
  } catch {
    return kept ? shown(kept, "") : shell();
  }
  if ([502, 503, 504].includes(answer.status) && !answer.headers.has("Warmline-Matter") && kept) return shown(kept, "");
  event.waitUntil(keep(event.request.url, answer.clone(), began));
  return answer;
}

const within = (wait, answer) => (wait ? Promise.race([answer, new Promise((_, late) => setTimeout(late, wait))]) : answer);

async function find(address) {
  for (const name of await caches.keys()) {
    const found = name.startsWith(PAGES) && (await (await caches.open(name)).match(withoutHash(address)));
    if (found) return found;
  }
  return null;
}

const withoutHash = (address) => address.split("#")[0];

async function keep(address, answer, began) {
  if (answer.ok && new URL(answer.url || address).pathname === "/sign-in") return forget();
  const user = answer.headers.get("Warmline-Keep");
  if (!user || answer.status !== 200 || answer.redirected) return null;
  const text = (await answer.text())
    // A kept form gets a key of its own, and a fresh token when it is handed in (outbox.js).
    .replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1")
    .replace(/("X-CSRFToken": ")[^"]*/g, "$1")
    .replace(/(name="idempotency_key" value=")[^"]*/g, "$1");
  await keepFiles([...text.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)].map(([, path]) => path));
  const headers = new Headers(answer.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  headers.set(KEPT_AT, Date.now());
  if (began !== turns) return null;
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES) || name === PAGES + user) continue;
    began = turns += 1; // somebody else has signed in
    await caches.delete(name);
  }
  const cache = await caches.open(PAGES + user);
  await cache.delete(withoutHash(address));
  await cache.put(withoutHash(address), new Response(text, { headers }));
  const addresses = await cache.keys();
  for (const old of addresses.slice(0, Math.max(0, addresses.length - MOST))) await cache.delete(old);
  return began === turns ? null : forget();
}

// Keeps the scripts and the like of a page that are not kept yet; each is refreshed whenever a page uses it.
async function keepFiles(paths) {
  const cache = await caches.open(FILES);
  await Promise.allSettled(paths.map(async (path) => (await cache.match(path)) || cache.add(path)));
}

async function shown(kept, more) {
  const text = (await kept.text()).replace("<html ", `<html data-offline="${kept.headers.get(KEPT_AT)}" ${more}`);
  return new Response(text, { headers: kept.headers });
}

// A page that was not kept: the page of the outbox stands in for it.
async function shell() {
  const kept = await find(new URL("/outbox", location.origin).href);
  if (kept) return shown(kept, 'data-missing="yes" ');
  const words = "Warmline cannot be reached, and this browser has kept no page of it. Check your connection, then reload.";
  const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'" };
  return new Response(`<!doctype html><html lang="en"><title>Offline · Warmline</title><meta name="viewport" content="width=device-width"><h1>Offline</h1><p>${words}</p></html>`, { status: 503, headers });
}

// --- Signing out. ---

async function forget() {
  turns += 1;
  for (const name of await caches.keys()) if (name.startsWith(PAGES)) await caches.delete(name);
}

async function signOut(request) {
  await forget();
  try {
    return await fetch(request);
  } catch {
    return shell();
  } finally {
    await forget();
  }
}

// --- Scripts, styles and pictures, and the pages that are always there. ---

async function file(event) {
  const cache = await caches.open(FILES);
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(cache.put(event.request, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await cache.match(event.request);
    if (kept) return kept;
    throw error;
  }
}

async function keepAhead({ user, pages, files }) {
  const began = turns;
  await keepFiles(files); // with those that scripts import
  for (const name of pages) {
    const address = new URL(name, location.origin).href;
    const kept = await find(address);
    if (kept && kept.headers.get("Warmline-Keep") === user && Date.now() - Number(kept.headers.get(KEPT_AT)) < FRESH_FOR) continue;
    const answer = await fetch(address, { headers: { "Warmline-Keeping": "yes" } }).catch(() => null);
    if (answer) await keep(address, answer, began);
  }
}
