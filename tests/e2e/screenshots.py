"""`make screenshots`: takes the pictures of all pages for the README, in docs/screenshots/<page>-<look>.png.

Of the running program with the sample and nothing else, so that they are what one gets.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from e2e.browsing import PHONE, People, Site, chromium, kept_ahead, serving_site
from e2e.sample import Book
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from relay import relaying

FOLDER = Path("docs/screenshots")
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {**WIDE, "color_scheme": "light"},
    "dark": {**WIDE, "color_scheme": "dark"},
    "phone": {**PHONE, "color_scheme": "light"},
}
FILE: FilePayload = {
    "name": "fair.csv",
    "mimeType": "text/csv",
    "buffer": b"""Name,E-mail,Company,Warmness
Jordan Ames,jordan.ames@example.com,Larkspur Mills,8
Dana Frost,dana.frost@example.com,Harrow Textiles,6
Lee Marsh,lee.marsh@example.com,Fennel & Rye,2
Sam Heath,sam.heath@,Saltmarsh Energy,5
""",
}
COLOURS = 128  # as many as the pages need, and a third of the bytes


def main() -> int:
    """Take all pictures; return the exit status."""
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write("This needs Chromium (apt-get install chromium).\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="warmline-screenshots-") as folder, serving_site(Path(folder)) as site:
        pages = _pages(site)
        with chromium(program) as browser:
            for look, options in LOOKS.items():
                people = People(browser)
                _take(people.stranger(site, **options), "/sign-in", f"sign-in-{look}")
                page = people.member(site, **options)
                for name, address in pages.items():
                    _take(page, address, f"{name}-{look}")
                _take_offline(people, site, look)
                people.close()
    sizes = [file.stat().st_size for file in FOLDER.glob("*.png")]
    sys.stdout.write(f"{len(sizes)} pictures in {FOLDER}, {sum(sizes) / 1000:,.0f} kB\n")
    return 0


def _pages(site: Site) -> dict[str, str]:
    """Fill the sample, and return the address of each page by its name."""
    with Book(site) as book:
        contacts = book.fill()
    code = "import django; django.setup(); from e2e.screenshots import remember_a_day; remember_a_day()"
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "warmline.settings"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
    return {
        "today": "/",
        "contacts": "/contacts",
        "contact": contacts["synced"],
        "candidates": contacts["candidates"],
        "failed": contacts["failed"],
        "add-contact": "/contacts/new",
        "organizations": "/organizations",
        "organization": "/organizations/5",
        "sync": "/sync",
        "notifications": "/notifications",
        "import": "/import",
        "settings": "/settings",
        "warm-leads": "/settings/warm-leads",
        "team": "/settings/team",
        "profile": "/profile",
        "sandbox": f"{site.sandbox}/sandbox/",
    }


def remember_a_day() -> None:
    """Write down the attempts of a day that never was, so that its chart has something to show."""
    from django.utils import timezone  # noqa: PLC0415 (in a process of its own, in which Django is set up)

    from warmline.sync.models import Attempt  # noqa: PLC0415 (as above)

    chance, now = Random(5), timezone.now()

    def attempts() -> Iterator[Attempt]:
        for hour in range(1, 24):
            for _ in range(chance.randint(8, 30) if (now - timedelta(hours=hour)).hour in range(7, 19) else 1):
                at, waited = now - timedelta(hours=hour - chance.random()), chance.choice((0.4, 0.8, 1.7))
                ok = chance.random() < 0.97
                yield Attempt(kind="activity", row_id=0, owner_id=1, at=at, ok=ok, waited=waited, text="")

    Attempt.objects.bulk_create(attempts())


def _take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    if address == "/contacts":
        _warm_one_up(page)
    elif address == "/import":
        _look_at_a_file(page)
    _picture(page, name)
    page.keyboard.press("Escape")  # a toast would go along to the next page


def _picture(page: Page, name: str) -> None:
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def _take_offline(people: People, site: Site, look: str) -> None:
    """Cut the way to Warmline, and enter something all the same."""
    with relaying(site.url) as relay:
        there = replace(site, url=relay.url)
        page = people.member(there, service_workers="allow", **LOOKS[look])
        kept_ahead(page)
        page.goto("/contacts")
        relay.cut()
        page.goto("/contacts")
        page.locator("html[data-outbox]").wait_for()
        page.get_by_label("Warmness of Robin Vale").select_option("3")
        expect(page.locator("#unsent")).to_have_text("1 not sent yet")
        page.goto("/contacts/new")
        page.locator("html[data-outbox]").wait_for()
        page.get_by_label("Name").fill("Ash Grove")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#unsent")).to_have_text("2 not sent yet")
        for name, address in (("offline", "/contacts"), ("outbox", "/outbox")):
            page.goto(address)
            expect(page.locator("#unsent")).to_have_text("2 not sent yet")
            _picture(page, f"{name}-{look}")
        relay.mend()
        page.context.close()


def _warm_one_up(page: Page) -> None:
    """Make the first cold contact of the list warm, and wait until badge and toast tell that it has arrived."""
    cold = page.locator("tbody tr").filter(has_text="Not in Pipedrive").first
    row = page.locator("tbody tr").filter(has_text=cold.locator(".lead").inner_text())
    row.get_by_role("combobox").select_option("5")
    expect(row.locator(".badge")).to_have_text("In Pipedrive")
    expect(page.locator("#toasts .toast")).to_contain_text("is in Pipedrive as a Warm Lead.")


def _look_at_a_file(page: Page) -> None:
    """Upload the sample's file, and stay at the preview."""
    page.get_by_label("File", exact=True).set_input_files(FILE)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Import")).to_be_visible()


if __name__ == "__main__":
    sys.exit(main())
