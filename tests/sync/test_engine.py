"""The two features, against the sandbox: a warm contact becomes a person, and its activities follow."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
from bench_engine import Bench
from django.db import OperationalError
from django.db import connection as db_connection

from warmline.crm.activities import Activity, ActivityType
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Connection, Intent, Lease, Notification
from warmline.sync.status.retry_and_choose import LinkedAlreadyError, NoCandidateError, choose, retry

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails(name="Larkspur Mills", sector="Manufacturing", country="Germany")


def label_names(world: World, person: dict[str, Any]) -> list[str]:
    """Return the labels of a person by name."""
    options = next(f for f in world.fields["persons"] if f["field_code"] == "label_ids")["options"]
    return [option["label"] for option in options if option["id"] in person["label_ids"]]


@pytest.mark.parametrize("door", ["bench", "bench_over_http"])
def test_a_warm_contact_becomes_a_person(door: str, request: pytest.FixtureRequest, world: World, alice: User) -> None:
    """Organization first, then the person, with owner, label, e-mail, phone and the ids stored here."""
    bench: Bench = request.getfixturevalue(door)
    add_contact(
        alice,
        name="Jordan Ames",
        email="Jordan.Ames@example.com",
        phone="+49 30 5550100",
        organization=MILLS,
        warmness_score=4,
    )

    bench.settle()

    contact = Contact.objects.select_related("organization").get()
    assert contact.organization is not None
    (organization,) = world.organizations.values()
    (person,) = world.persons.values()
    assert contact.pipedrive_person_id == person["id"]
    assert contact.organization.pipedrive_org_id == organization["id"] == person["org_id"]
    assert organization["name"] == "Larkspur Mills"
    assert organization["industry"] == 34
    assert organization["address"]["country"] == "Germany"
    assert person["name"] == "Jordan Ames"
    assert [email["value"] for email in person["emails"]] == ["Jordan.Ames@example.com"]
    assert [phone["value"] for phone in person["phones"]] == ["+49 30 5550100"]
    assert person["owner_id"] == organization["owner_id"] == 1
    assert label_names(world, person) == ["Warm Lead"]
    writes = [call.path for call in world.calls if call.method == "POST"]
    assert writes.index("/api/v2/organizations") < writes.index("/api/v2/persons")
    assert (contact.pipedrive_sync_attempts, contact.pipedrive_sync_failed) == (1, False)
    assert contact.last_pipedrive_sync_attempt is not None
    assert not Lease.objects.exists()
    assert not Intent.objects.exists()


def test_the_contact_is_told_about(bench: Bench, alice: User) -> None:
    """Its user hears of a new warm lead once."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=7)

    bench.settle()

    (note,) = Notification.objects.all()
    assert (note.kind, note.user, note.contact) == ("contact_synced", alice, contact)
    assert note.text == "Jordan Ames is in Pipedrive as a Warm Lead."


@pytest.mark.parametrize(("score", "threshold", "arrives"), [(3, 4, False), (4, 4, True), (6, 7, False), (0, 0, True)])
def test_only_from_the_threshold_on(
    bench: Bench, world: World, alice: User, score: int, threshold: int, *, arrives: bool
) -> None:
    """The threshold is a setting, and the score that reaches it counts."""
    add_contact(alice, name="Jordan Ames", warmness_score=score)

    bench.under(threshold=threshold).settle()

    assert len(world.persons) == arrives


