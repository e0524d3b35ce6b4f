"""What a person takes away here is taken away there; where Pipedrive refuses that, it is told, and the rest goes."""

from datetime import date, time
from typing import Any

import pytest
from bench_engine import Bench
from django.utils import timezone
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Intent, Notification
from warmline.sync.row_state import with_state

pytestmark = pytest.mark.django_db

FIRM = book.OrganizationDetails("First Mills", sector="Baskets", country="Germany")


@pytest.fixture
def contact(bench: Bench, alice: User) -> Contact:
    """Return a contact with everything, in Pipedrive with an activity."""
    contact = book.add_contact(
        alice, name="Jordan Ames", email="a@example.com", phone="+1 1", organization=FIRM, warmness_score=5
    )
    day, hour = date(2026, 12, 1), time(9)
    book.log_activity(alice, contact, type="CALL", note="a", due_date=day, due_time=hour, done=False)
    bench.settle()
    contact.refresh_from_db()
    return contact


def stated(row: Any) -> Any:
    """Return a row as it is stored, with its state."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    return with_state(rows, threshold=4, now=timezone.now()).get()


def _change(row: Any, **changes: Any) -> None:
    row.refresh_from_db()
    getattr(book, f"change_{row._meta.model_name}")(row, changes)


@pytest.mark.parametrize("cleaning", [True, False])
@pytest.mark.parametrize("lost", [True, False])
def test_everything_can_be_taken_away(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact, *, lost: bool, cleaning: bool
) -> None:
    """One field after the other, also when the answer is lost; what comes back later arrives as well."""
    world.settings.cleaning = cleaning
    rows = {"contact": contact, "organization": contact.organization, "activity": Activity.objects.get()}
    for kind, field, empty in (
        ("contact", "email", ""),
        ("contact", "phone", ""),
        ("contact", "organization", None),
        ("organization", "sector", ""),
        ("organization", "country", ""),
        ("activity", "note", ""),
        ("activity", "due_time", None),
        ("activity", "due_date", None),
    ):
        if lost:
            sandbox.faults.add(Fault(kind="no_answer_after", method="PATCH", path=f"/api/v2/{kind}*/*", times=1))
        _change(rows[kind], **{field: empty})
        bench.settle(60)
        assert stated(rows[kind]).sync_state == "synced", (kind, field)

    person, firm, call = world.persons[1], world.organizations[1], world.activities[1]
    assert (person["emails"], person["phones"], person["org_id"]) == ([], [], None)
    assert not firm["address"]["country"]
    assert "Baskets" not in firm["custom_fields"].values()
    assert (call["note"] or "", call["due_date"], call["due_time"]) == ("", None, None)
    assert not Notification.objects.filter(kind="change_kept").exists()
    assert not Intent.objects.exists()

    _change(contact, organization=FIRM, phone="+2")
    _change(rows["activity"], due_date=date(2026, 12, 3))
    bench.settle(60)
    assert world.persons[1]["org_id"] == 1
    assert world.activities[1]["due_date"] == "2026-12-03"


def test_what_cannot_be_taken_away_is_told_and_the_rest_goes_over(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact
) -> None:
    """The row names what it is about, later edits arrive, and it is in line once somebody has taken it away there."""
    world.settings.refuse_nulls = True
    _change(contact, organization=None, phone="+2")
    bench.settle()

    row = stated(contact)
    assert (row.sync_state, row.pipedrive_sync_error_code, row.pipedrive_sync_error_field) == (
        "failed",
        "rejected",
        "organization",
    )
    assert "refused to clear the organization" in row.pipedrive_sync_error_message
    assert [each["value"] for each in world.persons[1]["phones"]] == ["+2"]
    assert world.persons[1]["org_id"] == 1

    _change(contact, phone="+3")
    bench.settle(60)
    assert [each["value"] for each in world.persons[1]["phones"]] == ["+3"]
    assert stated(contact).sync_state == "failed"
    assert not Notification.objects.filter(kind="change_kept").exists()

    world.settings.refuse_nulls = False
    sandbox.people.change("persons", 1, org_id=None)
    world.settings.refuse_nulls = True
    _change(contact, name="Jordan P. Ames")
    bench.settle(60)
    assert stated(contact).sync_state == "synced"
    assert (world.persons[1]["name"], world.persons[1]["org_id"]) == ("Jordan P. Ames", None)


def test_a_due_moment_that_cannot_be_taken_away_stays_whole(bench: Bench, world: World, contact: Contact) -> None:
    """A new day without a time is not sent as the new day at the old time."""
    world.settings.refuse_nulls = True
    call = Activity.objects.get()
    _change(call, due_date=date(2026, 12, 5), due_time=None, subject="Other")
    bench.settle()

    row = stated(call)
    assert (row.sync_state, row.pipedrive_sync_error_field) == ("failed", "due")
    assert (world.activities[1]["subject"], world.activities[1]["due_date"]) == ("Other", "2026-12-01")


def test_a_day_alone_says_nothing_of_a_time(
    bench: Bench, world: World, alice: User, contact: Contact, meddler: Meddler
) -> None:
    """Where there was none before, none has to be emptied."""
    world.settings.refuse_nulls = True
    call = book.log_activity(alice, contact, type="CALL", due_date=date(2026, 12, 1), done=False)
    bench.settle()
    _change(call, due_date=date(2026, 12, 2))
    bench.settle()
    assert meddler.updates == [{"due_date": "2026-12-02"}]
    assert stated(call).sync_state == "synced"


@pytest.mark.parametrize(("sector", "there"), [("Software", "Software"), ("software", "software"), ("", None)])
def test_a_sector_beside_a_colleagues_industry_has_its_place(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact, sector: str, there: str | None
) -> None:
    """Though an industry has its name: the industry is the colleague's, and ours stands in our field."""
    sandbox.people.change("organizations", 1, industry=35)
    organization = contact.organization
    _change(organization, sector=sector)
    bench.settle()
    firm = world.organizations[1]
    assert firm["industry"] == 35
    texts = [value for value in firm["custom_fields"].values() if value and value.count("-") < 4]
    assert texts == ([there] if there else [])
    assert stated(organization).sync_state == "synced"


def test_a_sector_that_a_colleague_chose_as_industry_has_its_place(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact
) -> None:
    """It is not written a second time."""
    sandbox.people.change("organizations", 1, industry=36)
    _change(contact.organization, sector="software")
    bench.settle()
    firm = world.organizations[1]
    assert firm["industry"] == 36
    assert [value for value in firm["custom_fields"].values() if value and value.count("-") < 4] == []
