"""Details of contacts in fields of Pipedrive's that an admin chose: both ways, never at the price of the rest."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bench_engine import Bench
from who import stated

from warmline.crm import preferences
from warmline.crm.book import add_contact, change_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.audit_models import Finding
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Notification
from warmline.sync.remote import detail_fields, doctor
from warmline.sync.status import detail_choices

pytestmark = pytest.mark.django_db

Choose = Callable[..., Bench]
EVERY = timedelta(minutes=15)
DETAILS = {
    "job_title": "Buyer",
    "linkedin": "https://www.linkedin.com/in/jordan-ames",
    "note": "Met at the fair.\nLikes <tea> & cake.",
    "tags": "fair, board",
    "source": "LinkedIn, 12 Nov 2026",
}
TYPES = {"linkedin": "varchar", "note": "text", "tags": "text", "source": "varchar"}


@pytest.fixture
def codes(bench: Bench) -> dict[str, str]:
    """Return the codes of fields of persons that the company has for each detail."""
    made = {name: bench.pipedrive.create_person_field(f"Our {name}", kind).code for name, kind in TYPES.items()}
    return {"job_title": "job_title", **made}


@pytest.fixture
def choose(bench: Bench) -> Choose:
    """Return what an admin does on the Settings page; it returns an engine that has heard of it."""

    def chosen(codes: Mapping[str, str], *, of: Bench = bench) -> Bench:
        detail_choices.choose(codes)
        return of.under(details=dict(codes))

    return chosen


def _add(owner: User, name: str = "Jordan Ames", **more: Any) -> Contact:
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return add_contact(owner, name=name, email=email, warmness_score=5, **more)


def _there(world: World, contact: Contact, codes: Mapping[str, str]) -> dict[str, Any]:
    person = world.persons[Contact.objects.get(pk=contact.pk).pipedrive_person_id or 0]
    return {name: person["custom_fields"].get(code) or person.get(code) or "" for name, code in codes.items()}


def _change_there(sandbox: Sandbox, contact: Contact, codes: Mapping[str, str], **values: str) -> None:
    contact.refresh_from_db()
    own = {"job_title": values.pop("job_title")} if "job_title" in values else {}
    more = {"custom_fields": {codes[name]: value or None for name, value in values.items()}} if values else {}
    sandbox.people.change("persons", contact.pipedrive_person_id or 0, **own, **more)


def test_they_stay_here_unless_a_field_is_chosen(
    bench: Bench, world: World, alice: User, codes: dict[str, str]
) -> None:
    """Neither a create nor a change tells Pipedrive of them."""
    contact = _add(alice, **DETAILS)
    bench.settle()
    change_contact(contact, {"tags": "other"})
    bench.settle()
    assert set(_there(world, contact, codes).values()) == {""}
    contact.refresh_from_db()
    assert contact.revision == contact.pipedrive_revision


def test_both_ways_over_http(
    bench_over_http: Bench, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """A new person has them, changes go over, and what a colleague changes comes here."""
    bench = choose(codes, of=bench_over_http)
    contact = _add(alice, **DETAILS)
    bench.settle()
    assert _there(world, contact, codes) == DETAILS

    contact.refresh_from_db()
    change_contact(contact, {"note": "", "tags": "board", "job_title": ""})
    bench.settle()
    assert _there(world, contact, codes) == {**DETAILS, "note": "", "tags": "board", "job_title": ""}

    _change_there(sandbox, contact, codes, tags="board, vip", source="Fair", job_title="Head of Buying")
    change_contact(contact, {"name": "Jordan P. Ames"})
    bench.settle()
    contact = stated(contact)
    assert (contact.tags, contact.source, contact.job_title) == ("board, vip", "Fair", "Head of Buying")
    assert contact.sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("name", DETAILS)
def test_of_two_changes_pipedrives_is_kept(
    world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose, name: str
) -> None:
    """And both are told, by what people call the detail."""
    bench = choose(codes)
    contact = _add(alice, **DETAILS)
    bench.settle()
    _change_there(sandbox, contact, codes, **{name: "theirs"})
    change_contact(contact, {name: "ours"})
    bench.settle()
    assert _there(world, contact, codes) == {**DETAILS, name: "theirs"}
    contact.refresh_from_db()
    assert getattr(contact, name) == "theirs"
    told = f"{Contact.called(name)}: Pipedrive's “theirs” was kept, not “ours”."
    assert told in Notification.objects.get(kind="change_kept").text


@pytest.mark.parametrize("kind", ["no_answer", "no_answer_after"])
def test_a_lost_answer_loses_nothing(
    world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose, kind: Any
) -> None:
    """Of a create and of an update: neither is an own change taken for a colleague's."""
    bench = choose(codes)
    sandbox.faults.add(Fault(kind=kind, method="POST", path="/api/v2/persons", times=1))
    contact = _add(alice, **DETAILS)
    bench.settle(300)
    assert _there(world, contact, codes) == DETAILS
    sandbox.faults.add(Fault(kind=kind, method="PATCH", path="/api/v2/persons/*", times=1))
    contact.refresh_from_db()
    change_contact(contact, {"note": "Newer\nnote", "tags": "b, a"})
    bench.settle(300)
    assert _there(world, contact, codes) == {**DETAILS, "note": "Newer\nnote", "tags": "b, a"}
    assert stated(contact).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()
    assert len(world.persons) == 1