def test_a_score_that_falls_removes_nothing(bench: Bench, world: World, alice: User) -> None:
    """What is in Pipedrive stays there, and so do the ids here."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    contact.refresh_from_db()

    change_contact(contact, {"warmness_score": 1})
    log_activity(alice, contact, type="CALL")
    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id in world.persons
    assert len(world.activities) == 1


TYPES_THERE = {
    "CALL": "call",
    "EMAIL": "email",
    "MEETING": "meeting",
    "LINKEDIN": "task",
    "REFERRAL": "task",
    "CONFERENCE": "meeting",
}


def test_every_type_is_tried() -> None:
    """A new one needs its line above."""
    assert list(TYPES_THERE) == ActivityType.values


@pytest.mark.parametrize(("ours", "theirs"), TYPES_THERE.items())
def test_an_activity_follows(bench_over_http: Bench, world: World, alice: User, ours: str, theirs: str) -> None:
    """Type, due, subject, note, done, owner, person and organization arrive, and the id is stored."""
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    bench_over_http.settle()
    log_activity(
        alice,
        contact,
        type=ours,
        subject="About the mills",
        note="Two lines\nof note",
        due_date=date(2026, 12, 1),
        due_time=time(9, 30),
        done=False,
    )

    bench_over_http.settle()

    contact.refresh_from_db()
    activity = Activity.objects.get()
    (record,) = world.activities.values()
    assert activity.pipedrive_activity_id == record["id"]
    assert activity.replicated_to_pipedrive
    assert record["type"] == theirs
    assert record["subject"] == "About the mills"
    assert record["note"] == "Two lines<br>of note"
    assert (record["due_date"], record["due_time"][:5], record["done"]) == ("2026-12-01", "09:30", False)
    assert record["owner_id"] == 1
    assert record["participants"] == [{"person_id": contact.pipedrive_person_id, "primary": True}]
    assert record["org_id"] in world.organizations


def test_due_times_arrive_in_utc(bench: Bench, world: World, user: Callable[..., User]) -> None:
    """A call due at half past midnight in Auckland is due the day before in Pipedrive."""
    bob = user("bob", time_zone="Pacific/Auckland")
    contact = add_contact(bob, name="Jordan Ames", warmness_score=5)
    log_activity(bob, contact, type="CALL", due_date=date(2026, 12, 1), due_time=time(0, 30))

    bench.settle()

    (record,) = world.activities.values()
    assert (record["due_date"], record["due_time"][:5]) == ("2026-11-30", "11:30")


def test_an_activity_logged_on_the_way_follows(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Logged while its warm contact could not be made yet, it goes over as soon as the contact is there."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons", times=1))
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.engine.step(bench.clock.now())
    assert not world.persons

    log_activity(alice, contact, type="CALL")
    bench.settle()

    assert len(world.persons) == len(world.activities) == 1


@pytest.mark.parametrize("follows", [True, False])
def test_earlier_activities_follow_by_setting(bench: Bench, world: World, alice: User, *, follows: bool) -> None:
    """What was logged before the contact was warm follows only where the setting says so, decided at the link."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=1)
    log_activity(alice, contact, type="CALL")
    change_contact(contact, {"warmness_score": 5})
    log_activity(alice, contact, type="EMAIL")

    bench.under(earlier_activities=follows).settle()
    bench.under(earlier_activities=True).settle()  # too late to change what was decided

    assert sorted(record["type"] for record in world.activities.values()) == ["call", "email"][not follows :]


