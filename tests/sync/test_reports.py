"""What Pipedrive's webhooks report: our webhooks there, the door, and what a report does, on whatever way it comes."""

import asyncio
import json
from datetime import timedelta
from threading import Event
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from bench_engine import POLL_EVERY, Bench
from django.db import DatabaseError, connection
from door_client import DOOR, HERE, deliver, knock
from pytest_django import Settings

from warmline.asgi import application
from warmline.crm import book
from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.http import pipedrive_webhooks
from warmline.http.pipedrive_webhooks import ReportDoor
from warmline.pipedrive import Pipedrive
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync import reported_changes
from warmline.sync.account_models import ChangeReport, ReportIntake
from warmline.sync.installation_models import LinkCheck
from warmline.sync.models import Company, Notification, NotificationKind
from warmline.sync.remote import reconcile_first, report_subscriptions, setup

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(watching: Bench, alice: User, sandbox: Sandbox) -> Contact:
    """Return a contact that is in Pipedrive with its organization, all quiet."""
    contact = add_contact(
        alice,
        name="Robin Vale",
        email="robin@example.com",
        organization=OrganizationDetails("Tidewater Mills"),
        warmness_score=9,
    )
    watching.settle(20)
    sandbox.deliver(deliver)
    watching.settle(20)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 1
    return contact


def _soon(watching: Bench, sandbox: Sandbox) -> None:
    sandbox.deliver(deliver)
    watching.settle(1)
    watching.settle(1)


def _hooks(world: World) -> list[str]:
    return sorted(one.row["event_object"] for one in world.webhooks.values())


def test_our_webhooks_are_made_once(watching: Bench, contact: Contact, world: World) -> None:
    """One for each kind, with a password; whoever starts anew finds them."""
    assert _hooks(world) == ["activity", "organization", "person", "user"]
    assert {one.row["subscription_url"] for one in world.webhooks.values()} == {HERE + DOOR}
    ids = list(world.webhooks)
    ReportIntake.objects.all().delete()  # as in a database that was restored from an earlier backup
    watching.settle(10)
    assert list(world.webhooks) == ids


def test_they_are_looked_at_daily(watching: Bench, contact: Contact, sandbox: Sandbox, world: World) -> None:
    """One that is gone is made again, one too many is deleted, and others' are left alone; meanwhile a gap was open."""
    sandbox.people.remove_webhook(1)
    twin = dict(world.webhooks[2].row) | {"id": 90}
    other = twin | {"id": 91, "name": "Another program"}
    for row in (twin, other):
        world.webhooks[row["id"]] = type(world.webhooks[2])(row, succeeded_at=world.now())
    sandbox.people.change("persons", 1, name="Robin Veil")
    sandbox.world.outgoing.clear()
    before = len(world.calls)
    watching.settle(86_400)
    watching.settle(10)
    assert _hooks(world) == ["activity", "organization", "organization", "person", "user"]
    assert 91 in world.webhooks
    assert 90 not in world.webhooks or 2 not in world.webhooks
    lists = [call for call in world.calls[before:] if (call.method, call.path) == ("GET", "/api/v1/webhooks")]
    assert len(lists) == 1
    assert (ReportIntake.objects.get().gap_since, Contact.objects.get().name) == (None, "Robin Veil")


@pytest.mark.parametrize(
    ("here", "base", "registers"),
    [
        ("", "http://sandbox", False),
        ("http://127.0.0.1:8000", "https://api.pipedrive.com", False),
        ("https://warmline.example.com", "https://api.pipedrive.com", True),
        ("http://127.0.0.1:8000", "http://sandbox", True),
    ],
)
def test_only_a_safe_address_is_registered(settings: Settings, here: str, base: str, *, registers: bool) -> None:
    """The password would go over plain http, but where all of it does."""
    settings.PUBLIC_URL, settings.PIPEDRIVE_BASE_URL = here, base
    assert bool(reported_changes.address()) == registers


