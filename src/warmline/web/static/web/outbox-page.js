// The page of the outbox: what this browser has not sent yet, with what became of each item and what can be done about it.

import { change, deliver, isUnsent, keep, newKey, say, whenever } from "./outbox.js";

const list = document.getElementById("outbox");
const blank = document.getElementById("outbox-item").content.firstElementChild;
const form = document.getElementById("outbox-log").content.firstElementChild;
const sendNow = document.getElementById("send-now");
const KINDS = Object.fromEntries([...form.querySelectorAll("[name=type]")].map((each) => [each.value, each.closest("label").textContent.trim()]));
const value = (item, name) => item.fields.find(([each]) => each === name)?.[1] ?? "";
const WHAT = {
  contact: (item) => `New contact: ${item.about}`,
  activity: (item) => `${KINDS[value(item, "type")] ?? "Activity"} with ${item.about}`,
  warmness: (item) => `${item.about}: ${item.to}`,
};
const STATE = {
  waiting: (item) => (item.after ? "Waits for its contact." : "Waits until Warmline can be reached."),
  refused: (item) => `Not saved: ${item.reason}`,
  changed: (item) => `Not saved: ${item.reason} Set yours, or discard it to keep ${item.present}.`,
  late: () => "Not sent: it was kept for 30 days. Copy what you need, and enter it again.",
};
const shown = new Map(); // each item's element, by its `seq`

if (document.documentElement.dataset.missing) document.getElementById("not-kept").hidden = false;
sendNow.hidden = false;
sendNow.addEventListener("click", () => deliver());

whenever((all) => {
  const unsent = all.filter(isUnsent);
  const gone = [...shown.keys()].filter((seq) => !unsent.some((item) => item.seq === seq));
  const hadFocus = gone.some((seq) => shown.get(seq).contains(document.activeElement));
  for (const seq of gone) {
    shown.get(seq).remove();
    shown.delete(seq);
  }
  for (const item of unsent) show(item);
  document.getElementById("all-sent").hidden = unsent.length > 0;
  if (hadFocus) document.getElementById("main").focus();
});

function show(item) {
  const element = shown.get(item.seq) ?? blank.cloneNode(true);
  if (!shown.has(item.seq)) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) DO[button.dataset.do](element.item, element, button);
    });
    shown.set(item.seq, element);
    list.append(element);
  }
  element.item = item;
  element.querySelector("[data-what]").textContent = WHAT[item.kind](item);
  const at = new Date(item.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  element.querySelector("[data-when]").textContent = [at, value(item, "subject"), value(item, "note")].filter(Boolean).join(" · ").slice(0, 200);
  element.querySelector("[data-state]").textContent = STATE[item.state](item);
  element.querySelector("[data-do=log]").hidden = item.kind !== "contact" || item.state !== "waiting";
  const apply = element.querySelector("[data-do=apply]");
  apply.hidden = item.state !== "changed";
  apply.textContent = `Set ${item.to}`;
}

const text = (item) => [WHAT[item.kind](item), ...item.fields.filter(([, each]) => each).map(([name, each]) => `${name}: ${each}`)].join("\n");

const DO = {
  async copy(item, element, button) {
    try {
      await navigator.clipboard.writeText(text(item));
      button.textContent = "Copied";
    } catch { // the browser lets no page write there: shown, to be selected
      const field = document.createElement("textarea");
      field.readOnly = true;
      field.ariaLabel = "To be copied";
      field.value = text(item);
      button.replaceWith(field);
      field.select();
    }
  },
  discard(item) {
    if (confirm("Discard this? It is not in Warmline.")) change(() => ({ remove: [item.seq] }));
  },
  async apply(item) {
    await change(() => ({ put: [{ ...item, state: "waiting", key: newKey(), shown: [String(item.present)], tries: 0 }] }));
    await deliver();
  },
  log(item, element, button) {
    const log = form.cloneNode(true);
    const key = newKey(); // pressed twice, it is one
    button.hidden = true;
    element.append(log);
    log.querySelector("input").focus();
    log.addEventListener("submit", async (event) => {
      event.preventDefault();
      await keep({ kind: "activity", key, after: item.key, about: item.about, fields: [...new FormData(log)] });
      log.remove();
      button.hidden = false;
      button.focus();
      say(`The activity with ${item.about} is kept in this browser, and sent after the contact.`);
      deliver();
    });
  },
};
