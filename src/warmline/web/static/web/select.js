// Selecting contacts in a list: all on the page at once, and how many there are. Ticking them one by one needs no script.
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
document.body.addEventListener("htmx:afterSettle", show);
show();
