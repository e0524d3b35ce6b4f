// Chooses the browser's time zone in a form that was not filled in yet. Without it, the installation's is chosen.
const zones = document.querySelector("select[name=time_zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zones && !document.querySelector("[aria-invalid]") && zones.querySelector(`option[value="${CSS.escape(here)}"]`)) {
  zones.value = here;
}