def test_a_new_address_replaces_the_old_one(
    watching: Bench, contact: Contact, world: World, settings: Settings
) -> None:
    """The old webhooks are deleted."""
    settings.PUBLIC_URL = "http://127.0.0.1:8001"
    watching.settle(10)
    assert {one.row["subscription_url"] for one in world.webhooks.values()} == {"http://127.0.0.1:8001" + DOOR}
    assert len(world.webhooks) == 4
    settings.PUBLIC_URL = ""
    watching.settle(10)
    assert world.webhooks == {}


def test_another_password_replaces_the_webhooks_of_the_old_one(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World, settings: Settings
) -> None:
    """They would be refused at the door, and nobody would say so. What was reported meanwhile is asked for."""
    old = set(world.webhooks)
    settings.SECRET_KEY = "another key"
    sandbox.people.change("persons", 1, name="Robin Veil")
    sandbox.deliver(deliver)
    assert not ChangeReport.objects.exists()
    for _ in range(4):  # the look for webhooks, the look for changes, and what that has shown
        watching.settle(10)
    assert _hooks(world) == ["activity", "organization", "person", "user"]
    assert old.isdisjoint(world.webhooks)
    assert Contact.objects.get().name == "Robin Veil"
    sandbox.people.change("persons", 1, name="Robin Dale")
    _soon(watching, sandbox)
    assert Contact.objects.get().name == "Robin Dale"
    before = len(world.calls)
    watching.settle(10)
    assert len(world.calls) == before


def test_an_upgrade_leaves_the_webhooks_alone(watching: Bench, contact: Contact, world: World) -> None:
    """An earlier version stored no mark of the password."""
    old = set(world.webhooks)
    ReportIntake.objects.update(address=HERE + DOOR)
    watching.settle(86_400)
    assert set(world.webhooks) == old


def test_a_refusal_is_said_and_tried_again_tomorrow(
    watching: Bench, sandbox: Sandbox, world: World, alice: User
) -> None:
    """And nothing else suffers."""
    sandbox.faults.add(Fault(kind="error", status=403, message="No", path="/api/v1/webhooks"))
    add_contact(alice, name="Robin", warmness_score=9)
    watching.settle(300)
    assert "does not let Warmline register" in ReportIntake.objects.get().problem
    assert len([call for call in world.calls if call.path == "/api/v1/webhooks"]) == 1
    assert Contact.objects.get().pipedrive_person_id == 1


@pytest.mark.parametrize("deed", ["rename", "delete", "merge"])
def test_what_people_do_there_is_shown_within_seconds(
    watching: Bench, contact: Contact, sandbox: Sandbox, deed: str
) -> None:
    """A changed record is read; one that is gone is let go, or followed to where it went."""
    if deed == "rename":
        sandbox.people.change("persons", 1, name="Robin Veil")
        sandbox.people.change("organizations", 1, name="Tidewater Ltd")
    elif deed == "delete":
        sandbox.people.delete("persons", 1)
    else:
        sandbox.add("persons", name="R. Vale")
        sandbox.people.merge("persons", 1, 2)
    _soon(watching, sandbox)
    contact.refresh_from_db()
    if deed == "rename":
        assert (contact.name, Organization.objects.get().name) == ("Robin Veil", "Tidewater Ltd")
    elif deed == "delete":
        assert (contact.pipedrive_person_id, contact.pipedrive_sync_error_code) == (None, "deleted")
    else:
        assert contact.pipedrive_person_id == 2