def test_a_person_who_is_there_is_adopted(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Found once by e-mail, in any case: our label joins theirs, and nothing else of theirs changes or is made."""
    theirs = sandbox.add("organizations", name="Their Name For It")
    person = sandbox.add(
        "persons",
        name="J. Ames",
        emails=[{"value": "JORDAN@example.com", "primary": True, "label": "home"}],
        owner_id=2,
        org_id=theirs["id"],
        label_ids=[11],
    )
    contact = add_contact(alice, name="Jordan Ames", email=" jordan@EXAMPLE.com", organization=MILLS, warmness_score=5)
    log_activity(alice, contact, type="CALL")

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    after = world.persons[person["id"]]
    assert label_names(world, after) == ["Hot lead", "Warm Lead"]
    unchanged = ("name", "emails", "owner_id", "org_id")
    assert {name: after[name] for name in unchanged} == {name: person[name] for name in unchanged}
    assert list(world.organizations) == [theirs["id"]]
    assert len(world.persons) == len(world.activities) == 1


def test_an_adopted_persons_organization_of_our_name_is_linked(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Where the person's organization bears the name of ours, it is ours."""
    theirs = sandbox.add("organizations", name="LARKSPUR  mills")
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    sandbox.add("persons", name="J. Ames", emails=emails, org_id=theirs["id"])
    add_contact(alice, name="Jordan Ames", email="jordan@example.com", organization=MILLS, warmness_score=5)

    bench.settle()

    assert Organization.objects.get().pipedrive_org_id == theirs["id"]
    assert len(world.organizations) == 1


def test_an_organization_that_is_there_is_adopted(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Found once by name, in any case, it is linked and left as it is."""
    theirs = sandbox.add("organizations", name="LARKSPUR MILLS", owner_id=2)
    before = dict(world.organizations[theirs["id"]])
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)

    bench.settle()

    assert Organization.objects.get().pipedrive_org_id == theirs["id"]
    assert world.organizations == {theirs["id"]: before}


def test_two_persons_with_the_e_mail_are_for_a_person_to_decide(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Found twice: link neither, say why, name both, tell once, and wait for a choice."""
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    ids = [sandbox.add("persons", name=name, emails=emails)["id"] for name in ("J. Ames", "Jordan A.")]
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)

    bench.settle(60)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id is None
    assert contact.pipedrive_sync_failed
    assert contact.pipedrive_sync_error_code == "ambiguous"
    assert contact.pipedrive_sync_error_field == "email"
    assert [candidate["pipedrive_id"] for candidate in contact.pipedrive_candidates] == ids
    assert contact.pipedrive_sync_attempts == 1
    assert len(world.persons) == 2
    assert [note.kind for note in Notification.objects.all()] == ["contact_failed"]


def ambiguous(bench: Bench, sandbox: Sandbox, owner: User) -> tuple[Contact, list[int]]:
    """Return a contact that could be two persons, and their ids."""
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    ids = [sandbox.add("persons", name=name, emails=emails)["id"] for name in ("J. Ames", "Jordan A.")]
    contact = add_contact(owner, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.settle()
    contact.refresh_from_db()
    assert len(contact.pipedrive_candidates) == 2
    return contact, ids


@pytest.mark.parametrize("choice", ["first", "second", "new"])
def test_a_choice_is_carried_out(bench: Bench, world: World, sandbox: Sandbox, alice: User, choice: str) -> None:
    """This one, that one, or a new one: as the person said."""
    contact, (first, second) = ambiguous(bench, sandbox, alice)

    choose(contact, {"first": first, "second": second, "new": None}[choice])
    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == {"first": first, "second": second, "new": second + 1}[choice]
    assert len(world.persons) == (3 if choice == "new" else 2)


def test_only_a_candidate_can_be_chosen(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Nor can a new record be asked for where nothing is to be decided: a second one would be made."""
    other = add_contact(alice, name="Robin Vale", warmness_score=5)
    with pytest.raises(NoCandidateError):
        choose(other, None)
    contact, (first, _) = ambiguous(bench, sandbox, alice)
    with pytest.raises(NoCandidateError):
        choose(contact, first + 100)
    contact.pipedrive_person_id = first
    contact.save()
    with pytest.raises(LinkedAlreadyError):
        choose(contact, first)


def test_a_choice_does_not_outlive_its_e_mail(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Decided for a mistyped address, it says nothing of the right one: who is there is adopted."""
    contact, _ = ambiguous(bench, sandbox, alice)
    emails = [{"value": "right@example.com", "primary": True, "label": "work"}]
    right = sandbox.add("persons", name="Jordan Ames", emails=emails)["id"]
    choose(contact, None)
    change_contact(Contact.objects.get(), {"email": "right@example.com"})
    bench.clock.sleep(10)  # the last look serves no longer

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == right
    assert len(world.persons) == 3


def test_two_contacts_with_one_e_mail_are_one_person(bench: Bench, world: World, alice: User, bob: User) -> None:
    """Whoever comes second is linked to what the first one made, however late Pipedrive's search finds it."""
    world.settings.search_delay = 600
    add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    add_contact(bob, name="Jordan A.", email="JORDAN@example.com", warmness_score=5)

    bench.settle()

    (person_id,) = world.persons
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {person_id}


def test_contacts_of_one_organization_share_it(bench: Bench, world: World, alice: User) -> None:
    """Found or made once, linked from all."""
    world.settings.search_delay = 600
    for name in ("Jordan Ames", "Robin Vale", "Kim Castell"):
        add_contact(alice, name=name, organization=MILLS, warmness_score=5)

    bench.settle()

    (organization_id,) = world.organizations
    assert [person["org_id"] for person in world.persons.values()] == [organization_id] * 3


@pytest.mark.parametrize("path", ["/api/v2/persons/search", "/api/v2/persons"])
def test_a_look_that_fails_is_not_not_found(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, path: str
) -> None:
    """While search or list do not answer nothing is made, and afterwards the person who was there is found."""
    bench = bench.searching() if path.endswith("search") else bench.fill_directory()
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    person = sandbox.add("persons", name="J. Ames", emails=emails)
    sandbox.faults.add(Fault(kind="error", method="GET", path=path, times=2))
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.clock.sleep(60)

    bench.settle(20)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    # Where the list cannot be had once, Pipedrive is searched from then on.
    assert contact.pipedrive_sync_attempts == (3 if path.endswith("search") else 2)
    assert len(world.persons) == 1


def test_exactly_three_attempts_then_batch(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Three creates with growing waits, failed with its reason, one notification; a retry brings it over once."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/activities"))
    activity = log_activity(alice, contact, type="CALL")

    bench.settle(300)

    at = [call.at for call in world.calls if (call.method, call.path) == ("POST", "/api/v2/activities")]
    assert len(at) == 3
    assert at[2] - at[1] > at[1] - at[0] > 0
    activity.refresh_from_db()
    assert activity.pipedrive_sync_failed
    assert activity.pipedrive_sync_attempts == 3
    assert activity.pipedrive_sync_error_message
    assert Notification.objects.filter(kind="activity_failed").count() == 1
    assert Connection.objects.get().state == "ok"

    sandbox.faults.clear()
    assert retry(activity)
    bench.settle()

    activity.refresh_from_db()
    assert activity.replicated_to_pipedrive
    assert not activity.pipedrive_sync_error_code
    assert len(world.activities) == 1


def test_batch_processing_tries_again_by_itself(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """A failed row comes back every 15 minutes, tells nothing new of the same failure, and arrives in the end."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons"))
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(60 * 35)
    assert Contact.objects.get().pipedrive_sync_attempts == 5
    assert Notification.objects.filter(kind="contact_failed").count() == 1

    sandbox.faults.clear()
    bench.settle(60 * 15)

    assert Contact.objects.get().pipedrive_person_id in world.persons


def test_contacts_fail_with_their_organization_and_go_on_with_it(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """The organization's reason is told for each contact; its contacts spend no attempts while it is tried."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/organizations"))
    for name in ("Jordan Ames", "Robin Vale"):
        add_contact(alice, name=name, organization=MILLS, warmness_score=5)

    bench.settle(60)

    posts = [call for call in world.calls if (call.method, call.path) == ("POST", "/api/v2/organizations")]
    assert len(posts) == 3
    assert not world.persons
    for contact in Contact.objects.all():
        assert contact.pipedrive_sync_failed
        assert contact.pipedrive_sync_error_code == "organization_failed"
        assert contact.pipedrive_sync_attempts == 1
    assert Notification.objects.filter(kind="contact_failed").count() == 2

    sandbox.faults.clear()
    retry(Organization.objects.get())
    bench.settle()

    assert len(world.organizations) == 1
    assert len(world.persons) == 2
    assert not Contact.objects.filter(pipedrive_person_id=None).exists()


def test_rows_that_fail_hold_nobody_up(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """While activities cannot be made, contacts are."""
    first = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/activities"))
    log_activity(alice, first, type="CALL")
    add_contact(alice, name="Robin Vale", warmness_score=5)

    bench.settle(3)

    assert len(world.persons) == 2


def test_the_organizations_failure_is_its_contacts(bench: Bench, alice: User, sandbox: Sandbox) -> None:
    """Two organizations of one name in Pipedrive: the organization is ambiguous, its contact says so."""
    for _ in range(2):
        sandbox.add("organizations", name="Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    bench.settle()

    organization = Organization.objects.get()
    contact.refresh_from_db()
    assert organization.pipedrive_sync_error_code == "ambiguous"
    assert len(organization.pipedrive_candidates) == 2
    assert contact.pipedrive_sync_error_code == "organization_failed"

    choose(organization, organization.pipedrive_candidates[1]["pipedrive_id"])
    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id is not None


def test_our_own_database_is_no_rows_fault(bench: Bench, world: World, alice: User) -> None:
    """Locked for longer than one waits for it, just when the link is stored: no attempt is counted, nobody is told."""
    bench.fill_directory()
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)

    failures = iter([OperationalError("database is locked")])

    def locked(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "crm_contact"') and world.persons and (error := next(failures, None)):
            raise error
        return execute(sql, *rest)

    with db_connection.execute_wrapper(locked), pytest.raises(OperationalError):
        bench.engine.step(bench.clock.now())
    contact.refresh_from_db()
    assert (contact.pipedrive_sync_attempts, contact.pipedrive_sync_error_code) == (0, "")
    bench.settle(60)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id is not None
    assert len(world.persons) == 1
    assert not Notification.objects.filter(kind="contact_failed").exists()
