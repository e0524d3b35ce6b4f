// Says so if the browser's time zone is another one than the profile's, and offers to take it over. Whoever keeps theirs is
// not asked again about the same two zones in this browser.
const template = document.getElementById("other-zone");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

// Two names can be one zone, so their clocks are compared, in winter and in summer.
const clock = (zone) => [0, 6].map((month) =>
  new Intl.DateTimeFormat("en", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(Date.UTC(new Date().getFullYear(), month)));

const differ = (zone) => {
  try {
    return zone !== here && clock(zone).join() !== clock(here).join();
  } catch {
    return false; // the browser does not know the zone
  }
};

const asked = `${template?.dataset.zone} ${here}`;
if (template && here && differ(template.dataset.zone) && localStorage.getItem("zone-kept") !== asked) {
  const notice = template.content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-here]").textContent = here.replaceAll("_", " ");
  notice.querySelector("[data-there]").textContent = template.dataset.zone.replaceAll("_", " ");
  notice.querySelector("[name=time_zone]").value = here;
  notice.querySelector("[name=page]").value = location.pathname + location.search;
  notice.querySelector("[data-keep-zone]").addEventListener("click", () => {
    localStorage.setItem("zone-kept", asked);
    notice.remove();
    document.getElementById("main").focus();
  });
  document.getElementById("messages").append(notice);
}
