/**
 * Keeps the sandbox's page fresh: asks for the page once a second, and changes only what differs, so that focus,
 * selection and scrolling stay where they are. Without it the page works the same and is renewed by a reload.
 */

const EVERY = 1000; // milliseconds
const PATIENCE = 5000;

/** Give `old` the children of `fresh`; those with one id that are equal stay the very elements that they are. */
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const known = new Map([...old.children].map((child) => [child.id, child]));
  if (old.className !== fresh.className) old.className = fresh.className;
  if (known.has("") || known.size === 0) {
    old.replaceChildren(...fresh.childNodes);
    return;
  }
  let place = old.firstElementChild;
  for (const next of [...fresh.children]) {
    const before = known.get(next.id);
    const kept = before?.isEqualNode(next) ? before : next;
    if (kept === place) {
      place = place.nextElementSibling;
    } else {
      old.insertBefore(kept, place);
    }
  }
  while (place) {
    const gone = place;
    place = place.nextElementSibling;
    gone.remove();
  }
}

/** Bring every live part up to date with a page that was just fetched. */
function show(page) {
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) renew(part, fresh);
  }
  // A button that was renewed under somebody's finger: give the focus to the one in its place.
  if (focused && document.activeElement?.id !== focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

async function refresh() {
  const lost = document.getElementById("lost");
  try {
    const address = new URL(`./${location.search}`, location.href);
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, EVERY);
}

setTimeout(keepFresh, EVERY);
