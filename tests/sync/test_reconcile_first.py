"""After a restore every link is checked before anything is created or changed in Pipedrive."""

from typing import Any

import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sandbox.merging import merge
from warmline.sync.installation_models import LinkCheck
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.remote import reconcile_first

pytestmark = pytest.mark.django_db

ROWS = (Activity, Contact, Organization)
Backup = dict[type[Any], dict[int, dict[str, Any]]]


def lead(owner: User, name: str, email: str = "", organization: str = "") -> Contact:
    """Save a warm contact."""
    details = OrganizationDetails(name=organization) if organization else None
    return add_contact(owner, name=name, email=email, organization=details, warmness_score=7)


def backup() -> Backup:
    """Return all rows as they are now."""
    return {model: {row["id"]: dict(row) for row in model._default_manager.values()} for model in ROWS}


def restore(kept: Backup) -> None:
    """Have the rows as they were, and no others."""
    for model, rows in kept.items():
        model._default_manager.exclude(pk__in=rows).delete()
    for model, rows in kept.items():
        for pk, values in rows.items():
            model._default_manager.filter(pk=pk).update(**{name: each for name, each in values.items() if name != "id"})
    reconcile_first.begin(reconcile_first.RESTORED)


def finish(bench: Bench) -> None:
    """Let a server have its first minutes: all links are checked, and then what is due goes over."""
    for _ in range(30):
        bench.fill_directory()
        bench.settle(5)
        bench.clock.sleep(5)


def written(world: World) -> list[str]:
    """Return the calls that changed something."""
    return [f"{call.method} {call.path}" for call in world.calls if call.method != "GET"]


def check() -> LinkCheck:
    """Return the check as it stands."""
    return LinkCheck.objects.get()


def subjects(world: World) -> list[str]:
    """Return the subjects of the activities in Pipedrive."""
    return sorted(each["subject"] for each in world.activities.values())


def test_nothing_is_sent_before_all_is_checked(bench: Bench, alice: User, world: World) -> None:
    """New leads and edits wait, however often the engine works; then they go over as always."""
    jordan = lead(alice, "Jordan Ames", "jordan@example.com", "Larkspur Mills")
    bench.settle()
    reconcile_first.begin(reconcile_first.RESTORED)
    robin = lead(alice, "Robin Vale", "robin@example.com")
    book.change_contact(Contact.objects.get(pk=jordan.pk), {"phone": "+49 30 1234567"})
    before = written(world)
    work = bench.engine.work_of("contact", robin.pk)
    assert work is not None
    assert bench.engine.due(bench.clock.now()) == []
    assert not bench.engine.bring(work)
    assert written(world) == before

    finish(bench)

    assert check().ended_at is not None
    assert check().figures == {"organization": {"kept": 1}, "contact": {"kept": 1}}
    assert (check().checked, check().total) == (2, 2)
    assert not Contact.objects.filter(pipedrive_person_id=None).exists()
    assert len(written(world)) == len(before) + 2
    assert Notification.objects.filter(kind=NotificationKind.LINKS_CHECKED).count() == 1


def test_what_was_sent_after_the_backup_is_found_and_not_made_again(bench: Bench, alice: User, world: World) -> None:
    """A lead with a mark, and activities that were ticked off, moved, and renamed there since."""
    jordan = lead(alice, "Jordan Ames", "jordan@example.com")
    bench.settle()
    robin = lead(alice, "Robin Vale", organization="Nordic Oak")  # without an e-mail: only its mark tells
    for subject in ("Ask about the offer", "Send the contract", "Visit", "As it was"):
        log_activity(alice, jordan, type="CALL", subject=subject, done=False)
    kept = backup()
    bench.settle()
    ask, send, visit, _ = world.activities.values()
    ask |= {"done": True, "note": "They will"}
    send |= {"due_date": "2027-01-05"}
    visit |= {"subject": "Visit in Hamburg"}
    lost = lead(alice, "Sam Lee", "sam@example.com")
    log_activity(alice, lost, type="CALL")
    bench.settle()
    before, there = written(world), subjects(world)

    restore(kept)
    finish(bench)

    assert written(world) == before
    assert subjects(world) == there
    assert not Contact.objects.filter(pipedrive_person_id=None).exists()
    assert Contact.objects.get(pk=robin.pk).organization.pipedrive_org_id is not None  # type: ignore[union-attr]
    assert set(Activity.objects.values_list("pipedrive_activity_id", flat=True)) == {1, 2, 3, 4}
    (sams,) = [each["id"] for each in world.persons.values() if each["name"] == "Sam Lee"]
    assert f"person {sams}" in check().left_there


