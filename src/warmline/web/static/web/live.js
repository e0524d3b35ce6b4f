// Keeps the page up to date (badges, bell and toasts) with one stream of server-sent events for all tabs of the browser.
//
// The stream says that something happened, and the page then requests what it shows. One tab, the leader, has the stream
// and informs the others; when it closes, another one takes over. A hidden tab requests nothing until it is visible.

const corner = document.getElementById("toasts");
if (corner) live(corner);

function live(corner) {
  const user = corner.dataset.user;
  const main = document.getElementById("main");
  const shared = "locks" in navigator && "BroadcastChannel" in window;
  const channel = shared ? new BroadcastChannel(`warmline-${user}`) : null;

  // --- The stream. Its events become {told: whether it is worth a toast} or {changed: {kind: ids, everything}}. ---

  // Returns a function that ends it.
  function listen(happened) {
    let source;
    let last = "";
    let wait = 1000;
    let retry;
    const open = () => {
      source = new EventSource(last ? `/events?after=${last}` : "/events"); // a new EventSource sends no Last-Event-ID
      source.onopen = () => { wait = 1000; happened({ changed: { everything: true }, told: true }); };
      source.addEventListener("told", (event) => { last = event.lastEventId; happened({ told: !JSON.parse(event.data).is_quiet }); });
      source.addEventListener("changed", (event) => happened({ changed: JSON.parse(event.data) }));
      // The browser reconnects by itself unless it was refused; then we reconnect, with growing waits.
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) return;
        retry = setTimeout(open, wait);
        wait = Math.min(2 * wait, 60000);
      };
    };
    open();
    return () => { clearTimeout(retry); source.close(); };
  }

  if (shared) {
    channel.onmessage = (message) => heard(message.data);
    const tellAll = (event) => { channel.postMessage(event); heard(event); };
    navigator.locks.request(`warmline-stream-${user}`, () => { listen(tellAll); return new Promise(() => {}); });
  } else {
    // A browser allows few connections to one host, so only the visible tab has one.
    let stop = null;
    const follow = () => {
      if (document.hidden) { stop?.(); stop = null; } else stop ??= listen(heard);
    };
    document.addEventListener("visibilitychange", follow);
    follow();
  }

  // --- What a tab does with the events. ---

  let changed = { everything: true }; // the page may be older than the stream
  const refresh = rarely(500, refreshBadges);
  const announce = rarely(1000, () => document.body.dispatchEvent(new CustomEvent("warmline:changed")));
  const show = rarely(300, () => (shared ? navigator.locks.request(`warmline-toasts-${user}`, showToasts) : showToasts()));

  function heard(event) {
    const { everything, ...named } = event.changed ?? {};
    if (everything) changed.everything = true;
    if (!document.hidden) for (const [kind, ids] of Object.entries(named)) changed[kind] = [...(changed[kind] ?? []), ...ids];
    refresh();
    announce();
    if (event.told || corner.querySelector("[data-stays]")) show(); // what failed may be fixed by now
  }

  // Runs a task soon, at most once in so many milliseconds, and always once more after the last call.
  function rarely(pause, task) {
    let isWaiting = false;
    let again = false;
    const run = async () => {
      again = false;
      isWaiting = true;
      try { await task(); } catch { /* Offline, or the server restarts; the stream's return asks again. */ }
      setTimeout(() => { isWaiting = false; if (again) call(); }, pause);
    };
    const call = () => {
      if (document.hidden) return; // requested as soon as the tab is visible
      if (isWaiting) again = true; else run();
    };
    return call;
  }

  async function ask(path) {
    const trouble = unreachable();
    const answer = await fetch(path, { headers: { "X-Live": "1" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText); // signed out; the next click shows it
    if (trouble?.isConnected) forget(topicOf(trouble)); // Warmline can be reached again
    return document.createRange().createContextualFragment(await answer.text());
  }

  // --- Badges, what is shown beside them, and the bell. ---

  async function refreshBadges() {
    const { everything, ...named } = changed;
    changed = {};
    const query = new URLSearchParams();
    const wanted = {};
    for (const badge of document.querySelectorAll("[id^=badge-]")) {
      const [, kind, id] = badge.id.split("-");
      if (everything || named[kind]?.includes(Number(id))) (wanted[kind] ??= []).push(id);
    }
    for (const [kind, ids] of Object.entries(wanted)) query.set(kind, ids.join(","));
    const entries = [];
    try {
      for (const part of (await ask(`/badges?${query}`)).querySelectorAll("[id]")) {
        if (part.dataset.warmness) showWarmness(part);
        const present = document.getElementById(part.id);
        if (!present || present.outerHTML === part.outerHTML || present.contains(document.activeElement)) continue;
        present.replaceWith(part);
        const entry = part.closest("[id^=activity-]");
        if (entry && !part.matches(".badge-in_progress")) entries.push(entry); // its result will follow soon
      }
    } catch (error) {
      changed.everything = true;
      throw error;
    }
    for (const entry of entries) await refreshEntry(entry);
  }

  // A contact's warmness control takes the value in its badge, unless someone is using it.
  function showWarmness(badge) {
    const control = document.getElementById(`warmness-${badge.id.split("-")[2]}`);
    if (!control || control.matches(":focus, .htmx-request")) return;
    if (!control.selectedOptions[0]?.defaultSelected) return; // changed, and not sent yet
    for (const option of control.options) option.defaultSelected = option.selected = option.text === badge.dataset.warmness;
    control.classList.toggle("is-warm", Boolean(badge.dataset.warm));
  }

  // An activity whose badge has changed is reloaded with its reason and "Try again", unless someone is using it.
  async function refreshEntry(entry) {
    if (entry.querySelector(":focus")) {
      entry.addEventListener("focusout", () => setTimeout(() => refreshEntry(entry).catch(() => {})), { once: true });
      return;
    }
    if (!entry.isConnected) return;
    const part = (await ask(`/activities/${entry.id.split("-")[1]}`)).firstElementChild;
    if (!entry.isConnected || entry.querySelector(":focus")) return;
    const isHeld = entry === document.activeElement;
    entry.replaceWith(part);
    htmx.process(part);
    if (isHeld) {
      part.tabIndex = -1;
      part.focus();
    }
  }

  // --- Toasts. Those on the screen, and for how long, are stored per tab; what was already shown, per browser. ---

  const SECONDS = 8; // that a toast stays if it does not have to be dismissed

  // In a cookie, because tabs may be processes, and what one puts into localStorage reaches the others too late. For the
  // tab itself in its own storage as well: a cookie that is set right before the page is left may be lost.
  const shownKey = `warmline-shown-${user}`;
  const shownUpTo = () => Math.max(
    ...[document.cookie.split("; ").find((each) => each.startsWith(`${shownKey}=`))?.split("=")[1], sessionStorage.getItem(shownKey)]
      .map((id) => Number(id ?? -1)),
  );
  const showedUpTo = (id) => {
    document.cookie = `${shownKey}=${id}; path=/; max-age=31536000; samesite=lax`;
    sessionStorage.setItem(shownKey, id);
  };
  const openKey = `warmline-toasts-${user}`;
  const open = () => JSON.parse(sessionStorage.getItem(openKey) ?? "{}");
  const keep = (toasts) => sessionStorage.setItem(openKey, JSON.stringify(toasts));

  let dismissals = 0;

  async function showToasts() {
    let asked, answer, before;
    do {
      // An answer that was asked for before a dismissal holds what was dismissed. It is not used, but asked for anew.
      before = dismissals;
      asked = Object.entries(open());
      const query = new URLSearchParams(asked.map(([topic, { first }]) => [topic, first]));
      const after = shownUpTo();
      if (after >= 0) query.set("after", after);
      answer = (await ask(`/toasts?${query}`)).firstElementChild;
    } while (before !== dismissals);
    showedUpTo(answer.dataset.newest);
    const hold = new Set([...answer.children].map(topicOf));
    for (const [topic] of asked) if (!hold.has(topic)) forget(topic); // nothing on this topic fails any more
    for (const toast of [...answer.children]) {
      const topic = topicOf(toast);
      const { [topic]: known, ...others } = open();
      if (isSaidHere(toast)) {
        if (!known) say(toast.querySelector(".toast-text").textContent, true);
        keep({ ...others, [topic]: { first: toast.dataset.first, left: SECONDS, isHidden: true } });
        continue;
      }
      const goesOn = known && !document.getElementById(toast.id); // the previous page showed it
      if (put(toast, !known || known.isHidden)) keep({ ...open(), [topic]: { first: toast.dataset.first, left: goesOn ? known.left : SECONDS } });
    }
  }

  const topicOf = (toast) => toast.id.replace("toast-", "");

  // Topics of failures that this page shows itself (a contact's page, for this contact). The next page shows the toast.
  const saidHere = main.dataset.says?.split(" ") ?? [];
  const isSaidHere = (toast) =>
    "stays" in toast.dataset && saidHere.includes(topicOf(toast)) && (main.dataset.contact ?? toast.dataset.contact) === toast.dataset.contact;

  // Whoever acts on it on this page has seen it.
  main.addEventListener("submit", (event) => {
    if (!/\/(retry|link)$/.test(event.target.action)) return;
    dismissals += 1;
    keep(Object.fromEntries(Object.entries(open()).filter(([, { isHidden }]) => !isHidden)));
  });

  // Returns whether it says something that this page has not shown yet.
  function put(toast, isNew) {
    const present = toast.id ? document.getElementById(toast.id) : null;
    const text = toast.querySelector(".toast-text").textContent;
    const stays = "stays" in toast.dataset;
    if (present?.querySelector(".toast-text").textContent === text) return false;
    if (present?.contains(document.activeElement)) {
      present.querySelector(".toast-text").textContent = text; // only the text is replaced while someone is using it
    } else {
      // A growing number is announced once; another error, or the end of one, is announced again.
      if (present ? stays || present.className !== toast.className : isNew) say(text, stays);
      if (present) present.replaceWith(toast);
      else corner.append(toast);
    }
    if (!stays) goLater(toast);
    return true;
  }

  // Announced to screen readers once, apart from the toast itself, which may come back after a reload.
  function say(text, isUrgent) {
    document.getElementById(isUrgent ? "alarm" : "said").textContent = text;
  }

  // It disappears after a while in which it was visible and nobody pointed at it.
  function goLater(toast) {
    const topic = topicOf(toast);
    const timer = setInterval(() => {
      if (!toast.isConnected) return clearInterval(timer);
      if (document.hidden || toast.matches(":hover, :focus-within")) return;
      const { [topic]: shown, ...others } = open();
      if (shown?.left > 1) keep({ ...others, [topic]: { ...shown, left: shown.left - 1 } });
      else dismiss(toast);
    }, 1000);
  }

  function dismiss(toast) {
    dismissals += 1;
    forget(topicOf(toast));
  }

  function forget(topic) {
    const { [topic]: _, ...others } = open();
    keep(others);
    const toast = document.getElementById(`toast-${topic}`);
    if (!toast) return;
    const next = toast.nextElementSibling ?? toast.previousElementSibling;
    if (toast.contains(document.activeElement)) (next?.querySelector("[data-dismiss]") ?? main).focus();
    toast.remove();
  }

  corner.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dismiss]");
    if (button) dismiss(button.closest(".toast"));
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector(":popover-open, dialog[open]")) return;
    const toast = document.activeElement.closest?.(".toast") ?? corner.lastElementChild;
    if (toast) dismiss(toast);
  });

  // --- "Try again" in a toast or on the Sync page: the page stays open and shows the result. ---

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-retry]");
    if (!form) return;
    event.preventDefault();
    if (form.ariaBusy) return; // pressed twice
    form.ariaBusy = "true";
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Live": "1" } });
      if (!answer.ok || answer.redirected) return complain(answer.status, answer.headers.get("Warmline-Matter"));
      const text = await answer.text();
      const toast = form.closest(".toast");
      if (toast) {
        say(text, false);
        dismiss(toast);
      } else {
        note(text);
      }
      heard({ changed: { everything: true } });
    } catch {
      complain(0);
    } finally {
      form.ariaBusy = null;
    }
  });

  // The result is shown at the top of the page, as after a form without a script.
  function note(text) {
    const notice = document.createElement("p");
    notice.className = "notice notice-success";
    notice.textContent = text;
    document.getElementById("messages").replaceChildren(notice);
  }

  // --- What htmx could not get. ---

  const REASONS = {
    0: "Cannot reach Warmline. Check your connection and try again.",
    403: "This page is out of date. Nothing was changed. Reload it and try again.",
    404: "This was deleted, or it now belongs to a colleague. Reload the page.",
    413: "That is too large. Send less at a time.",
    busy: "Too many people are saving at the moment. Nothing was saved. Try again in a few seconds.",
    disk_full: "The disk is full. Nothing was saved. Ask your administrator to free up some space.",
    disk_error: "Warmline cannot write to its disk. Nothing was saved. Tell your administrator.",
    no_database: "Warmline cannot reach its database at the moment. Nothing was saved. Try again in a few seconds.",
  };

  // `matter` is the value of the server's header Warmline-Matter, if present.
  function complain(status, matter, isForm) {
    if (!status && !isForm && unreachable()) return; // it was said already, perhaps with what becomes of a form
    const unsent = isForm && !status && "Cannot reach Warmline. What you entered is still here. Send it again when you are back online.";
    const reason = unsent || (REASONS[matter] ?? REASONS[status] ?? (status < 500
      ? "That did not work. Nothing was saved. Reload the page and try again."
      : "Something went wrong on our side. The error was logged. Try again in a moment."));
    const toast = document.getElementById("toast").content.firstElementChild.cloneNode(true);
    toast.id = "toast-trouble";
    toast.querySelector(".toast-text").textContent = reason;
    if (!status) toast.dataset.unreachable = "";
    put(toast, true);
  }

  const unreachable = () => corner.querySelector("[data-unreachable]");

  document.body.addEventListener("htmx:responseError", ({ detail: { xhr, elt } }) => {
    const matter = xhr.getResponseHeader("Warmline-Matter");
    // Sent as a browser does, the form is answered with a page that keeps what was typed.
    if (matter === "signed_out" && elt.matches("form")) HTMLFormElement.prototype.submit.call(elt);
    else complain(xhr.status, matter);
  });
  document.body.addEventListener("htmx:sendError", ({ detail: { elt } }) => complain(0, null, elt.matches("form")));
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    if (unreachable()) refresh();
    if (event.detail.requestConfig.verb !== "get") channel?.postMessage({ changed: { everything: true } }); // other tabs follow
  });

  // --- A page that becomes visible is brought up to date. ---

  document.addEventListener("visibilitychange", () => { if (!document.hidden) heard({ changed: { everything: true }, told: true }); });
  // After "Back", the page may be restored as it was, with toasts that were dismissed on a later page.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const toast of [...corner.children]) if (!(topicOf(toast) in open())) toast.remove();
  });
  refresh();
  show();
}
