"""What people changed in Pipedrive and is not shown here stays a difference, which the audit names.

An attempt that comes across it, for whatever reason, does not settle it: a person does.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from audit_desk import Desk
from bench_engine import POLL_EVERY, Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_activity, change_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox
from warmline.sync.audit.repairing import Repairs
from warmline.sync.audit_models import Finding
from warmline.sync.status import audit_choices
from warmline.sync.status.retry_and_choose import retry_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(watching: Bench, alice: User) -> Contact:
    """Return Vera, who is in Pipedrive with her organization and a call."""
    vera = add_contact(
        alice, name="Vera Holm", email="vera@example.com", organization=OrganizationDetails("Mill"), warmness_score=8
    )
    watching.settle()
    log_activity(alice, vera, type="CALL", subject="First call")
    watching.settle(POLL_EVERY.total_seconds() + 60)
    vera.refresh_from_db()
    assert vera.is_linked
    return vera


@pytest.fixture
def desk(watching: Bench, sandbox: Sandbox) -> Desk:
    """Return where audits are made."""
    return Desk(watching.pipedrive, watching.policy, watching.clock, sandbox)


def moved(sandbox: Sandbox, name: str = "M" * 300) -> int:
    """Move Vera to another organization in Pipedrive, with a name too long to be shown here; return its id."""
    other = int(sandbox.add("organizations", name=name)["id"])
    sandbox.people.change("persons", 1, org_id=other)
    return other


def retype(sandbox: Sandbox) -> None:
    """Make the call a task in Pipedrive, which several types of ours are sent as."""
    sandbox.people.change("activities", 1, type="task")


def later(watching: Bench) -> None:
    """Let a look at changes pass, and what it has woken."""
    watching.settle(POLL_EVERY.total_seconds())
    watching.settle(5)


def edit_contact(_watching: Bench) -> None:
    """Edit something else of Vera."""
    change_contact(Contact.objects.get(name="Vera Holm"), {"phone": "+46 8 1234567"})


def edit_activity(_watching: Bench) -> None:
    """Edit something else of the call."""
    change_activity(Activity.objects.get(), {"note": "She calls back."})


def nothing(_watching: Bench) -> None:
    """Let it be noticed alone."""


def edit_at_once(watching: Bench) -> None:
    """Have an edit go over before any look at changes."""
    edit_contact(watching)
    edit_activity(watching)
    watching.settle(5)


@pytest.mark.parametrize("meanwhile", [nothing, edit_contact, edit_activity, edit_at_once])
def test_it_is_found_whatever_is_sent_meanwhile(
    watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox, meanwhile: Callable[[Bench], None]
) -> None:
    """That a person was moved, and that a call became a task."""
    moved(sandbox)
    retype(sandbox)
    meanwhile(watching)
    for _ in range(2):
        later(watching)
    desk.audit()
    assert desk.found() == {("contact", vera.pk, "organization"), ("activity", Activity.objects.get().pk, "activity")}
    assert [each.fields for each in Finding.objects.order_by("kind")] == [["type"], ["organization"]]


def test_it_is_found_until_it_is_accepted_and_again_when_it_changes_again(
    watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox
) -> None:
    """An edit that goes over in between makes no difference."""
    moved(sandbox)
    for _ in range(2):
        edit_at_once(watching)
        desk.audit()
        assert desk.found() == {("contact", vera.pk, "organization")}
    audit_choices.accept(Finding.objects.get())
    edit_at_once(watching)
    assert desk.audit().is_clean
    moved(sandbox)
    change_contact(Contact.objects.get(), {"phone": "+46 8 7654321"})
    watching.settle(5)
    desk.audit()
    assert desk.found() == {("contact", vera.pk, "organization")}


@pytest.mark.parametrize("is_accepted_first", [False, True])
def test_it_is_repaired(
    watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox, *, is_accepted_first: bool
) -> None:
    """Ours is sent, and then both agree; also if it was accepted before, and changed again."""
    if is_accepted_first:
        moved(sandbox)
        desk.audit()
        audit_choices.accept(Finding.objects.get())
        edit_at_once(watching)
    moved(sandbox)
    edit_at_once(watching)
    desk.audit()
    audit_choices.repair(Finding.objects.get())
    Repairs(watching.pipedrive, watching.policy, watching.clock).repair_all()
    watching.settle(5)
    assert sandbox.world.persons[1]["org_id"] == Organization.objects.get().pipedrive_org_id
    assert desk.audit().is_clean


def test_moved_back_it_is_none(watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox) -> None:
    """Whatever was sent while it was so."""
    moved(sandbox)
    edit_at_once(watching)
    sandbox.people.change("persons", 1, org_id=Organization.objects.get().pipedrive_org_id)
    later(watching)
    assert desk.audit().is_clean


def test_moved_here_too_it_is_none(watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox) -> None:
    """Somebody has followed here."""
    moved(sandbox, "Elsewhere")
    edit_at_once(watching)
    change_contact(Contact.objects.get(), {"organization": OrganizationDetails("Elsewhere")})
    watching.settle(60)
    assert desk.audit().is_clean


def test_a_value_that_is_not_valid_here_is_found(
    watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox, alice: User
) -> None:
    """A name that another organization has: the attempts say so, and so does the audit."""
    add_contact(alice, name="Kim", organization=OrganizationDetails("Birch Partners"), warmness_score=0)
    sandbox.people.change("organizations", 1, name="Birch Partners")
    later(watching)
    book.change_organization(Organization.objects.get(name="Mill"), {"country": "Peru"})
    watching.settle(5)
    assert sandbox.world.organizations[1]["address"]["country"] == "Peru"
    desk.audit()
    assert desk.found() == {("organization", Organization.objects.get(name="Mill").pk, "different")}


@pytest.mark.parametrize(
    ("kind", "changes", "field", "value"),
    [
        ("persons", {"name": "Vera Holmes"}, "name", "Vera Holmes"),
        ("activities", {"subject": "Second call"}, "subject", "Second call"),
    ],
)
def test_what_changes_while_ours_is_sent_is_shown_here(
    watching: Bench, vera: Contact, sandbox: Sandbox, meddler: Meddler, kind: Any, changes: Any, field: str, value: str
) -> None:
    """It was read before, and comes back with the answer to our change, which is no agreement."""

    def change() -> httpx.Response | None:
        sandbox.people.change(kind, 1, **changes)
        return None

    meddler.once("PATCH", f"/api/v2/{kind}/1", change)
    (edit_contact if kind == "persons" else edit_activity)(watching)
    watching.settle(5)
    assert meddler.is_done
    for _ in range(2):
        later(watching)
    row: Any = Contact.objects.get() if kind == "persons" else Activity.objects.get()
    assert getattr(row, field) == value
    assert (Contact.objects.get().phone or Activity.objects.get().note) != ""


def test_it_costs_nothing_while_it_lasts(watching: Bench, vera: Contact, sandbox: Sandbox) -> None:
    """No look wakes the row again and again."""
    moved(sandbox)
    later(watching)
    before = len(sandbox.world.calls)
    for _ in range(3):
        later(watching)
    assert [call.path for call in sandbox.world.calls[before:] if call.path.endswith("/1")] == []
    watching.clock.sleep(timedelta(minutes=1).total_seconds())
    retry_all(None)
    watching.settle(5)
    assert [call.path for call in sandbox.world.calls[before:] if call.path.endswith("/1")] == []


def test_a_type_that_was_not_active_is_not_what_people_changed(
    watching: Bench, desk: Desk, vera: Contact, sandbox: Sandbox, alice: User
) -> None:
    """The answer to the create of a meeting, which was sent as a task, is lost."""
    sandbox.world.set_activity_type_active("meeting", active=False)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=1))
    log_activity(alice, vera, type="MEETING")
    watching.settle(60)
    sandbox.world.set_activity_type_active("meeting", active=True)
    later(watching)
    assert [each["type"] for each in sandbox.world.activities.values()] == ["call", "task"]
    assert desk.audit().is_clean
