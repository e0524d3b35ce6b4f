// The outbox: a new contact, an activity or a warmness that cannot be sent is kept in this browser, and handed in once Warmline
// can be reached: when a page opens, when the browser is online again, and every 30 seconds. Only in the session of whoever
// made it. The server does each item once, by its key (views/outbox.py), so one whose answer was lost is simply sent again.
//
// It works where the service worker does (offline.js). Elsewhere a form keeps what was typed, as live.js says.

import { edit, items } from "./outbox-store.js";

const DAY = 86400000;
const OFFERED_FOR = 30 * DAY; // as in views/outbox.py; the server remembers keys for longer
const PATIENCE = 45000; // milliseconds for an answer; a network that is there in name only gives none
const EVERY = 30000;
const NOT_SENT = new Set(["csrfmiddlewaretoken", "idempotency_key", "typed_by", "stay"]);
const UNREACHABLE = new Set([502, 503, 504]); // from a reverse proxy whose Warmline is gone

export const user = document.getElementById("kept-here")?.dataset.user;
const isOldPage = () => "offline" in document.documentElement.dataset; // kept by the service worker
const heard = new Set(); // called with the items whenever they change
let isReady = false;
let isSignedOut = false;
let isReached = true; // whether Warmline answered when it was asked last
const channel = "BroadcastChannel" in window ? new BroadcastChannel("warmline-outbox") : null;

// --- What is kept. ---

export async function change(decide) {
  const found = await edit(user, decide);
  channel?.postMessage("changed");
  for (const tell of heard) tell(found);
  return found;
}
export const whenever = (tell) => {
  heard.add(tell);
  if (isReady) items(user).then(tell);
};
const again = async () => { const found = await items(user); for (const tell of heard) tell(found); };
export const isUnsent = (item) => item.state !== "sent";
export const newKey = () => crypto.randomUUID();

export const keep = (item) => change((all) => {
  if (all.some(({ key }) => key === item.key)) return null; // pressed twice
  const known = all.findLast(({ kind, contact }) => kind === "warmness" && item.kind === kind && contact === item.contact);
  const whole = { user, key: newKey(), at: Date.now(), state: "waiting", tries: 0, fields: [], ...item };
  if (known?.state !== "waiting") return { put: [whole] };
  const shown = [...known.shown, known.to];
  // Nobody is told of each step on the way to a value, unless it may have arrived.
  return { put: [known.tries ? { ...whole, shown: [known.to] } : { ...known, shown, to: item.to, at: whole.at }] };
});

// --- Which forms and controls it is for, and what they would have sent. ---

const ADD = "/contacts/new";
const numberIn = (path, pattern) => path?.match(pattern)?.[1];

function itemOf(element) {
  const path = element.getAttribute?.("hx-post");
  if (element.matches("select.warmness")) {
    const shown = [...element.options].find((option) => option.defaultSelected) ?? element.options[0];
    const contact = numberIn(path, /^\/contacts\/(\d+)\/warmness$/);
    return contact && { kind: "warmness", contact, about: element.ariaLabel, shown: [shown.value], to: element.value };
  }
  if (!element.matches("form") || (path !== ADD && !/^\/contacts\/\d+\/activities$/.test(path ?? ""))) return null;
  const fields = [...new FormData(element)].filter(([name]) => !NOT_SENT.has(name));
  const key = element.querySelector("[name=idempotency_key]")?.value || newKey();
  if (path === ADD) return { kind: "contact", key, fields, about: fields.find(([name]) => name === "name")?.[1] ?? "" };
  const about = element.dataset.name ?? document.querySelector("#head h1")?.textContent ?? "";
  return { kind: "activity", key, fields, contact: numberIn(path, /^\/contacts\/(\d+)/), about };
}

// A kept page has none, so that no two forms have the same.
for (const field of document.querySelectorAll("[name=idempotency_key]")) if (!field.value && isSecureContext) field.value = newKey();

const passed = new WeakSet(); // events that are for live.js after all
async function take(event) {
  const { elt } = event.detail;
  const item = isReady && !passed.has(event) && itemOf(elt);
  if (!item) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  try {
    await keep(item);
  } catch { // no room in this browser: the form keeps what was typed
    const failed = new CustomEvent("htmx:sendError", { bubbles: true, detail: event.detail });
    passed.add(failed);
    return elt.dispatchEvent(failed);
  }
  showKept(elt, item);
  if (isOldPage()) deliver();
}

const listen = (name, isMeant) => document.addEventListener(name, (event) => { if (isMeant(event.detail)) take(event); }, true);
listen("htmx:sendError", () => true);
listen("htmx:timeout", () => true);
listen("htmx:responseError", ({ xhr }) => UNREACHABLE.has(xhr.status) && !xhr.getResponseHeader("Warmline-Matter"));
listen("htmx:beforeRequest", isOldPage); // whose tokens are gone, so that it goes through the outbox in any case
document.addEventListener("htmx:configRequest", ({ detail }) => { if (isReady && itemOf(detail.elt)) detail.timeout = PATIENCE; }, true);

