"""Bulk work beside those who save: it lets them in between."""

import time

from siege.attack import Attack, Said
from siege.ground import Ground

ROWS = 20_000
FILE = "Name,E-mail\n" + "".join(f"Birch {number},birch{number}@example.org\n" for number in range(ROWS))


def _upload(place: Ground, seconds: float) -> Said:
    with place.browser() as browser:
        page = browser.post(
            "/import",
            files={"file": ("people.csv", FILE.encode(), "text/csv")},
            headers={"X-CSRFToken": browser.cookies["csrftoken"], "Referer": str(browser.base_url)},
        )
        said = Said(f"a file of {ROWS:,} rows, being checked meanwhile")
        if "/import/" not in str(page.url):
            said.breaches.append(f"the file was not taken: {page.status_code}")
        time.sleep(seconds / 2)  # while it is checked
    return said


ATTACKS = (Attack("an upload", _upload, slower=8.0),)