def test_an_activity_that_was_never_sent_goes_over(bench: Bench, alice: User, world: World) -> None:
    """One that resembles another, which was sent long before, is not taken for it."""
    jordan = lead(alice, "Jordan Ames", "jordan@example.com")
    log_activity(alice, jordan, type="CALL", subject="Call")
    bench.settle()
    bench.clock.sleep(3600)
    call = log_activity(alice, jordan, type="CALL", subject="Call again")
    Activity.objects.filter(pk=call.pk).update(created_at=bench.clock.now())
    restore(backup())
    finish(bench)
    assert subjects(world) == ["Call", "Call again"]


def test_what_was_merged_or_made_anew_is_followed(bench: Bench, alice: User, world: World) -> None:
    """A person that was merged has the e-mail; one that was made again has the mark; the others are told to be gone."""
    rows = {
        name: lead(alice, name, f"{name.split()[0].lower()}@example.com")
        for name in ("Jordan Ames", "Kim Oak", "Robin Vale")
    }
    bench.settle()
    kept = backup()
    ids = {name: Contact.objects.get(pk=row.pk).pipedrive_person_id or 0 for name, row in rows.items()}
    other = {**world.persons[ids["Jordan Ames"]], "id": 90, "custom_fields": {}}
    world.persons[90] = other
    merge(world, "persons", ids["Jordan Ames"], 90)
    world.persons[91] = {**world.persons[ids["Kim Oak"]], "id": 91}
    for name in ("Kim Oak", "Robin Vale"):
        world.persons[ids[name]]["is_deleted"] = True

    restore(kept)
    before = written(world)
    finish(bench)

    found = {row.name: row.pipedrive_person_id for row in Contact.objects.all()}
    assert found == {"Jordan Ames": 90, "Kim Oak": 91, "Robin Vale": None}
    assert check().figures["contact"] == {"moved": 2, "gone": 1}
    assert check().gone == [f"contact {rows['Robin Vale'].pk}"]
    assert written(world) == before


def test_many_that_are_gone_stay_linked(bench: Bench, alice: User, world: World) -> None:
    """Then the token may just not show them, and making them again would double all of them."""
    for number in range(11):
        lead(alice, f"Person {number}", f"{number}@example.com")
    bench.settle(60)
    restore(backup())
    for person in world.persons.values():
        person["is_deleted"] = True
    finish(bench)
    assert len(check().gone) == 11
    assert not Contact.objects.filter(pipedrive_person_id=None).exists()


def test_a_stranger_is_told(bench: Bench, alice: User, world: World) -> None:
    """A record that neither mark nor e-mail nor name confirms keeps its link, and is named."""
    jordan = lead(alice, "Jordan Ames", "jordan@example.com")
    bench.settle()
    (person,) = world.persons.values()
    person |= {"name": "Petra Holm", "emails": [], "custom_fields": {}}
    restore(backup())
    finish(bench)
    assert check().doubtful == [f"contact {jordan.pk}"]
    assert Contact.objects.get(pk=jordan.pk).pipedrive_person_id == person["id"]


def test_it_goes_on_where_it_stopped(bench: Bench, alice: User, world: World, sandbox: Sandbox) -> None:
    """A step at a time, in whatever process; what was checked is not read again."""
    for number in range(150):
        contact = lead(alice, f"Person {number}", f"{number}@example.com")
        Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=number + 1)
        sandbox.add("persons", name=f"Person {number}", emails=[{"value": f"{number}@example.com"}])
    bench.fill_directory()
    reconcile_first.begin(reconcile_first.ON_REQUEST)
    while not check().checked:
        bench.engine.do_housekeeping()
    assert check().checked == 100
    world.calls.clear()
    finish(bench.under())
    assert check().checked == 150
    assert check().ended_at is not None
    assert len([call for call in world.calls if call.path == "/api/v2/persons"]) == 1


def test_what_cannot_be_read_does_not_hold_it_up_for_ever(bench: Bench, alice: User, sandbox: Sandbox) -> None:
    """It is tried some times, with waits; then the rest goes on, and it is told."""
    lead(alice, "Jordan Ames", "jordan@example.com")
    lead(alice, "Kim Oak", "kim@example.com")
    bench.settle()
    restore(backup())
    sandbox.faults.add(Fault(kind="error", method="GET", path="/api/v2/persons", status=500, times=1000))
    finish(bench)
    assert check().ended_at is not None
    assert check().figures["contact"] == {"kept": 2}


def test_beginning_anew_stops_what_is_under_way(bench: Bench, alice: User, world: World, meddler: Meddler) -> None:
    """Work from before a restore stores and sends nothing more, in whatever process."""
    lead(alice, "Jordan Ames", "jordan@example.com")
    bench.settle()
    bench.clock.sleep(60)
    lead(alice, "Robin Vale", "robin@example.com")
    meddler.once("GET", "/api/v2/persons", lambda: reconcile_first.begin(reconcile_first.RESTORED))
    before = written(world)
    (work,) = bench.engine.due(bench.clock.now())
    assert not bench.engine.bring(work)
    assert meddler.is_done
    assert written(world) == before
    finish(bench)
    assert len(world.persons) == 2
