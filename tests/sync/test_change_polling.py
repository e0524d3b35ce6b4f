"""What people change in Pipedrive is shown here within minutes, at the price of a list."""

from datetime import date, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bench_engine import Bench
from meddler import Meddler
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline.crm import book
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.book import OrganizationDetails, add_contact, change_activity, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.undo import UndoStep
from warmline.crm.users import User
from warmline.pipedrive import Pipedrive
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.account_models import ChangesSeen
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.engine.reconciler import Engine
from warmline.sync.mapping import due_here, due_in_utc
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile import change_polling, emails_phones_merge
from warmline.sync.reconcile.change_polling import LOOKS_TO_A_CHECK
from warmline.sync.reconcile.three_way_merge import changed_there
from warmline.sync.remote import reconcile_first

EVERY = timedelta(minutes=15)
pytestmark = pytest.mark.django_db


@pytest.fixture
def polling(pipedrive: Pipedrive, policy: Policy, clock: VirtualClock, settings: Settings) -> Bench:
    """Return an engine that asks every 15 minutes."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    return Bench(Engine(pipedrive, policy, clock, Random(7), poll_every=EVERY), clock, policy, pipedrive)


@pytest.fixture
def contact(polling: Bench, alice: User) -> Contact:
    """Return a contact that is in Pipedrive with its organization and an activity, after the first look."""
    contact = add_contact(
        alice,
        name="Robin Vale",
        email="robin@example.com",
        phone="+49 30 5550100",
        organization=OrganizationDetails("Tidewater Mills"),
        warmness_score=9,
    )
    polling.settle(20)
    contact.refresh_from_db()
    log_activity(
        alice, contact, type=ActivityType.CALL, subject="First call", due_date=date(2031, 1, 5), due_time=time(9, 30)
    )
    polling.settle(20)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 1
    assert Activity.objects.get().pipedrive_activity_id == 1
    return contact


def _later(polling: Bench) -> None:
    polling.settle(EVERY.total_seconds())
    polling.settle(5)  # what the look has woken


@pytest.mark.parametrize(
    ("kind", "change", "name", "value"),
    [
        ("persons", {"name": "Robin Veil"}, "name", "Robin Veil"),
        ("persons", {"emails": [{"value": "vale@example.org"}]}, "email", "vale@example.org"),
        ("persons", {"phones": []}, "phone", ""),
        ("organizations", {"name": "Tidewater Mills Ltd"}, "organization.name", "Tidewater Mills Ltd"),
        ("organizations", {"address": {"value": "Norway", "country": "Norway"}}, "organization.country", "Norway"),
        ("activities", {"subject": "Second call"}, "subject", "Second call"),
        ("activities", {"done": True}, "done", True),
        ("activities", {"note": "<p>Likes <b>tea</b></p>"}, "note", "Likes tea"),
        ("activities", {"due_date": "2031-02-01", "due_time": "10:00"}, "due_date", date(2031, 2, 1)),
        ("activities", {"due_date": "2031-02-01", "due_time": "10:00"}, "due_time", time(10, 0)),
    ],
)
def test_a_change_there_is_shown_here(
    polling: Bench, contact: Contact, sandbox: Sandbox, kind: Any, change: dict[str, Any], name: str, value: object
) -> None:
    """Whatever people change, without anybody touching the row here; and nothing is sent back."""
    sandbox.people.change(kind, 1, **change)
    writes = [call for call in sandbox.world.calls if call.method != "GET"]
    _later(polling)
    row: Any = Activity.objects.get() if kind == "activities" else Contact.objects.get()
    for part in name.split("."):
        row = getattr(row, part)
    assert row == value
    assert [call for call in sandbox.world.calls if call.method != "GET"] == writes
    assert not Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).exists()


FIRST = {"value": "robin@example.com", "label": "work", "primary": True}
SECOND = {"value": "vale@example.org", "label": "home", "primary": False}
WORK, HOME = ("robin@example.com", "work"), ("vale@example.org", "home")


def _emails() -> list[tuple[str, str]]:
    return [(each.value, each.label) for each in Contact.objects.get().emails]


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ([FIRST, SECOND], [WORK, HOME]),
        ([SECOND | {"primary": True}, FIRST | {"primary": False}], [WORK, HOME]),
        ([FIRST | {"label": "mobile"}], [("robin@example.com", "mobile")]),
        ([FIRST, SECOND | {"label": "fax"}], [WORK, ("vale@example.org", "other")]),
        ([SECOND | {"primary": True}], [HOME]),
        ([SECOND | {"primary": True}, SECOND | {"value": "third@example.org"}], [HOME, ("third@example.org", "home")]),
        ([], []),
    ],
)
def test_each_of_several_emails_is_shown_here(
    polling: Bench, contact: Contact, sandbox: Sandbox, there: list[dict[str, Any]], here: list[tuple[str, str]]
) -> None:
    """Added, taken away, labelled or replaced there; nothing is sent back, and afterwards there is nothing to do."""
    sandbox.people.change("persons", 1, emails=there)
    writes = [call for call in sandbox.world.calls if call.method != "GET"]
    _later(polling)
    assert _emails() == here
    before = len(sandbox.world.calls)
    _later(polling)
    _later(polling)
    assert [call for call in sandbox.world.calls[before:] if call.tokens == 1] == []
    assert [call for call in sandbox.world.calls if call.method != "GET"] == writes
    assert not Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).exists()


def test_the_second_one_is_taken_away_with_the_first_left(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """And the first one with the second left, which is the primary one from then on."""
    for there, here in (([FIRST, SECOND], [WORK, HOME]), ([FIRST], [WORK]), ([FIRST, SECOND], [WORK, HOME])):
        sandbox.people.change("persons", 1, emails=there)
        _later(polling)
        assert _emails() == here
    sandbox.people.change("persons", 1, emails=[SECOND])
    _later(polling)
    assert _emails() == [HOME]
    before = len(sandbox.world.calls)
    _later(polling)
    assert [call for call in sandbox.world.calls[before:] if call.tokens == 1] == []


def test_an_email_that_was_changed_here_too_is_not_taken_over(
    polling: Bench, contact: Contact, sandbox: Sandbox
) -> None:
    """It is a conflict, of which people are told; another one that was added only there is shown at the same time."""
    _later(polling)
    there = [FIRST, SECOND, SECOND | {"value": "third@example.org"}]
    sandbox.people.change("persons", 1, emails=there)
    book.change_contact(contact, {"emails": [WORK, ("vale@example.org", "mobile")]})
    assert not Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).exists()
    _later(polling)
    assert set(_emails()) == {WORK, HOME, ("third@example.org", "home")}
    assert Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).count() == 1


def test_an_email_that_was_removed_here_meanwhile_stays_removed(
    polling: Bench, contact: Contact, sandbox: Sandbox
) -> None:
    """An edit of the e-mails is sent, and what was added there meanwhile stays on both sides."""
    sandbox.people.change("persons", 1, emails=[FIRST, SECOND])
    _later(polling)
    book.change_contact(Contact.objects.get(), {"emails": [WORK]})
    sandbox.people.change("persons", 1, emails=[FIRST, SECOND, SECOND | {"value": "third@example.org"}])
    _later(polling)
    assert _emails() == [WORK, ("third@example.org", "home")]
    assert [each["value"] for each in sandbox.world.persons[1]["emails"]] == ["robin@example.com", "third@example.org"]


def test_an_edit_of_an_email_meanwhile_keeps_the_news(
    polling: Bench, contact: Contact, sandbox: Sandbox, meddler: Meddler
) -> None:
    """An edit while the record is read: it is sent, and the second e-mail is shown afterwards."""
    sandbox.people.change("persons", 1, emails=[FIRST, SECOND])

    def edit() -> None:
        book.change_contact(Contact.objects.get(), {"emails": [("robin@example.com", "mobile")]})

    meddler.once("GET", "/api/v2/persons/1", edit)
    _later(polling)
    polling.settle(30)
    assert meddler.is_done
    assert _emails() == [("robin@example.com", "mobile"), HOME]
    assert [each["label"] for each in sandbox.world.persons[1]["emails"]] == ["mobile", "home"]


def test_one_that_is_not_valid_here_keeps_no_other_away(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """Pipedrive takes what is no e-mail; the others are shown, and nothing is removed there."""
    there = [FIRST, {"value": "call first", "label": "work", "primary": False}, SECOND]
    sandbox.people.change("persons", 1, emails=there)
    _later(polling)
    assert _emails() == [WORK, HOME]
    book.change_contact(Contact.objects.get(), {"name": "Robin Veil"})
    _later(polling)
    assert len(sandbox.world.persons[1]["emails"]) == 3


def test_nothing_is_asked_while_links_are_checked(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """After a restore: nothing is registered or sent before the check is done, and then the change is shown."""
    reconcile_first.begin(reconcile_first.RESTORED)
    sandbox.people.change("persons", 1, emails=[FIRST, SECOND])
    before = len(sandbox.world.calls)
    _later(polling)
    assert not [call for call in sandbox.world.calls[before:] if call.method != "GET"]
    _later(polling)
    _later(polling)
    assert not reconcile_first.is_on()
    assert _emails() == [WORK, HOME]


def test_what_somebody_accepted_as_different_stays_so(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """By the audit's page, before a look has come across it."""
    sandbox.people.change("persons", 1, name="Robin Veil")
    link = AuditedLink.objects.get(kind="contact", row_id=contact.pk)
    link.accepted = {"name": "Robin Veil"}
    link.save()
    _later(polling)
    assert Contact.objects.get().name == "Robin Vale"
    sandbox.people.change("persons", 1, name="Robin Vail")
    _later(polling)
    assert (Contact.objects.get().name, sandbox.world.persons[1]["name"]) == ("Robin Vale", "Robin Vail")


