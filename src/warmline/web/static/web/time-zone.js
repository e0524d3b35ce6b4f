// Selects the browser's time zone in a new form. Without this script, the installation's time zone is selected.
const zones = document.querySelector("select[name=time_zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zones && !document.querySelector("[aria-invalid]") && zones.querySelector(`option[value="${CSS.escape(here)}"]`)) {
  zones.value = here;
}
