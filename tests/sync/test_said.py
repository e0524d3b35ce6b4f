"""What an update of ours did counts as nobody's change: the newest edit arrives, whatever became of those before it."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Intent, Notification
from warmline.sync.note_html import to_html
from warmline.sync.status.retry_and_choose import retry
from warmline.sync.synced_fields import columns_sent

pytestmark = pytest.mark.django_db

OTHERS = {"primary": False, "label": "home"}
Read = Callable[[dict[str, Any]], Any]


def _first(name: str) -> Read:
    return lambda record: next((entry["value"] for entry in record[name] if entry["label"] == "work"), "")


def _last(name: str) -> Read:
    return lambda record: record[name][-1]["value"] if record[name] else ""


def _sector(record: dict[str, Any]) -> Any:
    typed = (value for value in record["custom_fields"].values() if value and not value.count("-"))
    return next(typed, record["industry"])


def _firm(name: str) -> book.OrganizationDetails:
    return book.OrganizationDetails(name)


# kind, field, two values that follow each other, how they are read there, and as what
FIELDS: list[tuple[str, str, Any, Any, Read, tuple[Any, Any]]] = [
    ("contact", "name", "Jordan B", "Jordan C", lambda r: r["name"], ("Jordan B", "Jordan C")),
    ("contact", "email", "b@example.com", "c@example.com", _first("emails"), ("b@example.com", "c@example.com")),
    ("contact", "email", "b@example.com", "", _first("emails"), ("b@example.com", "")),
    ("contact", "email", "", "c@example.com", lambda r: r["emails"][-1]["value"], ("p@example.net", "c@example.com")),
    ("contact", "phone", "+4930555", "+4940", _first("phones"), ("+4930555", "+4940")),
    ("contact", "phone", "", "+4940", lambda r: r["phones"][-1]["value"], ("+99", "+4940")),
    ("contact", "email_label", "home", "mobile", lambda r: r["emails"][0]["label"], ("home", "mobile")),
    ("contact", "phone_label", "mobile", "other", lambda r: r["phones"][0]["label"], ("mobile", "other")),
    (
        "contact",
        "more_emails",
        [["d@example.com", "home"]],
        [["e@example.com", "work"]],
        _last("emails"),
        ("d@example.com", "e@example.com"),
    ),
    ("contact", "more_phones", [["+4950", "home"]], [["+4960", "work"]], _last("phones"), ("+4950", "+4960")),
    ("contact", "organization", _firm("Second Mills"), _firm("Third Mills"), lambda r: r.get("org_id"), (2, 3)),
    ("organization", "name", "Mills B", "Mills C", lambda r: r["name"], ("Mills B", "Mills C")),
    ("organization", "country", "Peru", "Chile", lambda r: r["address"]["country"], ("Peru", "Chile")),
    ("organization", "country", "", "Chile", lambda r: r["address"]["country"], ("", "Chile")),
    ("organization", "sector", "software", "Baskets", _sector, (36, "Baskets")),
    ("organization", "sector", "Baskets", "retail", _sector, ("Baskets", 35)),
    ("organization", "sector", "Baskets", "", _sector, ("Baskets", None)),
    ("activity", "subject", "B", "C", lambda r: r["subject"], ("B", "C")),
    ("activity", "note", "b <b>\nc & d", "e\n  f", lambda r: r["note"], (to_html("b <b>\nc & d"), to_html("e\n  f"))),
    ("activity", "type", "MEETING", "EMAIL", lambda r: r["type"], ("task", "email")),
    (
        "activity",
        "due_date",
        date(2026, 12, 2),
        date(2026, 12, 3),
        lambda r: r["due_date"],
        ("2026-12-02", "2026-12-03"),
    ),
    ("activity", "due_time", time(10), time(11), lambda r: r["due_time"], ("10:00:00", "11:00:00")),
    ("activity", "done", True, False, lambda r: r["done"], (True, False)),
]
COLUMNS = ("kind", "field", "first", "second", "read", "there")
NAMES = [f"{row[0]} {row[1]} {row[2]!r:.12}" for row in FIELDS]
FAULTS = ("error", "no_answer", "no_answer_after", "html_error_after", "crash")
ONE_OF_EACH = [
    next(row for row in FIELDS if row[:2] == chosen)
    for chosen in (
        ("contact", "email"),
        ("contact", "organization"),
        ("organization", "country"),
        ("activity", "note"),
    )
]
PATHS = {"contact": "persons", "organization": "organizations", "activity": "activities"}
CHANGES: dict[str, Callable[[Any, Any], None]] = {
    "contact": book.change_contact,
    "organization": book.change_organization,
    "activity": book.change_activity,
}


@pytest.fixture
def rows(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> dict[str, Row]:
    """Return a contact, its organization and an activity that are in Pipedrive, beside what colleagues added there."""
    world.set_activity_type_active("meeting", active=False)
    firm = book.OrganizationDetails("First Mills", sector="Manufacturing", country="Germany")
    contact = book.add_contact(
        alice, name="Jordan A", email="a@example.com", phone="+1 1", organization=firm, warmness_score=5
    )
    for name in ("Second Mills", "Third Mills"):
        book.add_contact(alice, name=f"Of {name}", organization=_firm(name), warmness_score=5)
    day, hour = date(2026, 12, 1), time(9)
    call = book.log_activity(alice, contact, type="CALL", note="a", due_date=day, due_time=hour, done=False)
    bench.settle()
    emails = [*world.persons[1]["emails"], {"value": "p@example.net", **OTHERS}]
    phones = [*world.persons[1]["phones"], {"value": "+99", **OTHERS}]
    sandbox.people.change("persons", 1, emails=emails, phones=phones)
    address = {"value": "Hauptstr. 1, 10115 Berlin", "country": "Germany", "postal_code": "10115"}
    sandbox.people.change("organizations", 1, address=address)
    organization = contact.organization
    assert organization is not None
    return {"contact": contact, "organization": organization, "activity": call}


def _change(row: Row, field: str, value: Any) -> None:
    row.refresh_from_db()
    CHANGES[str(row._meta.model_name)](row, {field: value})


def _lose(sandbox: Sandbox, kind: str, fault: str = "no_answer_after") -> None:
    sandbox.faults.add(Fault(kind=fault, method="PATCH", path=f"/api/v2/{PATHS[kind]}/*", times=1))  # type: ignore[arg-type]


def _record(world: World, kind: str) -> dict[str, Any]:
    return world.records[PATHS[kind]][1]


@pytest.mark.parametrize(
    (*COLUMNS, "then"),
    [*((*row, "throttled") for row in FIELDS), *((*row, fault) for row in ONE_OF_EACH for fault in FAULTS)],
)
def test_the_newest_edit_arrives(
    bench: Bench,
    world: World,
    sandbox: Sandbox,
    meddler: Meddler,
    rows: dict[str, Row],
    kind: str,
    field: str,
    first: Any,
    second: Any,
    read: Read,
    there: tuple[Any, Any],
    then: str,
) -> None:
    """The first one was done, and its answer lost; the second one fails once, in whatever way, and is not given up."""
    row = rows[kind]
    _lose(sandbox, kind)
    _change(row, field, first)
    bench.engine.step(bench.clock.now())
    assert read(_record(world, kind)) == there[0]
    _change(row, field, second)
    if then == "crash":
        meddler.once("PATCH", f"/api/v2/{PATHS[kind]}/1", _die)
        with pytest.raises(KeyboardInterrupt):
            bench.settle(120)
        assert meddler.is_done
    else:
        _lose(sandbox, kind, then)

    bench.settle(300)

    assert read(_record(world, kind)) == there[1]
    _is_at_rest(row)


def _die() -> httpx.Response:
    raise KeyboardInterrupt


def _is_at_rest(row: Row) -> None:
    row.refresh_from_db()
    assert row.revision == row.pipedrive_revision
    assert not Notification.objects.filter(kind="change_kept").exists()
    assert not Intent.objects.exists()


@pytest.mark.parametrize(COLUMNS, FIELDS, ids=NAMES)
def test_a_lost_edit_alone_is_nobodys_change(
    bench: Bench,
    world: World,
    sandbox: Sandbox,
    rows: dict[str, Row],
    kind: str,
    field: str,
    first: Any,
    second: Any,
    read: Read,
    there: tuple[Any, Any],
) -> None:
    """It was done: it is not sent again, and the next edit goes over as any other."""
    row = rows[kind]
    _lose(sandbox, kind)
    _change(row, field, first)
    bench.settle(120)
    assert len([call for call in world.calls if call.method == "PATCH"]) == 1
    _is_at_rest(row)

    _change(row, field, second)
    bench.settle(120)

    assert read(_record(world, kind)) == there[1]
    _is_at_rest(row)


@pytest.mark.parametrize("lost", ["no_answer", "no_answer_after"])
def test_of_many_lost_edits_the_last_arrives(
    bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row], lost: str
) -> None:
    """Each was done or not; none of them is taken for a colleague's."""
    for number, fault in enumerate(("no_answer_after", lost, "no_answer_after", "throttled", lost)):
        _lose(sandbox, "contact", fault)
        _change(rows["contact"], "name", f"Jordan {number}")
        bench.settle(40)
    _change(rows["contact"], "name", "Jordan Last")

    bench.settle(400)

    assert world.persons[1]["name"] == "Jordan Last"
    _is_at_rest(rows["contact"])


