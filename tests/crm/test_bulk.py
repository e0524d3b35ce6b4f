"""Adding many contacts at once: every row has its outcome, and doing it again adds nothing."""

import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.imports.bulk import Outcome, Result, foresee, import_contacts
from warmline.crm.imports.known_people import Seen
from warmline.crm.models import Contact, Organization
from warmline.crm.search import search
from warmline.crm.users import User
from warmline.sync import wakeups

MILLS = OrganizationDetails("Larkspur Mills", sector="Food")


def _imported(owner: User, *rows: dict[str, Any], chunk: int = 200) -> list[Outcome]:
    return [outcome for some in import_contacts(owner, rows, chunk=chunk) for outcome in some]


def _results(owner: User, *rows: dict[str, Any]) -> list[str]:
    return [outcome.result for outcome in _imported(owner, *rows)]


def test_contacts_are_added_as_one_by_one(alice: User) -> None:
    """What an import adds is what `add_contact` adds, keys and words included, but marked as saved in bulk."""
    row: dict[str, Any] = {
        "name": " Dana Diaz ",
        "email": "D@example.org",
        "phone": "1",
        "organization": MILLS,
        "warmness_score": 5,
    }
    (outcome,) = _imported(alice, row)
    imported = Contact.objects.get(pk=outcome.contact_id or 0)
    assert search(Contact.objects.all(), "dana larkspur d@example")[0].get() == imported
    added = add_contact(alice, **row)
    for name in ("name", "name_key", "email", "email_key", "phone", "organization", "warmness_score", "owner"):
        assert getattr(imported, name) == getattr(added, name), name
    assert {bytes(word.word) for word in imported.words.all()} == {bytes(word.word) for word in added.words.all()}
    assert imported.pipedrive_in_bulk
    assert imported.organization is not None
    assert imported.organization.pipedrive_in_bulk
    assert not added.pipedrive_in_bulk


def test_the_same_rows_add_nothing_again(alice: User) -> None:
    """Rows are known again by e-mail, or by name and organization, and keep the id of the contact they are."""
    rows: list[dict[str, Any]] = [
        {"name": "Dana", "email": "d@example.org"},
        {"name": "Eli", "organization": MILLS},
        {"name": "Eli"},
    ]
    first = _imported(alice, *rows)
    second = _imported(alice, *rows)
    assert [outcome.result for outcome in first] == [Result.ADDED] * 3
    assert second == [Outcome(Result.KNOWN, outcome.contact_id) for outcome in first]
    assert Contact.objects.count() == 3


@pytest.mark.parametrize(
    ("row", "result"),
    [
        ({"name": "Ames, J.", "email": "JORDAN@example.com"}, "known"),
        ({"name": "jordan@example.com", "email": "jordan@example.com"}, "known"),
        ({"name": "Kim Castell", "email": "JORDAN@example.com"}, "added"),
        ({"name": "jordan  AMES"}, "known"),
        ({"name": "Jordan Ames", "email": "other@example.com"}, "added"),
        ({"name": "Jordan Ames", "organization": MILLS}, "added"),
    ],
)
def test_a_known_contact_is_known(alice: User, jordan: Contact, row: dict[str, Any], result: str) -> None:
    """By e-mail and a name that agrees; without an e-mail by name and organization; known ones are not changed."""
    assert _results(alice, row) == [result]
    jordan.refresh_from_db()
    assert (jordan.name, jordan.pipedrive_in_bulk) == ("Jordan Ames", False)


