"""On PostgreSQL what a call costs does not grow with the book: the pages of the database that its statements touch.

Unlike time, that is the same on a busy machine. A page has 8 kB, some hundred rows; so much more than the rows that are
shown and the way down the indexes is never read.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from api.caller import Caller
from django.db import connection, reset_queries
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scale.filling import fill
from scale.test_growth import PAGES
from scale.test_lists import asking

from warmline.crm import search
from warmline.sync import pending
from warmline.sync.status import row_lists

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres")]

SIZES = ((0, 2000), (2000, 20_000))
SLACK = 450  # pages: the way down the indexes for each of fifty rows, which is short in a small book
# Of each organization that is shown its contacts are looked at, while a small book is read as a whole instead.
SLACK_OF_ORGANIZATIONS = 700


def touched(act: Callable[[], object]) -> int:
    """Return how many pages of the database are touched by what something reads."""
    reset_queries()  # Django keeps the last 9,000 of a test, and these are more
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(_pages(query["sql"]) for query in captured if query["sql"].lstrip().startswith(("SELECT", "(SELECT")))


def _pages(sql: str) -> int:
    if "FOR NO KEY UPDATE" in sql:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}")
        (found,) = cursor.fetchone()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _slack(name: object) -> int:
    return SLACK_OF_ORGANIZATIONS if "organizations" in str(name) else SLACK


def _get(caller: Caller, path: str) -> None:
    assert caller.http.get(f"/api{path}").status_code == 200


@pytest.fixture
def costs(
    alice: Caller, bob: Caller, carol: Caller, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], list[tuple[Any, Callable[[], object]]]]], list[Any]]:
    """Return what measures things in a book and in one that is ten times as large, and tells which cost more there."""
    # What is common in the large book is so in the small one.
    monkeypatch.setattr(search, "RARE", 50)
    monkeypatch.setattr(row_lists, "FEW", 30)
    monkeypatch.setattr(row_lists, "MANY", 100)
    monkeypatch.setattr(row_lists, "COUNTED", 100)

    def measure(things: Callable[[], list[tuple[Any, Callable[[], object]]]]) -> list[Any]:
        found = []
        for first, last in SIZES:
            fill(bob.user, first, last)
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")  # as PostgreSQL does by itself, by and by
            found.append({name: touched(act) for name, act in things()})
        small, large = found
        return [(name, small[name], cost) for name, cost in large.items() if cost > 1.5 * small[name] + _slack(name)]

    return measure


def test_what_is_read_does_not_grow(alice: Caller, bob: Caller, carol: Caller, costs: Callable[..., list[Any]]) -> None:
    """Every list, search and count of pages and API, and the look at what is due."""

    def things() -> list[tuple[Any, Callable[[], object]]]:
        callers = (alice, bob, carol)
        contacts = {caller: caller.get("/contacts").body["items"][0]["id"] for caller in callers}
        calls = [
            ((caller.user.name, path), partial(_get, caller, path.format(contact=contacts[caller])))
            for caller, path in product(callers, PAGES)
        ]
        due = [
            (("due", batch), partial(pending.due, timezone.now(), 4, 50, background=batch)) for batch in (False, True)
        ]
        return [*calls, *due, *asking(*callers)]

    grown = costs(things)
    assert not grown, grown