@pytest.mark.parametrize(
    ("winner", "follows"),
    [
        ({"name": "Robin Vale", "phones": [{"value": "+49 30 5550199"}]}, True),
        ({"name": "R. V.", "phones": [{"value": "+49 30 5550100"}]}, True),
        ({"name": "Somebody Else"}, False),
    ],
)
def test_a_merge_is_followed_if_what_is_there_agrees(
    watching: Bench, alice: User, sandbox: Sandbox, winner: dict[str, Any], *, follows: bool
) -> None:
    """Without an e-mail by which it could be found: the report says where to look, and what is there decides."""
    contact = add_contact(alice, name="Robin Vale", phone="+49 30 5550100", warmness_score=9)
    watching.settle(20)
    there = sandbox.add("persons", **winner)
    sandbox.deliver(deliver)
    sandbox.people.delete("persons", 1)
    for told in sandbox.world.outgoing:
        told.body["meta"]["merged_to_id"] = str(there["id"])
    _soon(watching, sandbox)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == (there["id"] if follows else None)


def test_merges_are_followed_one_after_the_other(watching: Bench, alice: User, sandbox: Sandbox) -> None:
    """The record into which ours was merged was merged as well, before anybody here could look."""
    contact = add_contact(alice, name="Robin Vale", phone="+49 30 5550100", warmness_score=9)
    watching.settle(20)
    between, last = sandbox.add("persons", name="R. V."), sandbox.add("persons", name="Robin Vale")
    sandbox.deliver(deliver)
    for gone, there in ((1, between["id"]), (between["id"], last["id"])):
        sandbox.people.delete("persons", gone)
        for told in sandbox.world.outgoing:
            told.body["meta"].setdefault("merged_to_id", str(there))
    _soon(watching, sandbox)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == last["id"]


