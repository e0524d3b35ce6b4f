"""What a call costs does not grow with the book: its queries, their plans, and the steps that SQLite takes for them."""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from api.caller import Caller
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scale.filling import fill

from warmline.crm import search
from warmline.crm.models import Organization
from warmline.sync import pending

PAGES = [
    "/contacts",
    *(f"/contacts?state={state}" for state in ("wanted", "in_progress", "failed", "synced", "not_wanted")),
    *(f"/contacts?warm={warm}" for warm in ("true", "false")),
    *(f"/contacts?warm={warm}&state={state}" for warm in ("true", "false") for state in ("synced", "not_wanted")),
    "/contacts?search=dana",
    "/contacts?search=d",
    "/contacts?search=eli",
    "/contacts?search=eli birch",
    "/contacts?search=mills dana",
    "/contacts?search=iaz",
    "/contacts?search=irc",
    "/contacts?search=ills ana",
    "/contacts?search=nobody",
    "/contacts?search=buyer",
    "/contacts?tag=fair",
    "/contacts?tag=rare&search=dana",
    "/contacts?source=Fair 2026&state=failed",
    "/contacts?search=example.org&state=failed",
    "/organizations",
    *(f"/organizations?state={state}" for state in ("wanted", "failed", "synced", "not_wanted")),
    "/organizations?search=mills",
    "/organizations?search=birch",
    "/organizations?search=ill",
    "/activities",
    *(f"/activities?state={state}" for state in ("wanted", "failed", "synced", "not_wanted")),
    "/activities?contact_id={contact}",
    "/contacts/{contact}",
    "/sync",
]
SAVES: dict[str, tuple[str, dict[str, Any]]] = {
    "contact": ("/contacts", {"name": "Gil", "email": "gil@example.net", "organization": {"name": "Elm"}}),
    "activity": ("/activities", {"type": "CALL"}),
    "import": ("/contacts/import", {"contacts": [{"name": "Hal"}, {"name": "Ida", "email": "ida@example.net"}]}),
}
# Indexes of what is open: to read one from end to end costs what is open. Each holds no other rows.
OF_OPEN_ROWS = {
    "contact_changed",
    "contact_failed",
    "contact_to_decide",
    "organization_failed",
    "organization_changed",
    "organization_asked_for",
    "organization_deleted",
    "activity_changed",
    "activity_wanted",
}
TABLE = re.compile(r"^\S+ \S+ \S+ SCAN (crm_\w+|[U-Z]\d+)(?: USING (?:COVERING )?INDEX (\w+))?", re.MULTILINE)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["with statistics", "without statistics"])
def analyze(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Return what tells the planner of the present rows, or tells it nothing, as in a database never analyzed."""

    def run() -> None:
        if request.param == "with statistics":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    return run


# It reads SQLite's plans and steps; test_postgres.py beside this reads what PostgreSQL does.
by_steps = pytest.mark.only_on("sqlite")


def _steps(act: Callable[[], object]) -> int:
    """Return for how many instructions of SQLite's machine something keeps it busy, in hundreds."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 100)
    try:
        act()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return taken


def _queries(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured]


def _asking(caller: Caller, path: str, contact: int) -> Callable[[], object]:
    def ask() -> None:
        assert caller.http.get(f"/api{path.format(contact=contact)}").status_code == 200

    return ask


def _saving(caller: Caller, path: str, body: dict[str, Any]) -> Callable[[], object]:
    def save() -> None:
        assert caller.post(path, body).status in {200, 201}

    return save


@pytest.mark.parametrize("path", PAGES)
def test_the_queries_are_as_many_for_three_rows_as_for_thirty(bob: Caller, carol: Caller, path: str) -> None:
    """Nothing is asked once for each row."""
    Organization.objects.create(name="Oak")
    counts = []
    # From the seventh on: one that is wanted, one that is cold, one that is linked, and so on.
    for first, last in ((7, 10), (10, 37)):
        fill(bob.user, first, last)
        contact = bob.get("/contacts").body["items"][0]["id"]
        counts.append(len(_queries(_asking(bob, path, contact))))
    assert counts[0] == counts[1]
    assert counts[0] <= 13


@by_steps
def test_no_page_reads_a_whole_table(alice: Caller, bob: Caller, carol: Caller, analyze: Callable[[], None]) -> None:
    """Each table is searched by an index, or read by one that holds open rows only, whoever asks."""
    fill(bob.user, 0, 1500)
    analyze()
    for caller, path in product((alice, bob, carol), PAGES):
        contact = caller.get("/contacts").body["items"][0]["id"]
        for sql in _queries(_asking(caller, path, contact)):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = "\n".join(f"{row[0]} {row[1]} {row[2]} {row[3]}" for row in cursor.fetchall())
            for table, index in TABLE.findall(plan):
                assert index in OF_OPEN_ROWS, f"{table} is read as a whole:\n{sql}\n{plan}"


@by_steps
def test_the_database_does_as_much_for_a_page_of_a_larger_book(
    alice: Caller, bob: Caller, carol: Caller, analyze: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a book ten times as large, every page costs at most half as much again: common rows and rare ones alike."""
    monkeypatch.setattr(search, "RARE", 50)  # what is common in the large book is so in the small one
    asked = [(caller, path) for caller in (alice, bob, carol) for path in PAGES]
    steps = []
    for first, last in ((0, 400), (400, 4000)):
        fill(bob.user, first, last)
        analyze()
        contacts = {caller: caller.get("/contacts").body["items"][0]["id"] for caller in (alice, bob, carol)}
        steps.append([_steps(_asking(caller, path, contacts[caller])) for caller, path in asked])
    # 20 thousand instructions are about a millisecond; plans may differ by that much without growing.
    grown = [
        (caller.user.name, path, small, large)
        for (caller, path), small, large in zip(asked, *steps, strict=True)
        if large > 1.5 * small + 20
    ]
    assert not grown


@by_steps
@pytest.mark.parametrize("what", SAVES)
def test_saving_costs_as_much_in_a_larger_book(
    bob: Caller, carol: Caller, analyze: Callable[[], None], what: str
) -> None:
    """A contact, an activity and an import are stored in as many steps."""
    steps = []
    for first, last in ((0, 400), (400, 4000)):
        fill(bob.user, first, last)
        analyze()
        path, body = SAVES[what]
        contact = bob.add("Kim")
        more = {"contact_id": contact["id"]} if what == "activity" else {}
        steps.append(_steps(_saving(bob, path, {**body, **more})))
    assert steps[1] <= 1.5 * steps[0] + 20


@by_steps
def test_finding_what_is_due_costs_as_much_in_a_larger_book(
    bob: Caller, carol: Caller, analyze: Callable[[], None]
) -> None:
    """The rows that are due are as many, and so are the steps."""
    steps = []
    for first, last in ((0, 400), (400, 4000)):
        fill(bob.user, first, last)
        analyze()
        steps.append(
            _steps(lambda: [pending.due(timezone.now(), 4, 50, background=background) for background in (False, True)])
        )
    assert steps[1] <= 1.5 * steps[0] + 20
