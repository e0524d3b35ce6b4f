// Takes away what the corner offers to undo: some time after it appeared, or when it is dismissed. What a page shows at its
// top stays, and works without this script.
const region = document.getElementById("undo");
const SECONDS = 20; // in which somebody could see it and did not point at it
let left = 0;

if (region) {
  new MutationObserver(() => { left = SECONDS; }).observe(region, { childList: true });
  setInterval(() => {
    if (!region.firstElementChild || document.hidden || region.matches(":hover, :focus-within")) return;
    left -= 1;
    if (left <= 0) region.replaceChildren();
  }, 1000);
  region.addEventListener("click", (event) => {
    if (!event.target.closest("[data-undo-dismiss]")) return;
    region.replaceChildren();
    document.getElementById("main").focus();
  });
}