def test_what_was_found_and_is_shown_by_now_is_found_no_more(
    polling: Bench, contact: Contact, sandbox: Sandbox
) -> None:
    """The audit's finding goes with what it is about; one that somebody wants repaired has ours sent instead."""
    finding = {"kind": "contact", "row_id": contact.pk, "record_id": 1, "problem": Problem.DIFFERENT}
    for wish, name in ((False, "Robin Veil"), (True, "Robin Vail")):
        sandbox.people.change("persons", 1, name=name)
        values = {"name": [Contact.objects.get().name, name]}
        Finding.objects.create(**finding, values=values, wish=wish, found_at=polling.clock.now())
        _later(polling)
        assert Finding.objects.exists() == wish
        assert Contact.objects.get().name == "Robin Veil"


def test_what_is_taken_over_is_nobodys_deed(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """There is nothing to undo."""
    steps = UndoStep.objects.count()
    sandbox.people.change("persons", 1, name="Robin Veil", emails=[FIRST, SECOND])
    _later(polling)
    assert Contact.objects.get().name == "Robin Veil"
    assert UndoStep.objects.count() == steps


def test_nothing_changed_costs_a_page_of_each(polling: Bench, contact: Contact, world: World) -> None:
    """Our own writes come back in the first look after them, and cost nothing but the page; one in four asks by ids."""
    _later(polling)
    spent = world.tokens_spent
    for _ in range(2 * LOOKS_TO_A_CHECK):
        _later(polling)
    assert world.tokens_spent - spent == (2 * LOOKS_TO_A_CHECK + 2) * 3 * 10


def test_one_change_costs_one_get(polling: Bench, contact: Contact, world: World, sandbox: Sandbox) -> None:
    """Once, although the overlap of the looks shows it twice."""
    _checks(polling)
    sandbox.people.change("persons", 1, name="Robin Veil")
    before = len(world.calls)
    _later(polling)
    _later(polling)
    assert [call.path for call in world.calls[before:] if call.tokens == 1] == ["/api/v2/persons/1"]


def test_both_sides_changed_keep_pipedrives_and_say_so(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """One field changed on both sides, another only there: the first is told, the second just shown, in one attempt."""
    sandbox.people.change("persons", 1, name="Robin Veil", phones=[{"value": "+49 30 5550199"}])
    book.change_contact(contact, {"name": "Robin Vail"})
    polling.settle(20)
    contact.refresh_from_db()
    assert (contact.name, contact.phone) == ("Robin Veil", "+49 30 5550199")
    assert Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).count() == 1
    _later(polling)
    assert (sandbox.world.persons[1]["name"], contact.pipedrive_sync_failed) == ("Robin Veil", False)


def test_an_edit_meanwhile_is_not_overwritten(
    polling: Bench, contact: Contact, sandbox: Sandbox, meddler: Meddler
) -> None:
    """An edit of another field while the record is read: it is sent, and the change there is still taken over."""
    sandbox.people.change("persons", 1, name="Robin Veil")

    def edit() -> None:
        book.change_contact(Contact.objects.get(), {"phone": "+49 30 5550111"})

    meddler.once("GET", "/api/v2/persons/1", edit)
    _later(polling)
    polling.settle(30)
    assert meddler.is_done
    row = Contact.objects.get()
    assert (row.name, row.phone, row.revision) == ("Robin Veil", "+49 30 5550111", row.pipedrive_revision)
    assert sandbox.world.persons[1]["phones"][0]["value"] == "+49 30 5550111"


def test_what_is_not_valid_here_stays_and_is_said(
    polling: Bench, contact: Contact, sandbox: Sandbox, alice: User
) -> None:
    """A name that another organization has: ours stays, the attempts say why, and nothing repeats."""
    add_contact(alice, name="Kim", organization=OrganizationDetails("Birch Partners"), warmness_score=0)
    sandbox.people.change("organizations", 1, name="Birch Partners")
    _later(polling)
    contact.refresh_from_db()
    assert contact.organization is not None
    assert contact.organization.name == "Tidewater Mills"
    before = len(sandbox.world.calls)
    _later(polling)
    assert [call.path for call in sandbox.world.calls[before:] if call.tokens == 1] == []
    assert sandbox.world.organizations[1]["name"] == "Birch Partners"


def _checks(polling: Bench) -> None:
    for _ in range(LOOKS_TO_A_CHECK):
        _later(polling)


@pytest.mark.parametrize("kind", ["persons", "organizations", "activities"])
def test_a_deletion_is_noticed_and_asks(polling: Bench, contact: Contact, sandbox: Sandbox, kind: Any) -> None:
    """No list shows it, so linked records are asked for by their ids: it is unlinked, and a person decides."""
    sandbox.people.delete(kind, 1)
    _checks(polling)
    models: dict[str, Any] = {"persons": Contact, "organizations": Organization, "activities": Activity}
    row = models[kind].objects.get()
    assert (getattr(row, row.LINK), row.pipedrive_sync_error_code) == (None, "deleted")
    assert Notification.objects.filter(kind=NotificationKind.DELETED_THERE).count() == 1
    assert not sandbox.world.alive(kind, 2)


def test_a_merge_is_followed(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """The contact belongs to the person that stayed, and nothing is made anew."""
    sandbox.add("persons", name="R. Vale", emails=[{"value": "vale@example.org"}])
    sandbox.people.merge("persons", 1, 2)
    _checks(polling)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 2
    assert [one["id"] for one in sandbox.world.persons.values() if not one["is_deleted"]] == [2]


def test_all_linked_records_get_their_turn(
    polling: Bench, alice: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some with each check, from the first to the last and anew."""
    monkeypatch.setattr(change_polling, "CHECKED", 2)
    for number in range(5):
        add_contact(alice, name=f"Robin {number}", email=f"robin{number}@example.com", warmness_score=9)
    polling.settle(60)
    for person_id in (1, 4, 5):
        sandbox.people.delete("persons", person_id)
    for _ in range(4):
        _checks(polling)
    assert set(Contact.objects.exclude(pipedrive_person_id=None).values_list("pipedrive_person_id", flat=True)) == {
        2,
        3,
    }
    assert ChangesSeen.objects.get(kind="person").checked_to in {0, 3}


def test_a_bulk_edit_goes_behind_people(polling: Bench, alice: User, sandbox: Sandbox) -> None:
    """Thirty records changed at once are looked at as batch work, and all are shown."""
    for number in range(30):
        add_contact(alice, name=f"Robin {number}", email=f"robin{number}@example.com", warmness_score=9)
    polling.settle(60)
    sandbox.people.bulk_change("persons", list(range(1, 31)), phones=[{"value": "+49 30 5550100"}])
    polling.clock.sleep(EVERY.total_seconds())
    polling.engine.do_housekeeping()
    assert set(Contact.objects.values_list("pipedrive_in_bulk", flat=True)) == {True}
    polling.settle(60)
    assert set(Contact.objects.values_list("phone", flat=True)) == {"+49 30 5550100"}


def test_a_list_that_cannot_be_read_is_asked_for_once_a_minute(
    polling: Bench, contact: Contact, sandbox: Sandbox
) -> None:
    """A lasting refusal does not use up the tokens, and what changed meanwhile is not lost."""
    _later(polling)
    sandbox.people.change("persons", 1, name="Robin Veil")
    sandbox.faults.add(Fault(kind="error", status=400, method="GET", path="/api/v2/persons", seconds=1_800))
    before = len(sandbox.world.calls)
    _later(polling)
    assert len([call for call in sandbox.world.calls[before:] if call.fault]) <= 16
    for _ in range(3):
        _later(polling)
    assert Contact.objects.get().name == "Robin Veil"


def test_a_clock_that_was_wrong_stops_no_look(polling: Bench, contact: Contact, sandbox: Sandbox) -> None:
    """A look that seems to be in the future is none."""
    _later(polling)
    ChangesSeen.objects.update(looked_at=polling.clock.now() + timedelta(days=365))
    sandbox.people.change("persons", 1, name="Robin Veil")
    polling.settle(5)
    polling.settle(5)
    assert Contact.objects.get().name == "Robin Veil"


def test_nothing_linked_asks_nothing(polling: Bench, alice: User, world: World) -> None:
    """Without a link there is nothing to watch."""
    add_contact(alice, name="Kim", warmness_score=0)
    polling.settle(10)
    spent = world.tokens_spent
    _later(polling)
    assert world.tokens_spent == spent


OURS, THEIRS = {"name": "A", "phone": "1"}, {"name": "A", "phone": "2"}
AGREED = {"ours": OURS, "theirs": THEIRS}


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed", "taken"),
    [
        (OURS, THEIRS, AGREED, {}),
        (OURS, THEIRS | {"name": "B"}, AGREED, {"name": "B"}),
        (OURS, THEIRS | {"name": " A "}, AGREED, {}),
        (OURS | {"name": "C"}, THEIRS | {"name": "B"}, AGREED, {}),
        (OURS, THEIRS | {"phone": "3"}, AGREED, {}),
        (OURS, {"name": "B"}, {}, {}),
        (OURS, THEIRS | {"name": "B"}, {"ours": {}, "theirs": THEIRS}, {}),
    ],
)
def test_what_is_taken_over(ours: Any, theirs: Any, agreed: Any, taken: Any) -> None:
    """Only what changed there alone, in more than its form, and was the same on both sides before."""
    assert changed_there(ours, theirs, agreed) == taken


@pytest.mark.parametrize(
    ("here", "there", "here_then", "there_then", "taken", "taken_if_shared"),
    [
        ("a:w", "a:w b:h", "a:w", "a:w", "b:h", ""),  # added
        ("a:w b:h", "a:w", "a:w b:h", "a:w b:h", "b:-", "b:-"),  # taken away
        ("a:w b:h", "a:w b:w", "a:w b:h", "a:w b:h", "b:w", "b:w"),  # another label
        ("a:w b:o", "a:w b:pager", "a:w b:o", "a:w b:fax", "", ""),  # which is "other" to us as well
        ("a:w b:w", "a:w b:h", "a:w", "a:w", "", ""),  # added on both sides
        ("a:w", "a:w b:w", "a:w b:h", "a:w b:h", "", ""),  # taken away here, labelled there
        ("a:w b:m", "a:w", "a:w b:h", "a:w b:h", "", ""),  # labelled here, taken away there
        ("a:w", "a:w b:w", "a:w", "a:w b:h", "", ""),  # we never had it
        ("a:w b:h", "a:w b:m", "a:w b:h", "a:w b:w", "", ""),  # it differed before
        ("a:w c:h", "a:w b:h", "a:w", "a:w", "b:h", ""),  # each side has added one
    ],
)
def test_which_of_several_values_are_taken_over(
    here: str, there: str, here_then: str, there_then: str, taken: str, taken_if_shared: str
) -> None:
    """Value and label on each side, now and when they last agreed; a dash for what is taken away."""
    names = {"w": "work", "h": "home", "m": "mobile", "o": "other", "-": None}

    def side(text: str) -> list[list[Any]]:
        pairs = [each.split(":") for each in text.split()]
        return [[f"{value}@x.example", names.get(label, label)] for value, label in pairs]

    for adds, expected in ((True, taken), (False, taken_if_shared)):
        now, then = (side(here), side(there)), (side(here_then), side(there_then))
        assert emails_phones_merge.changed_there("emails", now=now, then=then, adds=adds) == side(expected)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("due", [(None, None), (date(2031, 1, 5), None), (date(2031, 7, 5), time(0, 30))])
def test_a_due_moment_comes_back_as_it_went(zone: str, due: tuple[date | None, time | None]) -> None:
    """In every zone, also over midnight."""
    there = due_in_utc(*due, ZoneInfo(zone))
    text = f"{there[0] or ''} {there[1].strftime('%H:%M') if there[1] else ''}".strip()
    assert due_here(text, ZoneInfo(zone)) == due


def test_a_due_moment_in_the_hour_that_comes_twice_stays_there(
    polling: Bench, contact: Contact, alice: User, sandbox: Sandbox
) -> None:
    """When clocks are set back, 02:30 here is two moments: ours is the first, and a colleague's the second."""
    alice.time_zone = "Europe/Berlin"
    alice.save()
    call = log_activity(alice, contact, type=ActivityType.CALL, due_date=date(2031, 10, 26), due_time=time(12))
    polling.settle(20)
    sandbox.people.change("activities", 2, due_date="2031-10-26", due_time="01:30")
    _later(polling)
    call.refresh_from_db()
    assert (call.due_date, call.due_time) == (date(2031, 10, 26), time(2, 30))

    change_activity(call, {"subject": "Second call"})
    polling.settle(20)

    there = sandbox.world.activities[2]
    assert (there["subject"], there["due_date"], there["due_time"][:5]) == ("Second call", "2031-10-26", "01:30")


def test_what_changed_before_the_first_look(bench: Bench, polling: Bench, alice: User, sandbox: Sandbox) -> None:
    """Whoever created the records died before it could look; the next engine came an hour later."""
    add_contact(alice, name="Robin Vale", email="robin@example.com", warmness_score=9)
    bench.settle()
    log_activity(alice, Contact.objects.get(), type=ActivityType.CALL)
    bench.settle()
    assert not ChangesSeen.objects.exists()
    sandbox.people.change("persons", 1, name="Robin Veil")
    sandbox.people.change("activities", 1, type="email")
    bench.clock.sleep(3600)
    polling.settle(20)
    assert Contact.objects.get().name == "Robin Veil"
    assert Activity.objects.get().type == ActivityType.EMAIL