// --- What is seen where something was kept: the form is empty again, the control has the new value. ---

const KEPT = "is kept in this browser, and sent as soon as Warmline can be reached.";
const WORDS = {
  contact: ({ about }) => `${about} ${KEPT}`,
  activity: ({ about }) => `The activity with ${about} ${KEPT}`,
  warmness: ({ about, to }) => `${about}: ${to}. It ${KEPT}`,
};
// The page that follows says what was saved; if the network goes in between it is an old copy, which knows nothing of it.
const SAVED = { contact: ({ about }) => `${about} is added.`, activity: ({ about }) => `The activity with ${about} is logged.` };
document.addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr, requestConfig } }) => {
  const item = isReady && xhr.status === 200 && itemOf(elt);
  if (!item) return;
  if (item.kind === "warmness") change((all) => saw(all, { ...item, to: requestConfig.parameters[elt.name] })).catch(() => {});
  else if (xhr.getResponseHeader("HX-Redirect")) sessionStorage.setItem("saved", SAVED[item.kind](item));
});

// A warmness that was saved is remembered, so that a page that was kept before shows it all the same.
const saw = (all, { seq, contact, to }) => ({
  remove: all.filter((item) => item.kind === "warmness" && item.state === "sent" && item.contact === contact).map((item) => item.seq),
  put: [{ ...(seq && { seq }), user, key: newKey(), kind: "warmness", at: Date.now(), state: "sent", contact, to }],
});

const empty = new Map(); // the page's forms, before anything was typed
for (const form of document.querySelectorAll("form#add, form#log")) {
  if (!form.querySelector(".error")) empty.set(form.id, form.cloneNode(true));
}

export const say = (words) => { document.getElementById("said").textContent = words; };

function showKept(element, item) {
  say(WORDS[item.kind](item));
  if (item.kind === "warmness") return showWarmness(element, item.to, element.value); // it may have been changed again
  if (element.closest("#undo")) return element.closest("#undo").replaceChildren();
  const fresh = empty.get(element.id)?.cloneNode(true);
  if (!fresh) return element.remove();
  element.replaceWith(fresh);
  fresh.querySelector("[name=idempotency_key]").value = newKey();
  window.htmx?.process(fresh);
  const place = document.getElementById("kept-here");
  place.scrollIntoView({ block: "nearest" });
  place.focus({ preventScroll: true });
}

function showWarmness(control, value, seen = value, isKept = true) {
  for (const option of control.options) option.defaultSelected = option.value === value;
  control.value = seen;
  control.classList.toggle("is-kept", isKept);
}

// --- Handing in. ---

// Returns a fresh CSRF token; null if Warmline cannot be reached, or somebody else is signed in.
export async function freshToken() {
  try {
    const answer = await fetch("/outbox/token", { signal: AbortSignal.timeout(PATIENCE), redirect: "error" });
    isReached = answer.ok || answer.status === 401;
    isSignedOut = answer.status === 401;
    const session = answer.ok ? await answer.json() : {};
    return session.user === user ? session.token : null;
  } catch {
    isReached = false;
    return null;
  }
}

// Only one tab at a time. (Where two tried at once, the server would still do each item once.)
export const deliver = () => {
  if (!isReady) return null;
  return navigator.locks ? navigator.locks.request(`warmline-outbox-${user}`, { ifAvailable: true }, (lock) => lock && goThrough()) : goThrough();
};

async function goThrough() {
  if (!(await items(user)).length) return;
  await change((all) => ({
    put: all.filter((item) => item.state === "waiting" && Date.now() - item.at > OFFERED_FOR).map((item) => ({ ...item, state: "late" })),
    remove: all.filter((item) => !isUnsent(item) && Date.now() - item.at > 2 * OFFERED_FOR).map(({ seq }) => seq),
  }));
  const tried = new Set();
  const done = [];
  let token = null;
  for (;;) {
    const item = await nextOf(tried);
    if (!item) break;
    token ??= await freshToken();
    if (!token || !(await handIn(item, token, done))) break;
  }
  await again();
  if (done.length) notice(done.length > 1 ? `${done.length} entries were sent.` : done[0], "success");
}

// Returns the oldest that waits and can go: an activity goes after its contact. It is marked as tried, as it may arrive.
async function nextOf(tried) {
  let found;
  await edit(user, (all) => {
    const put = [];
    for (const item of all.filter(({ seq, state }) => state === "waiting" && !tried.has(seq))) {
      const first = item.after && all.find(({ key }) => key === item.after);
      if (first && isUnsent(first)) continue;
      if (item.after && !first?.contact) put.push({ ...item, state: "refused", reason: "The contact that it belongs to was discarded or deleted." });
      else if (!found) put.push(found = { ...item, contact: first?.contact ?? item.contact, after: null, tries: item.tries + 1 });
    }
    return { put };
  });
  if (found) tried.add(found.seq);
  return found;
}

