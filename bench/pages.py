"""The pages: how long each takes, and how large it is, with 100,000 contacts and two people signed in as in a browser.

Alice, a member, sees a tenth of the rows; Carol, an admin, all of them. An import of 20,000 rows waits for her yes.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count

from bench.figures import Figure, Promise, Result, percentile
from bench.rig import BenchError, Browser, Lab

CONTACTS, ROWS = 100_000, 20_000
SAMPLES, UNCOUNTED = 60, 2
IN_TIME, KILOBYTES = 100, 100  # milliseconds at p95, and the size of each page
CHECKED_IN_TIME = 60.0  # seconds, for the rows of the import
ORDERS = ("warmest", "recent", "neglected", "added")
SHOWS = ("warm", "synced", "waiting", "failed")
LISTS = {
    "contacts": "/contacts",
    **{f"contacts, {order}": f"/contacts?order={order}" for order in ORDERS},
    **{f"contacts, {show}": f"/contacts?show={show}" for show in SHOWS},
    "contacts, warm, last contacted first": "/contacts?show=warm&order=recent",
    "contacts, searched by a common name": "/contacts?q=person",
    "contacts, searched by name": "/contacts?q=person+77",
    "contacts, searched by organization": "/contacts?q=mills+5",
    "contacts, searched in vain": "/contacts?q=nobody",
    "a known e-mail": "/contacts/known?email=person7@example.net",
    "adding a contact": "/contacts/new",
    "organizations": "/organizations",
    **{f"organizations, {show}": f"/organizations?show={show}" for show in SHOWS[1:]},
    "organizations, searched by a common name": "/organizations?q=alder",
    "organizations, searched in vain": "/organizations?q=nobody",
    "names of organizations": "/organizations/names?organization=alder",
    "sync": "/sync",
    "contacts that failed": "/sync/failed/contact",
    "notifications": "/notifications",
    "toasts after a long absence": "/toasts?after=0",
    "import": "/import",
    "profile": "/profile",
}
SETTINGS = {
    "settings": "/settings",
    "settings, warm leads": "/settings/warm-leads",
    "settings, team": "/settings/team",
    "contacts of one owner": "/contacts?owner=1",
}
NOTE = (
    f"With {CONTACTS:,} contacts, five activities each, over HTTP with cookies, one after the other; {SAMPLES} times "
    "each in a random order. Each line: p95; behind it p50 and the size."
)


@dataclass
class Seen:
    """What came of asking for a page.

    Attributes:
        times: Milliseconds, each time.
        size: Bytes, the largest.
    """

    times: list[float]
    size: int = 0


def measure(lab: Lab) -> Result:
    """Measure all pages."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(lab.sandbox())
        server = stack.enter_context(lab.warmline(sandbox.url, data=lab.filled_data(CONTACTS)))
        figures, largest = [], ("", 0)
        for name, what in (("alice", "a tenth"), ("carol", "all")):
            browser = Browser(server.url, name)
            asks = dict(_asks(browser, is_admin=name == "carol"))
            for label, seen in _all_of(asks).items():
                figures.append(_figure(f"{label} ({what})", seen))
                largest = max(largest, (label, seen.size), key=lambda each: each[1])
    promise = Promise(f"under {KILOBYTES} kB", KILOBYTES)
    figures.append(Figure(f"largest page: {largest[0]}", largest[1] / 1000, "kB", promise=promise))
    return Result("Pages", NOTE, figures)


def _asks(browser: Browser, *, is_admin: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what is asked for, with its name: pages, and forms that are sent."""
    contact = browser.link("/contacts?show=synced", r"/contacts/\d+")
    places = LISTS | {
        "contacts, the next page": browser.link("/contacts", r"/contacts\?[^\"]*after[^\"]*"),
        "contacts, warm, the next page": browser.link("/contacts?show=warm", r"/contacts\?[^\"]*after[^\"]*"),
        "a contact": contact,
        "a contact, editing": f"{contact}/edit",
        "a contact, its attempts": f"{contact}/attempts",
        "a contact, deleting": f"{contact}/delete",
        "an organization": browser.link("/organizations?show=synced", r"/organizations/\d+"),
        "badges of a page": _badges(browser),
    }
    if is_admin:
        places |= SETTINGS | {"import, the preview of 20,000 rows": _checked_import(browser)}
    for label, path in places.items():
        yield label, partial(browser.get, path)
    numbers = count()

    def save() -> str:
        return browser.post("/contacts/new", {"name": f"Robin {next(numbers)}", "warmness_score": "1"}).text

    def warm() -> str:
        field = f"warmness-{contact.rsplit('/', maxsplit=1)[1]}"
        return browser.post(f"{contact}/warmness", {field: str(5 + next(numbers) % 5)}).text

    yield "saving a contact", save
    yield "warming a contact", warm
    yield "logging an activity", lambda: browser.post(f"{contact}/activities", {"type": "CALL", "done": "on"}).text


def _badges(browser: Browser) -> str:
    """Return the address of the badges of the first page of contacts."""
    ids = {part.split('"')[0] for part in browser.get("/contacts").split('id="badge-contact-')[1:]}
    return f"/badges?contact={','.join(sorted(ids))}"


def _checked_import(browser: Browser) -> str:
    """Bring a file, wait until its rows are checked, and return the address of its preview."""
    rows = (f"Import {number},import{number}@example.org,Alder Mills {number},{number % 6}" for number in range(ROWS))
    file = "\n".join(("Name,E-mail,Organization,Warmness", *rows)).encode()
    page = browser.post("/import", {}, file).url.path
    end = time.monotonic() + CHECKED_IN_TIME
    while "What will happen" not in browser.get(page):
        if time.monotonic() > end:
            raise BenchError("the rows of the import are not checked in time")
        time.sleep(0.2)
    return page


def _all_of(asks: dict[str, Callable[[], str]]) -> dict[str, Seen]:
    """Ask for everything again and again, each time in another order."""
    found = {label: Seen([]) for label in asks}
    for turn in range(SAMPLES + UNCOUNTED):
        for label in random.sample(list(asks), len(asks)):
            began = time.perf_counter()
            page = asks[label]()
            took = 1000 * (time.perf_counter() - began)
            if turn >= UNCOUNTED:
                found[label].times.append(took)
                found[label].size = max(found[label].size, len(page.encode()))
    return found


def _figure(what: str, seen: Seen) -> Figure:
    detail = f"{percentile(seen.times, 50):.1f} ms, {seen.size / 1000:.1f} kB"
    promise = Promise(f"under {IN_TIME} ms", IN_TIME)
    return Figure(what, percentile(seen.times, 95), "ms", promise=promise, detail=detail)