def test_a_colleagues_word_after_a_lost_edit_is_kept(
    bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row]
) -> None:
    """It is what the record says by then, and not what we said."""
    _lose(sandbox, "contact")
    _change(rows["contact"], "name", "Jordan B")
    bench.engine.step(bench.clock.now())
    sandbox.people.change("persons", 1, name="Jordan by hand")
    _change(rows["contact"], "name", "Jordan C")

    bench.settle(120)

    assert world.persons[1]["name"] == "Jordan by hand"
    assert "“Jordan C”" in Notification.objects.get(kind="change_kept").text


def test_what_was_said_of_a_deleted_record_is_forgotten(
    bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row]
) -> None:
    """The one that is made in its place knows nothing of it."""
    contact = rows["contact"]
    _lose(sandbox, "contact")
    _change(contact, "name", "Jordan B")
    bench.engine.step(bench.clock.now())
    sandbox.people.delete("persons", 1)
    bench.settle(60)
    contact.refresh_from_db()
    retry(contact)
    bench.settle(60)

    assert not Intent.objects.exists()


def test_a_conflict_names_the_organizations(bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row]) -> None:
    """Pipedrive's, which may be none of ours, and ours."""
    foreign = sandbox.add("organizations", name="Foreign Mills")
    sandbox.people.change("persons", 1, org_id=foreign["id"])
    _change(rows["contact"], "organization", _firm("Second Mills"))

    bench.settle()

    text = Notification.objects.get(kind="change_kept").text
    assert "organization: Pipedrive's “Foreign Mills” was kept, not “Second Mills”." in text

    sandbox.people.change("persons", 1, org_id=3)
    _change(rows["contact"], "organization", None)
    bench.settle()

    text = Notification.objects.filter(kind="change_kept").latest("pk").text
    assert "organization: Pipedrive's “Third Mills” was kept, not (empty)." in text


