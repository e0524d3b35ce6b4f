// Selecting contacts in a list: select all on the page, show how many are selected, and prevent accidental submits, which
// would lose the selection. Selecting one by one works without this script.
const rows = () => [...document.querySelectorAll("#selection input[name=ids]")];

function show() {
  const all = document.querySelector("#selection [data-all]");
  if (!all) return;
  const ticked = rows().filter((box) => box.checked).length;
  all.hidden = false;
  all.checked = ticked > 0 && ticked === rows().length;
  all.indeterminate = ticked > 0 && !all.checked;
  document.querySelector("#selection [data-count]").textContent = `${ticked} selected`;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("#selection [data-all]")) rows().forEach((box) => { box.checked = event.target.checked; });
  show();
});
// The field that a button needs becomes required when the button is pressed, so the browser points it out.
const NEEDS = { score: ["warmness"], tags: ["add-tags", "remove-tags"], to: ["hand-over"] };
document.addEventListener("click", (event) => {
  const button = event.target.closest("#selection [name=action]");
  if (button) for (const [name, actions] of Object.entries(NEEDS)) button.form.elements[name].required = actions.includes(button.value);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("#selection input")) event.preventDefault(); // Enter would press the first button
});

document.body.addEventListener("htmx:afterSettle", show);
show();