def test_a_choice_fills_what_is_empty_there_and_leaves_the_rest(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """As batch work, said in numbers before; a value of Pipedrive's is neither replaced nor taken over nor emptied."""
    full, empty, other = (_add(alice, name) for name in ("Jordan Ames", "Robin Vale", "Kim Odell"))
    bench.settle()
    for contact in (full, other):
        change_contact(contact, {"tags": "board", "job_title": "Buyer"})
    _change_there(sandbox, other, codes, tags="vip")
    _change_there(sandbox, empty, codes, tags="theirs", job_title="Chef")
    assert detail_choices.known() == {"job_title": 2, "linkedin": 0, "note": 0, "tags": 2, "source": 0}

    assert detail_choices.choose({"tags": codes["tags"]}) == 2
    full.refresh_from_db()
    assert full.pipedrive_in_bulk
    later = bench.under(details={"tags": codes["tags"]})
    later.settle(60)

    only = {"tags": codes["tags"], "job_title": "job_title"}
    assert _there(world, full, only) == {"tags": "board", "job_title": ""}
    assert _there(world, other, only) == {"tags": "vip", "job_title": ""}
    assert _there(world, empty, only) == {"tags": "theirs", "job_title": "Chef"}
    assert [stated(each).tags for each in (full, empty, other)] == ["board", "", "board"]
    assert {stated(each).sync_state for each in (full, empty, other)} == {"synced"}
    assert not Notification.objects.filter(kind="change_kept").exists()
    assert detail_choices.choose({"tags": codes["tags"]}) == 0  # nothing is left

    # From now on the field is known.
    _change_there(sandbox, full, codes, tags="")
    for contact in (full, empty):
        contact.refresh_from_db()
        change_contact(contact, {"name": f"{contact.name} II"})
    later.settle()
    assert [stated(each).tags for each in (full, empty)] == ["", ""]
    assert _there(world, empty, only)["tags"] == "theirs"


def test_an_edit_meanwhile_does_not_stop_it(
    bench: Bench, world: World, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """Of another field, of the warmness, and of the detail itself: it still goes over."""
    contacts = [_add(alice, name) for name in ("Jordan Ames", "Robin Vale", "Kim Odell")]
    bench.settle()
    for contact in contacts:
        contact.refresh_from_db()
        change_contact(contact, {"source": "Fair"})
    later = choose({"source": codes["source"]})
    edits: list[dict[str, Any]] = [{"name": "Jordan P. Ames"}, {"warmness_score": 9}, {"source": "Fair 2026"}]
    for contact, edit in zip(contacts, edits, strict=True):
        contact.refresh_from_db()
        change_contact(contact, edit)
    later.settle(60)
    only = {"source": codes["source"]}
    assert [_there(world, each, only)["source"] for each in contacts] == ["Fair", "Fair", "Fair 2026"]
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_what_was_on_its_way_is_filled_later(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """A create of which the answer was lost before the choice did not say the detail."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    contact = _add(alice, source="Fair")
    bench.settle(1)
    choose({"source": codes["source"]}).settle(300)
    assert _there(world, contact, {"source": codes["source"]}) == {"source": "Fair"}
    assert len(world.persons) == 1


def test_another_field_is_another_matter(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """What was agreed on for the one is not taken for what the other one holds; the old one keeps what it has."""
    contact = _add(alice, source="Fair")
    choose({"source": codes["source"]}).settle()
    choose({"source": codes["linkedin"]}).settle(60)
    both = {"source": codes["source"], "linkedin": codes["linkedin"]}
    assert _there(world, contact, both) == {"source": "Fair", "linkedin": "Fair"}

    choose({}).settle()
    _change_there(sandbox, contact, codes, linkedin="theirs")
    contact.refresh_from_db()
    change_contact(contact, {"source": "Elsewhere", "name": "Jordan P. Ames"})
    bench.settle()
    assert _there(world, contact, both) == {"source": "Fair", "linkedin": "theirs"}
    assert stated(contact).source == "Elsewhere"


@pytest.mark.parametrize("knows", [True, False])
def test_a_field_that_is_deleted_stops_nothing(
    world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose, *, knows: bool
) -> None:
    """What is here stays, everything else goes over, and it is told once and by the doctor; a new name is no matter."""
    bench = choose(codes)
    contact = _add(alice, **DETAILS)
    bench.settle()
    fields = world.fields["persons"]
    next(each for each in fields if each["field_code"] == codes["tags"])["field_name"] = "Renamed"
    fields[:] = [each for each in fields if each["field_code"] != codes["source"]]
    world.persons[1]["custom_fields"].pop(codes["source"])
    bench.clock.sleep(3600 if knows else 90)
    contact.refresh_from_db()
    change_contact(contact, {"source": "Elsewhere"} if knows else {"name": "Jordan P. Ames", "tags": "renamed"})
    second = _add(alice, "Robin Vale", source="Fair")
    bench.settle(60)

    assert {stated(each).sync_state for each in (contact, second)} == {"synced"}
    assert [stated(each).source for each in (contact, second)] == ["Elsewhere" if knows else DETAILS["source"], "Fair"]
    left = {name: code for name, code in codes.items() if name != "source"}
    assert _there(world, contact, left)["tags"] == (DETAILS["tags"] if knows else "renamed")
    told = Notification.objects.get(kind="account_refused").text
    assert told.startswith("Source: the field that was chosen in Pipedrive is not there any more.")
    found = [each.text for each in doctor.examine(bench.pipedrive, bench.policy) if not each.well]
    assert told in found
    assert detail_choices.wrong() == [told]


def test_a_type_that_does_not_fit_is_told(bench: Bench, codes: dict[str, str]) -> None:
    """Only what holds a detail whole is offered."""
    number = bench.pipedrive.create_person_field("Number", "double").code
    fields = bench.pipedrive.person_fields()
    assert codes["source"] not in {each.code for each in detail_fields.suitable("note", fields)}
    assert {each.code for each in detail_fields.suitable("note", fields)} == {codes["note"], codes["tags"]}
    assert {"job_title", *codes.values()} >= {each.code for each in detail_fields.suitable("job_title", fields)}
    (text,) = detail_fields.wrong({"source": number, "note": codes["note"]}, fields)
    assert text.startswith("Source: the field “Number” in Pipedrive is of type double, which cannot hold it.")


def test_two_contacts_of_one_person(
    bench: Bench, world: World, alice: User, bob: User, codes: dict[str, str], choose: Choose
) -> None:
    """What one of them fills or changes is no colleague's word to the other."""
    one, other = (_add(user) for user in (alice, bob))
    bench.settle(60)
    later = choose({"source": codes["source"]})
    change_contact(Contact.objects.get(pk=other.pk), {"phone": "+49 30 5550100"})
    later.settle(60)
    change_contact(Contact.objects.get(pk=one.pk), {"source": "Fair"})
    later.settle(60)
    change_contact(Contact.objects.get(pk=other.pk), {"phone": "+49 30 5550101"})
    later.settle(60)
    assert len(world.persons) == 1
    assert [stated(each).source for each in (one, other)] == ["Fair", ""]
    assert _there(world, other, {"source": codes["source"]}) == {"source": "Fair"}


def test_the_audit_sees_them(
    desk: Any, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """A change there is found, and ours can be sent; a field that is gone is no finding of each contact."""
    bench = choose(codes)
    contact = _add(alice, **DETAILS)
    bench.settle()
    _change_there(sandbox, contact, codes, source="theirs")
    desk = type(desk)(bench.pipedrive, bench.policy, bench.clock, sandbox)
    bench.clock.sleep(3600)
    desk.audit()
    finding = Finding.objects.get()
    assert list(finding.values.values()) == [[DETAILS["source"], "theirs"]]
    fields = world.fields["persons"]
    fields[:] = [each for each in fields if each["field_code"] != codes["source"]]
    world.persons[1]["custom_fields"].pop(codes["source"])
    bench.clock.sleep(3600)
    desk.audit()
    assert not Finding.objects.exists()


def test_what_a_list_shows_comes_here(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, codes: dict[str, str], choose: Choose
) -> None:
    """The look for changes in Pipedrive finds one of a detail alone."""
    policy = choose(codes).policy
    polls = Engine(bench.pipedrive, policy, bench.clock, Random(7), poll_every=EVERY)
    bench = Bench(polls, bench.clock, policy, bench.pipedrive)
    contact = _add(alice, **DETAILS)
    bench.settle(60)
    bench.clock.sleep(EVERY.total_seconds())
    bench.settle(60)
    _change_there(sandbox, contact, codes, source="theirs")
    bench.clock.sleep(EVERY.total_seconds())
    bench.settle(60)
    assert stated(contact).source == "theirs"
    spent = len(world.calls)
    bench.clock.sleep(EVERY.total_seconds())
    bench.settle(60)
    assert {call.method for call in world.calls[spent:]} <= {"GET"}
    assert not [call for call in world.calls[spent:] if call.path.startswith("/api/v2/persons/")]


def test_the_preferences_keep_it() -> None:
    """It is stored as the other choices are."""
    assert preferences.current().detail_fields == {}
    preferences.change({"detail_fields": {"tags": "f" * 40}})
    assert preferences.current().detail_fields == {"tags": "f" * 40}
