// What a form or a list does not do by itself: it is sent once, shows what is saved, and keeps one's place.

// --- A form that is being sent is not sent a second time. ---

let sending = new WeakSet(); // the buttons that were pressed, and the forms that htmx sends
const PATIENCE = 5000; // milliseconds: a download leaves the page where it is, and so does who stops it

const changes = (form) => form.getAttribute("method")?.toLowerCase() === "post";

document.addEventListener("submit", (event) => {
  if (!changes(event.target) || !(sending.has(event.target) || sending.has(event.submitter))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// Last of all, so that a form that a script has stopped can be sent again.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || !changes(event.target)) return;
  const pressed = event.submitter ?? event.target;
  sending.add(pressed);
  setTimeout(() => sending.delete(pressed), PATIENCE);
});

document.body.addEventListener("htmx:beforeRequest", (event) => sending.add(event.detail.elt));
document.body.addEventListener("htmx:afterRequest", (event) => sending.delete(event.detail.elt));
addEventListener("pageshow", () => { sending = new WeakSet(); }); // by "Back", the page may be as it was left

// --- A control that could not be saved shows what is saved. ---

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(failure, (event) => {
    for (const option of event.detail.elt.options ?? []) option.selected = option.defaultSelected;
  });
}

// --- When what had the focus is no longer there, it goes to what took its place. ---

let left = null; // the id of that place

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

// --- The way back to a list leads to it as one left it. ---

addEventListener("pagehide", () => {
  if (document.getElementById("filters")) sessionStorage.setItem(`list ${location.pathname}`, location.search);
});
for (const link of document.querySelectorAll(".back")) link.search = sessionStorage.getItem(`list ${link.pathname}`) ?? "";