def test_the_contact_of_another_is_not_known(jordan: Contact) -> None:
    """Two users may each know one person."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    assert _results(bob, {"name": "Jordan Ames", "email": jordan.email}) == ["added"]


@pytest.mark.parametrize("chunk", [1, 2, 200])
def test_a_row_that_comes_twice_is_added_once(alice: User, chunk: int) -> None:
    """Within a chunk and across chunks."""
    row = {"name": "Dana", "email": "d@example.org"}
    first, second, third = _imported(alice, row, row, row, chunk=chunk)
    assert first.result == Result.ADDED
    assert second == third == Outcome(Result.KNOWN, first.contact_id)


@pytest.mark.parametrize("chunk", [1, 2, 200])
def test_nobody_of_one_mailbox_is_left_out(alice: User, chunk: int) -> None:
    """Several people have it, each is added once, and who shares it with whom is told, whatever the chunks."""
    names = ["Petra Maier", "Klaus Petersen", "P. Maier", "KLAUS petersen", "Kim Castell"]
    rows = [{"name": name, "email": "Office@example.com"} for name in names]
    seen = Seen()
    foreseen = [foresee(alice, rows[at : at + chunk], seen) for at in range(0, len(rows), chunk)]
    outcomes = _imported(alice, *rows, chunk=chunk)
    assert [outcome.result for outcome in outcomes] == ["added", "added", "known", "known", "added"]
    assert [outcome.contact_id for outcome in outcomes[2:4]] == [outcome.contact_id for outcome in outcomes[:2]]
    assert [outcome.shares_with for outcome in outcomes] == ["", "Petra Maier", "", "", "Petra Maier"]
    told = [(outcome.result, outcome.shares_with) for some in foreseen for outcome in some]
    assert told == [(outcome.result, outcome.shares_with) for outcome in outcomes]
    assert set(_results(alice, *rows)) == {"known"}


def test_a_large_mailbox_takes_no_minutes(alice: User) -> None:
    """Its names are compared by their keys, and by more only with the first of them."""
    rows = [{"name": f"Person {number}", "email": "office@example.com"} for number in range(3000)]
    began = time.process_time()
    outcomes = foresee(alice, rows, Seen())
    assert {outcome.result for outcome in outcomes} == {"added"}
    assert time.process_time() - began < 30


def test_bad_rows_are_told_and_the_others_added(alice: User) -> None:
    """Each bad field has its messages, in the words of a contact that is added alone, and makes no organization."""
    outcomes = _imported(
        alice,
        {"name": " ", "email": "dana", "warmness_score": 11},
        {"name": "Dana"},
        {"name": "Eli", "organization": OrganizationDetails("x" * 256)},
    )
    assert [outcome.result for outcome in outcomes] == ["invalid", "added", "invalid"]
    assert outcomes[0].errors.keys() == {"name", "email", "warmness_score"}
    assert outcomes[2].errors.keys() == {"organization.name"}
    assert (Contact.objects.count(), Organization.objects.count()) == (1, 0)


def test_organizations_are_found_made_and_completed(alice: User) -> None:
    """One for all spellings; each fills what was empty, and what was there stays."""
    add_contact(alice, name="Jordan", organization=OrganizationDetails("LARKSPUR mills"))
    _imported(
        alice,
        {"name": "Dana", "organization": MILLS},
        {"name": "Eli", "organization": OrganizationDetails("larkspur mills", sector="Energy", country="DE")},
        {"name": "Fay", "organization": OrganizationDetails("Birch")},
        {"name": "Gil", "organization": OrganizationDetails("BIRCH", country="FR")},
    )
    found = Organization.objects.order_by("pk").values_list("name", "sector", "country", "pipedrive_in_bulk")
    # A contact that was added by hand waits for the first one.
    assert list(found) == [("LARKSPUR mills", "Food", "DE", False), ("Birch", "", "FR", True)]


def test_the_queries_do_not_grow_with_the_rows(alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A chunk locks its user, reads what is known, makes organizations and contacts, with positions and words."""
    known = {"name": "Dana", "email": "d@example.org", "organization": OrganizationDetails("Acme")}
    _imported(alice, known)  # so that its stems are
    queries = 16 if connection.vendor == "sqlite" else 17  # one of them wakes the workers of other machines
    for count in (3, 25):
        rows = [
            {
                "name": f"Dana {count} {number}",
                "email": f"d{count}.{number}@example.org" if number else "",
                "organization": OrganizationDetails(f"Acme {count} {number}"),
            }
            for number in range(count)
        ]
        with django_assert_num_queries(queries):
            assert len(_imported(alice, *rows)) == count


@pytest.mark.django_db(transaction=True)
def test_the_engine_is_woken_after_each_chunk() -> None:
    """Once for each, when it is committed."""
    alice = User.objects.create_user("alice@example.com", "Alice")
    counts: list[int] = []

    def woken() -> None:
        assert not transaction.get_connection().in_atomic_block
        counts.append(Contact.objects.count())

    wakeups.listen(woken)
    try:
        _imported(alice, {"name": "Dana"}, {"name": "Eli"}, {"name": "Fay"}, chunk=2)
    finally:
        wakeups.stop_listening(woken)
    assert sorted(set(counts)) == [2, 3]


def test_what_a_person_changes_is_in_bulk_no_longer(alice: User) -> None:
    """A change by hand is waited for; an activity goes with its contact until that is linked."""
    (outcome,) = _imported(alice, {"name": "Dana", "warmness_score": 5})
    contact = Contact.objects.get(pk=outcome.contact_id or 0)
    assert log_activity(alice, contact, type="CALL").pipedrive_in_bulk
    Contact.objects.update(pipedrive_person_id=7)
    assert not log_activity(alice, contact, type="CALL").pipedrive_in_bulk
    change_contact(contact, {"phone": "2"})
    contact.refresh_from_db()
    assert not contact.pipedrive_in_bulk


def test_a_contact_that_becomes_warm_is_due_from_then_on(alice: User, jordan: Contact) -> None:
    """Its due moment says since when it is wanted, but a wait between attempts is not cut short."""
    Contact.objects.update(next_pipedrive_sync_attempt=timezone.now().replace(year=2020))
    before = timezone.now()
    change_contact(jordan, {"warmness_score": 4})
    jordan.refresh_from_db()
    assert jordan.next_pipedrive_sync_attempt >= before
    later = timezone.now().replace(year=2999)
    Contact.objects.update(warmness_score=2, pipedrive_sync_attempts=1, next_pipedrive_sync_attempt=later)
    change_contact(jordan, {"warmness_score": 4})
    jordan.refresh_from_db()
    assert jordan.next_pipedrive_sync_attempt == later


def test_activities_made_in_bulk_know_their_owner(alice: User, jordan: Contact) -> None:
    """However an activity is made, its owner is its contact's."""
    (made,) = Activity.objects.bulk_create([Activity(contact=jordan, type="CALL", subject="Call", time_zone="UTC")])
    assert made.owner == alice