def test_a_second_email_that_is_reported_is_shown(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """Within seconds, with its label; and once it is, the same report costs nothing."""
    there = [*world.persons[1]["emails"], {"value": "vale@example.org", "label": "home", "primary": False}]
    sandbox.people.change("persons", 1, emails=there)
    _soon(watching, sandbox)
    row = Contact.objects.get()
    assert [(each.value, each.label) for each in row.emails] == [
        ("robin@example.com", "work"),
        ("vale@example.org", "home"),
    ]
    before = len(world.calls)
    sandbox.people.change("persons", 1, emails=there)
    _soon(watching, sandbox)
    assert len(world.calls) == before


def test_a_reported_email_that_was_changed_here_too_is_a_conflict(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """It is not just shown: Pipedrive's is kept, and people are told."""
    there = [*world.persons[1]["emails"], {"value": "vale@example.org", "label": "home", "primary": False}]
    sandbox.people.change("persons", 1, emails=there)
    book.change_contact(contact, {"emails": [("robin@example.com", "work"), ("vale@example.org", "mobile")]})
    _soon(watching, sandbox)
    assert [each.label for each in Contact.objects.get().emails] == ["work", "home"]
    assert Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).count() == 1


def test_nothing_is_registered_while_links_are_checked(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """After a restore what is reported waits in its row, and webhooks are made when the check is done."""
    sandbox.people.remove_webhook(4)
    ReportIntake.objects.all().delete()
    sandbox.people.change("persons", 1, name="Robin Veil")
    reconcile_first.begin(reconcile_first.RESTORED)
    LinkCheck.objects.update(retry_at=watching.clock.now() + timedelta(seconds=8))
    before = len(world.calls)
    _soon(watching, sandbox)
    assert reconcile_first.is_on()
    assert [call.path for call in world.calls[before:] if call.method != "GET"] == []
    assert Contact.objects.get().name == "Robin Vale"
    for _ in range(5):
        watching.settle(10)
    assert not reconcile_first.is_on()
    assert Contact.objects.get().name == "Robin Veil"
    assert _hooks(world) == ["activity", "organization", "person", "user"]


def test_our_own_writes_cost_nothing(watching: Bench, contact: Contact, sandbox: Sandbox, world: World) -> None:
    """They come back as reports, and are as both sides agreed."""
    book.change_contact(contact, {"phone": "+49 30 5550100"})
    watching.settle(2)
    spent = world.tokens_spent
    _soon(watching, sandbox)
    assert (world.tokens_spent, ChangeReport.objects.count()) == (spent, 0)


@pytest.mark.parametrize("kind", ["event_twice", "event_late", "event_out_of_order", "event_lost"])
def test_whatever_way_reports_come(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World, kind: Any
) -> None:
    """Twice, late, out of order or not at all: what is shown is what is there, and each look costs one token."""
    delay = 60.0 if kind in {"event_late", "event_out_of_order"} else 0.0
    sandbox.faults.add(Fault(kind=kind, delay=delay, path="person.*"))
    for name in ("Robin Veil", "Robin Vail"):
        sandbox.people.change("persons", 1, name=name)
    for _ in range(4):
        _soon(watching, sandbox)
        watching.settle(30)
    if kind == "event_lost":
        watching.settle(POLL_EVERY.total_seconds())
        watching.settle(5)
    assert Contact.objects.get().name == "Robin Vail"
    assert ChangeReport.objects.count() == 0
    assert len([call for call in world.calls if call.path == "/api/v2/persons/1"]) <= 2


def test_a_lie_changes_nothing(watching: Bench, contact: Contact, world: World) -> None:
    """A report names a record; what it says of it is not believed."""
    said = {"id": 1, "name": "Somebody Else", "emails": [], "phones": [], "is_deleted": False}
    for action, data in (("change", said), ("delete", None)):
        meta = {"entity": "person", "entity_id": "1", "action": action, "id": action, "webhook_id": "1"}
        reported_changes.note([json.dumps({"meta": meta, "data": data}).encode()])
        watching.settle(2)
        watching.settle(2)
    contact.refresh_from_db()
    assert (contact.name, contact.pipedrive_person_id) == ("Robin Vale", 1)


def test_a_flood_is_one_look_for_each_record(watching: Bench, contact: Contact, sandbox: Sandbox, world: World) -> None:
    """A thousand reports about one record are one get."""
    for number in range(1_000):
        meta = {"entity": "person", "entity_id": "1", "action": "change", "id": f"{number}", "webhook_id": "1"}
        reported_changes.note([json.dumps({"meta": meta, "data": None}).encode()])
    before = len(world.calls)
    watching.settle(5)
    watching.settle(5)
    assert len([call for call in world.calls[before:] if call.path == "/api/v2/persons/1"]) <= 2
    assert ChangeReport.objects.count() == 0


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": httpx.BasicAuth(user, password)._auth_header}


def _meta(**changes: Any) -> bytes:
    meta = {"entity": "person", "entity_id": "1", "action": "change", "id": "an-event", "webhook_id": "1"}
    return json.dumps({"meta": meta | changes, "data": {"id": 1, "name": "Robin"}, "previous": {}}).encode()


@pytest.mark.parametrize(
    ("user", "password", "body", "status", "stored"),
    [
        ("warmline", "{right}", _meta(), 200, 1),
        ("warmline", "wrong", _meta(), 401, 0),
        ("", "{right}", _meta(), 401, 0),
        ("warmline", "", _meta(), 401, 0),
        ("warmline", "{right}", b"nonsense", 200, 0),
        ("warmline", "{right}", b"[" * 100_000, 200, 0),
        ("warmline", "{right}", b"\xff\x00", 200, 0),
        ("warmline", "{right}", b"{}", 200, 0),
        ("warmline", "{right}", _meta(entity="deal"), 200, 0),
        ("warmline", "{right}", _meta(entity_id="x"), 200, 0),
        ("warmline", "{right}", _meta(entity_id="9" * 30), 200, 0),
        ("warmline", "{right}", _meta(entity_id=float("inf")), 200, 0),
        ("warmline", "{right}", _meta().replace(b'"Robin"', b'"R\\u0000 \\ud800"'), 200, 1),
        ("warmline", "{right}", _meta().replace(b'"Robin"', b"NaN"), 200, 1),
        ("warmline", "{right}", _meta(id=None), 200, 1),
        ("warmline", "{right}", _meta(more="\0"), 200, 1),
        ("warmline", "{right}", b" " * 300_000, 413, 0),
    ],
)
def test_the_door(user: str, password: str, body: bytes, status: int, stored: int) -> None:
    """Whoever does not know the password writes nothing; whoever does is never refused for what they bring."""
    headers = _basic(user, password.format(right=reported_changes.password()))
    for _ in range(2):
        assert knock("POST", DOOR, body, headers) == status
    assert ChangeReport.objects.count() == stored
    assert knock("GET", DOOR, b"", headers) == 405
    assert knock("POST", DOOR, body, {}) == 401


@pytest.mark.parametrize(("company_id", "stored"), [("1", 1), (1, 1), (None, 1), ("2", 0), (2, 0)])
def test_another_companys_report_is_left_out(contact: Contact, company_id: object, stored: int) -> None:
    """A webhook was left behind there when the token changed; its records have the same ids as ours."""
    headers = _basic("warmline", reported_changes.password())
    assert Company.objects.get().company_id == 1
    assert knock("POST", DOOR, _meta(company_id=company_id), headers) == 200
    assert ChangeReport.objects.count() == stored


def test_what_cannot_be_stored_is_a_gap(
    watching: Bench, contact: Contact, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered with 200 all the same, and the next look closes the gap, long before its time."""

    def full(*_: object, **__: object) -> None:
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(ChangeReport.objects, "bulk_create", full)
        sandbox.people.change("persons", 1, name="Robin Veil")
        assert sandbox.deliver(deliver) == 1
        assert sandbox.deliver(deliver) == 0
    sandbox.people.change("organizations", 1, website="https://tidewater.example.com")
    _soon(watching, sandbox)
    _soon(watching, sandbox)
    assert (Contact.objects.get().name, ReportIntake.objects.get().gap_since) == ("Robin Veil", None)


def test_silence_is_an_alarm(watching: Bench, contact: Contact, sandbox: Sandbox, alice: User, world: World) -> None:
    """Our own create does not come back within a minute: what people did meanwhile is asked for, once, and shown."""
    watching.clock.sleep(15)  # what is made right after a report tells nothing
    sandbox.faults.add(Fault(kind="event_lost"))
    add_contact(alice, name="Kim Reed", email="kim@example.com", warmness_score=9)
    watching.settle(5)
    sandbox.people.change("persons", 1, name="Robin Veil")
    before = len(world.calls)
    for _ in range(10):
        _soon(watching, sandbox)
        watching.settle(20)
    contact.refresh_from_db()
    assert contact.name == "Robin Veil"
    lists = [call for call in world.calls[before:] if call.path == "/api/v2/persons"]
    assert len(lists) == 1
    intake = ReportIntake.objects.get()
    assert intake.gap_since is None
    assert intake.last_gap_from is not None
    assert intake.last_gap_until is not None
    assert intake.last_gap_from < intake.last_gap_until


def test_a_gap_from_the_future_is_closed(watching: Bench, contact: Contact, world: World) -> None:
    """It is asked once for what it may have hidden, although the clock has been set back since it began."""
    reported_changes.open_gap(watching.clock.now())
    watching.clock.jump(-3600)
    before = len(world.calls)
    watching.settle(600)
    intake = ReportIntake.objects.get()
    assert (intake.gap_since, intake.last_gap_from) == (None, intake.last_gap_until)
    assert sum(call.path == "/api/v2/persons" for call in world.calls[before:]) == 1


def test_a_report_from_the_future_proves_nothing(
    watching: Bench, contact: Contact, sandbox: Sandbox, alice: User
) -> None:
    """After the clock was set back, reports that are lost are noticed as soon as ever."""
    watching.clock.jump(-3600)
    watching.settle(30)
    sandbox.faults.add(Fault(kind="event_lost"))
    add_contact(alice, name="Kim Reed", email="kim@example.com", warmness_score=9)
    watching.settle(5)
    sandbox.people.change("persons", 1, name="Robin Veil")
    for _ in range(6):
        watching.settle(20)
    contact.refresh_from_db()
    assert contact.name == "Robin Veil"
    intake = ReportIntake.objects.get()
    assert intake.last_gap_until is not None
    assert intake.last_gap_until <= watching.clock.now()


def test_reports_that_come_are_no_silence(
    watching: Bench, contact: Contact, sandbox: Sandbox, alice: User, world: World
) -> None:
    """Creates that come back raise no alarm, however many there are."""
    for number in range(8):
        add_contact(alice, name=f"Kim {number}", email=f"kim{number}@example.com", warmness_score=9)
        watching.settle(4)
        sandbox.deliver(deliver)
    watching.settle(120)
    assert ReportIntake.objects.get().last_gap_from is None


def test_disconnecting_removes_them(
    watching: Bench, contact: Contact, pipedrive: Pipedrive, world: World, settings: Settings
) -> None:
    """Of all that were made, ours are deleted, and nothing is remembered."""
    assert report_subscriptions.remove(pipedrive)
    assert (world.webhooks, ReportIntake.objects.count()) == ({}, 0)
    setup.disconnect()


@pytest.mark.only_on("postgres")
@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_not_used_for_ever() -> None:
    """The database was started anew: the report that finds that out is a gap, and the next one is stored."""
    headers = _basic("warmline", reported_changes.password())
    assert knock("POST", DOOR, _meta(id="first"), headers) == 200
    connection.ensure_connection()
    connection.connection.close()
    for name in ("second", "third"):
        assert knock("POST", DOOR, _meta(id=name), headers) == 200
    assert ChangeReport.objects.count() >= 2


def test_what_takes_too_long_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 200, and a gap; it is stored all the same once that is possible, and those behind it as well."""
    headers = _basic("warmline", reported_changes.password())
    may_go_on, notes = Event(), []

    def stuck(bodies: list[bytes]) -> None:
        may_go_on.wait(60)
        notes.extend(bodies)

    async def knocks() -> list[int]:
        transport = httpx.ASGITransport(app=ReportDoor(application))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            answers = [await client.post(DOOR, content=_meta(id=name), headers=headers) for name in ("1", "2")]
        may_go_on.set()
        await asyncio.sleep(0)
        return [each.status_code for each in answers]

    monkeypatch.setattr(pipedrive_webhooks, "WITHIN", 0.05)
    monkeypatch.setattr(pipedrive_webhooks, "_note", stuck)
    monkeypatch.setattr(pipedrive_webhooks, "sync_to_async", lambda work: sync_to_async(work, thread_sensitive=False))
    assert asyncio.run(knocks()) == [200, 200]
    assert reported_changes._Gap.since is not None
    reported_changes._Gap.since = None


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_only_reports_do_not_wait_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What people save on the same connection afterwards does, and the connection stays open."""

    def level() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA synchronous").fetchone()[0])

    levels = []
    store = type(ChangeReport.objects).bulk_create

    def watched(*given: Any, **more: Any) -> Any:
        levels.append(level())
        return store(*given, **more)

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
    monkeypatch.setattr(type(ChangeReport.objects), "bulk_create", watched)
    before = connection.connection
    pipedrive_webhooks._note([_meta()])
    assert (levels, level(), ChangeReport.objects.count()) == ([1], 2, 1)
    assert connection.connection is before


def test_a_gap_is_stored_without_a_further_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the database can be written again: whoever trusts reports must not have to wait for the next one."""
    headers = _basic("warmline", reported_changes.password())

    async def knocks() -> int:
        door = ReportDoor(application)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url=HERE) as client:
            answer = await client.post(DOOR, content=b" " * 300_000, headers=headers)
        assert door._storing is not None
        await door._storing
        return answer.status_code

    assert async_to_sync(knocks)() == 413
    assert ReportIntake.objects.get().gap_since is not None
