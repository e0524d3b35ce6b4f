// Improves forms and lists: a form is sent only once, no change is lost, controls show what is saved, and focus and list
// positions are kept.

// --- A form is not sent again while it is being sent. ---

let sending = new WeakSet(); // the buttons that were pressed, and the forms that htmx sends
const PATIENCE = 5000; // milliseconds; a download, or pressing Stop, leaves the page open, so the form can be sent again

const changes = (form) => form.getAttribute("method")?.toLowerCase() === "post";

document.addEventListener("submit", (event) => {
  if (!changes(event.target) || !(sending.has(event.target) || sending.has(event.submitter))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// Registered last, so that a form whose submission another script prevented can be sent again.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || !changes(event.target)) return;
  const pressed = event.submitter ?? event.target;
  sending.add(pressed);
  setTimeout(() => sending.delete(pressed), PATIENCE);
});

document.body.addEventListener("htmx:beforeRequest", (event) => sending.add(event.detail.elt));
document.body.addEventListener("htmx:afterRequest", (event) => sending.delete(event.detail.elt));
addEventListener("pageshow", () => { sending = new WeakSet(); }); // after "Back", the page may be restored as it was

// --- A list of e-mails or phones gets another row. ---

const showAddRow = (within) => {
  for (const button of within.querySelectorAll("[data-add-row]")) button.hidden = false;
};
showAddRow(document);
document.body.addEventListener("htmx:afterSettle", (event) => showAddRow(event.target));
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-add-row]");
  if (!button) return;
  const row = button.previousElementSibling.cloneNode(true);
  const input = row.querySelector("input");
  input.value = "";
  input.id = `${input.id}+`;
  for (const control of row.children) control.ariaLabel = control.ariaLabel.replace(/\d+$/, (number) => Number(number) + 1);
  button.before(row);
  input.focus();
});

// --- What was changed before the scripts were ready is sent now, and nobody has to change it twice. ---

const isChanged = ({ options, type, checked, defaultChecked, value, defaultValue }) => {
  if (options) return !([...options].find((option) => option.defaultSelected) ?? options[0]).selected;
  return type === "radio" || type === "checkbox" ? checked !== defaultChecked : value !== defaultValue;
};
// htmx, a script before this one, listens to the same event and then knows these controls.
document.addEventListener("DOMContentLoaded", () => {
  for (const control of document.querySelectorAll("select[hx-post], #filters select, #filters input")) {
    if (isChanged(control)) control.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// --- Escape leaves editing, as Cancel does; what was typed is not lost without a question. ---

// (While it is captured, so that a toast does not go instead.)
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form");
  const cancel = form?.querySelector("a[hx-get][data-cancel]");
  if (event.key !== "Escape" || !cancel) return;
  event.preventDefault();
  const controls = [...form.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const isTyped = controls.some(isChanged) || form.querySelector("[aria-invalid], .error, .choice");
  if (!isTyped || confirm("Discard what you have changed?")) cancel.click();
}, true);

// --- A control whose change could not be saved shows the saved value again. ---

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(failure, (event) => {
    for (const option of event.detail.elt.options ?? []) option.selected = option.defaultSelected;
  });
}

// --- A control that was changed again while its change was being sent is replaced by the answer: that change is sent next. ---

let newer = null; // the replaced control, if it had another value than the one that was sent

document.body.addEventListener("htmx:beforeSwap", ({ detail: { requestConfig: { elt, parameters } } }) => {
  newer = elt.matches("select[hx-post]") && elt.value !== parameters[elt.name] ? elt : null;
});
document.body.addEventListener("htmx:afterSettle", () => {
  const control = newer && document.getElementById(newer.id);
  if (!control || control === newer) return;
  control.value = newer.value;
  newer = null;
  control.dispatchEvent(new Event("change", { bubbles: true }));
});

// --- If the focused element is replaced, the focus moves to its replacement. ---

let left = null; // the id of the replaced element

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  left = target !== document.body && target.contains(document.activeElement) ? target.id : null;
});
document.body.addEventListener("htmx:afterSettle", () => {
  if (left === null || document.activeElement !== document.body) return;
  const place = document.getElementById(left) ?? document.getElementById("main");
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
});

// --- The link back to a list leads to the page and filters that one came from. ---

addEventListener("pagehide", () => {
  if (document.getElementById("filters")) sessionStorage.setItem(`list ${location.pathname}`, location.search);
});
for (const link of document.querySelectorAll(".back")) link.search = sessionStorage.getItem(`list ${link.pathname}`) ?? "";