def test_an_organization_that_both_sides_chose_is_no_conflict(
    bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row]
) -> None:
    """A colleague said the same there."""
    sandbox.people.change("persons", 1, org_id=2)
    _change(rows["contact"], "organization", _firm("Second Mills"))

    bench.settle()

    assert world.persons[1]["org_id"] == 2
    assert not [call for call in world.calls if call.method == "PATCH"]
    _is_at_rest(rows["contact"])


@pytest.mark.parametrize("country", ["Austria", ""])
@pytest.mark.parametrize("line", ["Hauptstr. 1, 10115 Berlin", "Germany", ""])
def test_all_parts_of_an_address_go_back(
    bench: Bench, world: World, sandbox: Sandbox, rows: dict[str, Row], line: str, country: str
) -> None:
    """A PATCH empties those that are not sent; those that no document names go back as well."""
    parts = {
        "admin_area_level_1": "Berlin",
        "admin_area_level_2": "Mitte",
        "locality": "Berlin",
        "sublocality": "Mitte",
        "route": "Hauptstr.",
        "street_number": "1",
        "subpremise": "2b",
        "postal_code": "10115",
        "floor": "3rd",
    }
    sandbox.people.change("organizations", 1, address={"value": line, "country": "Germany", **parts})
    _change(rows["organization"], "country", country)

    bench.settle()

    mine = line if line.startswith("Hauptstr.") else country
    assert world.organizations[1]["address"] == {"value": mine, "country": country, **parts}
    _is_at_rest(rows["organization"])


def test_what_is_there_already_is_not_doubled(bench: Bench, world: World, rows: dict[str, Row]) -> None:
    """A phone and an e-mail that a colleague had added, and that are ours now."""
    before = world.persons[1]
    _change(rows["contact"], "phone", "+9 9")
    _change(rows["contact"], "email", "P@example.net")
    bench.settle()
    assert world.persons[1] == before
    _is_at_rest(rows["contact"])


def test_the_models_are_all_of_them() -> None:
    """Each field of which Pipedrive is told is among those above."""
    told = {
        (str(model._meta.model_name), name)
        for model in (Contact, Organization, Activity)
        for name in columns_sent(model)
    }
    assert told == {row[:2] for row in FIELDS}
