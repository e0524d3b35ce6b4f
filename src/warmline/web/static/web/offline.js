// Registers the service worker, tells it what to keep, and says so on a page that it has kept: read-only, except for what the
// outbox takes. Only on https or on this machine (browsers allow it nowhere else).

import { freshToken, say, user } from "./outbox.js";

const keptAt = Number(document.documentElement.dataset.offline);
const saved = sessionStorage.getItem("saved"); // by the page before this one
sessionStorage.removeItem("saved");
const ALWAYS = ["/", "/contacts", "/contacts/new", "/outbox"];

if (user && isSecureContext && navigator.serviceWorker) {
  addEventListener("load", async () => {
    try {
      const wasThere = Boolean(navigator.serviceWorker.controller);
      await navigator.serviceWorker.register("/service-worker.js");
      const { active } = await navigator.serviceWorker.ready;
      const files = performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => new URL(name).pathname.startsWith("/static/"));
      // A page that was open before the worker was there has not passed through it.
      if (!keptAt) active.postMessage({ user, pages: wasThere ? ALWAYS : [...ALWAYS, location.href], files: [...new Set(files)] });
    } catch { /* Not allowed in this browser: the forms keep what was typed. */ }
  });
}

if (keptAt) {
  const place = document.getElementById("offline");
  const words = place.querySelector("span");
  const moment = new Date(keptAt);
  const isToday = moment.toDateString() === new Date().toDateString();
  const at = moment.toLocaleString("en-GB", isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
  words.textContent = `${saved ? `${saved} ` : ""}Offline: as of ${at}. You can look, add contacts, log activities and change warmness.`;
  if (saved) say(saved);
  place.hidden = false;
  document.getElementById("messages").replaceChildren(); // what was said then
  const OPEN = "#add *, #log *, select.warmness, #outbox *, #send-now, dialog *";
  for (const control of document.querySelectorAll("main :is(button, input, select, textarea)")) if (!control.matches(OPEN)) control.disabled = true;
  for (const link of document.querySelectorAll("main a[hx-get]")) link.hidden = true;
  const look = async () => {
    if (!(await freshToken())) return;
    words.textContent = `Warmline can be reached again. This page is as of ${at}.`;
    place.querySelector("a").href = location.href;
    place.querySelector("a").hidden = false;
  };
  addEventListener("online", look);
  setInterval(look, 30000);
  look();
}