// Returns whether to go on with the next.
async function handIn(item, token, done) {
  const body = new FormData();
  for (const [name, value] of item.fields) body.append(name, value);
  for (const value of item.shown ?? []) body.append("shown", value);
  const own = { user, kind: item.kind, idempotency_key: item.key, contact: item.contact ?? "", to: item.to ?? "" };
  for (const [name, value] of Object.entries({ ...own, age: Math.max(0, Math.round((Date.now() - item.at) / 1000)) })) body.set(name, value);
  let answer, came;
  try {
    answer = await fetch("/outbox/items", { method: "POST", body, headers: { "X-CSRFToken": token }, signal: AbortSignal.timeout(PATIENCE), redirect: "error" });
    came = answer.ok ? await answer.json() : {};
  } catch {
    return false; // it may have been done; sent again, its key tells
  }
  if ([400, 404, 413].includes(answer.status)) came = { state: "refused", reason: "Warmline could not read it." };
  if (answer.status === 500) return true; // its cause is logged; the next ones need not wait
  if (!["done", "refused", "changed"].includes(came.state)) return false;
  await settle(item, came);
  if (came.state === "done") done.push(came.text);
  return true;
}

async function settle(item, { state, reason, present, contact, undo }) {
  if (state !== "done") return change(() => ({ put: [{ ...item, state, reason, present }] }));
  // Of a contact its id is kept, for the activities that were logged with it.
  await change((all) => (item.kind === "warmness" ? saw(all, item) : item.kind === "contact" ? { put: [{ user, seq: item.seq, key: item.key, kind: item.kind, at: item.at, state: "sent", contact }] } : { remove: [item.seq] }));
  document.getElementById(`warmness-${item.contact}`)?.classList.remove("is-kept");
  if (!undo) return null;
  const corner = document.getElementById("undo");
  const offered = document.createRange().createContextualFragment(undo).querySelector("#undo");
  for (const toast of [...offered.children]) {
    corner.append(toast);
    window.htmx?.process(toast);
  }
  return null;
}

// --- The line that says how many are not sent yet, and the values that are not sent yet in their controls. ---

const line = document.getElementById("unsent");
whenever((all) => {
  const unsent = all.filter(isUnsent);
  const stuck = unsent.filter(({ state }) => state !== "waiting").length;
  const words = [`${unsent.length} not sent yet`, stuck && `${stuck} need${stuck > 1 ? "" : "s"} you`, isSignedOut && "sign in to send"];
  const text = unsent.length ? words.filter(Boolean).join(", ") : "";
  if (line.textContent !== text) {
    const link = document.createElement("a");
    link.href = "/outbox";
    link.textContent = text;
    line.replaceChildren(...(text ? [link] : []));
  }
  const keptAt = Number(document.documentElement.dataset.offline);
  const later = all.filter((item) => !isUnsent(item) && item.at > keptAt);
  for (const item of [...later, ...unsent.filter(({ state }) => state === "waiting")]) {
    const control = item.kind === "warmness" && document.getElementById(`warmness-${item.contact}`);
    if (control && !control.matches(":focus, .htmx-request")) showWarmness(control, item.to, item.to, isUnsent(item));
  }
});

// --- Signing out with something that is not sent: send, discard, or stay. ---

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "sign-out" || !isReady || form.dataset.asked) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const count = (await items(user)).filter(isUnsent).length;
  if (count) {
    const dialog = document.getElementById("sign-out-asks").content.firstElementChild.cloneNode(true);
    const words = `${count} ${count > 1 ? "entries are" : "entry is"} kept in this browser and not sent yet.`;
    dialog.querySelector("[data-sentence]").textContent = words;
    document.body.append(dialog);
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    dialog.remove();
    if (dialog.returnValue === "send") await deliver();
    else if (dialog.returnValue !== "discard") return;
    const left = (await items(user)).filter(isUnsent).length;
    if (dialog.returnValue === "send" && left) {
      document.getElementById("user-menu").hidePopover?.();
      notice(`${left} could not be sent, so you are still signed in.`);
      return;
    }
  }
  await change((all) => ({ remove: all.map(({ seq }) => seq) }));
  for (const name of await caches.keys()) if (name.startsWith("warmline-pages-")) await caches.delete(name); // as the worker does
  await freshToken();
  if (isReached) {
    form.dataset.asked = "yes";
    form.submit();
  } else {
    document.getElementById("user-menu").hidePopover?.();
    notice("This browser has deleted what it kept. Warmline cannot be reached, so you are still signed in there: sign out again later.");
  }
}, true);

function notice(words, tone = "warning") {
  const said = document.createElement("p");
  said.className = `notice notice-${tone}`;
  said.textContent = words;
  document.getElementById("messages").replaceChildren(said);
}

// --- When it begins. ---

if (user && isSecureContext && navigator.serviceWorker && window.indexedDB) {
  navigator.serviceWorker.ready.then(async () => {
    await items(user); // a browser may refuse to keep anything
    isReady = true;
    document.documentElement.dataset.outbox = "ready";
    if (channel) channel.onmessage = again;
    await again();
    await deliver();
    setInterval(deliver, EVERY);
    addEventListener("online", deliver);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) deliver(); });
  }).catch(() => {});
}
