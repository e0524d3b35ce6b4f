// After a tapped “Call” or “E-mail”, offers to log it with one more tap; where there is a “Log it” beside it, that is what it logs.
// The form's key makes sure that it is logged once.
const region = document.getElementById("undo");
const form = document.getElementById("log-it");
const WORDS = { CALL: "Log the call with", EMAIL: "Log the e-mail to" };

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-log]");
  if (!link || !form) return;
  const beside = link.closest(".task")?.querySelector("[name=type]");
  if (beside) beside.value = link.dataset.log;
  const toast = form.content.firstElementChild.cloneNode(true);
  const action = `/contacts/${link.dataset.contact}/activities`;
  toast.querySelector(".toast-text").textContent = `${WORDS[link.dataset.log]} ${link.dataset.name}?`;
  toast.querySelector("form").action = action;
  toast.querySelector("form").setAttribute("hx-post", action);
  toast.querySelector("[name=type]").value = link.dataset.log;
  toast.querySelector("form").dataset.name = link.dataset.name;
  toast.querySelector("[name=idempotency_key]").value = crypto.randomUUID?.() ?? "";
  region.replaceChildren(toast);
  window.htmx?.process(toast);
});
