"""A data folder of an earlier main opens with this one: nothing is lost, and nothing is sent because of it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import RequestFactory

from warmline.crm import book
from warmline.crm.contact_details import TAG
from warmline.crm.imports import bulk
from warmline.crm.models import Contact, Organization
from warmline.crm.search import search
from warmline.crm.search_words import whole_word, words_of
from warmline.crm.users import User
from warmline.sync.models import DirectoryEntry, DirectoryState, Intent

# No installation on PostgreSQL is as old as these data.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]

FIRST = [("crm", "0001_initial"), ("sync", "0001_initial")]
THEN = datetime(2026, 11, 1, tzinfo=UTC)
SPACE, MARK, HYPHEN, JOINER = "\u200b", "\ufeff", "\u00ad", "\u2060"


@pytest.fixture
def old() -> Iterator[Callable[[str, str], Any]]:
    """Return the tables as they were at first; afterwards the newest are there again."""
    executor = MigrationExecutor(connection)
    executor.migrate(FIRST)
    yield executor.loader.project_state(FIRST).apps.get_model
    upgrade()


def upgrade() -> None:
    """Bring the tables to what they are now."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def make_user(old: Any, email: str = "alice@example.com", **more: Any) -> Any:
    """Make a user as the first version did; its password is the e-mail."""
    values = {"email_key": email.casefold(), "name": "Alice", "time_zone": "UTC", "password": make_password(email)}
    return old("crm", "User").objects.create(email=email, **{**values, **more})


def make_contact(old: Any, owner: Any, name: str = "Jordan Ames", email: str = "", **more: Any) -> Any:
    """Make a contact as the first version did, with its words."""
    keys = {"name_key": name.casefold(), "email_key": email.casefold()}
    contact = old("crm", "Contact").objects.create(owner=owner, name=name, email=email, **keys, **more)
    for word in words_of(*keys.values()):
        old("crm", "ContactWord").objects.create(contact=contact, word=word)
    return contact


def make_organization(old: Any, name: str = "Nordic Oak", **more: Any) -> Any:
    """Make an organization as the first version did, with its words."""
    organization = old("crm", "Organization").objects.create(name=name, name_key=name.casefold(), **more)
    for word in words_of(name.casefold()):
        old("crm", "OrganizationWord").objects.create(organization=organization, word=word)
    return organization


def test_keys_and_words_are_made_anew(old: Any) -> None:
    """What reads alike is one, and is found; what is stored is tidied, and nothing that is seen is gone."""
    alice = make_user(old)
    make_contact(old, alice, f"Vera Holm{SPACE}", f"vera@holm.example.com{SPACE}", phone="\u202a+49 30 1\u202c")
    make_contact(old, alice, "Bo", "bo@xn--bcher-kva.example.com")
    make_contact(old, alice, "نامه‌ای", "plain@example.com")
    make_organization(old, f"{MARK}Larkspur Mills", country=f"Peru{SPACE}")

    upgrade()

    vera, bo, name = Contact.objects.order_by("pk")
    assert (vera.name, vera.email, vera.phone) == ("Vera Holm", "vera@holm.example.com", "+49 30 1")
    assert (vera.name_key, vera.email_key) == ("vera holm", "vera@holm.example.com")
    assert (bo.email, bo.email_key) == ("bo@xn--bcher-kva.example.com", "bo@bücher.example.com")
    assert name.name == name.name_key == "نامه‌ای"
    organization = Organization.objects.get()
    assert (organization.name, organization.name_key, organization.country) == (
        "Larkspur Mills",
        "larkspur mills",
        "Peru",
    )
    for row in (vera, bo, name, organization):
        assert {bytes(word.word) for word in row.words.all()} == words_of(*row.texts)
    for asked in ("vera@holm.example.com", f"ve{SPACE}ra", "bo@bücher.example.com", "bo@xn--bcher-kva.example.com"):
        assert search(Contact.objects.all(), asked)[0].count() == 1


def test_organizations_that_read_alike_become_one(old: Any) -> None:
    """The oldest stays, with what the others knew and all of their contacts."""
    alice = make_user(old)
    names = ["Nordic Oak", f"Nordic Oak{SPACE}", f"{MARK}Nordic Oak", f"Nor{HYPHEN}dic Oak", f"Nordic{JOINER} Oak"]
    details: list[dict[str, Any]] = [{}, {"sector": "Timber"}, {"country": "Norway"}, {"sector": "Other"}, {}]
    for name, more in zip(names, details, strict=True):
        organization = make_organization(old, name, **more)
        make_contact(old, alice, f"One of {organization.pk}", organization=organization)

    upgrade()

    organization = Organization.objects.get()
    assert (organization.name, organization.sector, organization.country) == ("Nordic Oak", "Timber", "Norway")
    assert organization.contacts.count() == 5
    for name in names:
        book.add_contact(User.objects.get(), name="New", organization=book.OrganizationDetails(name))
    assert Organization.objects.count() == 1


def test_the_linked_one_stays(old: Any) -> None:
    """Its contacts' records are not told of anything; what it learnt here goes over."""
    alice = make_user(old)
    other = make_organization(old, f"Nordic Oak{SPACE}", country="Norway")
    linked = make_organization(old, pipedrive_org_id=7)
    agreed = {
        "ours": {"name": "Jordan Ames", "organization": f"organization {other.pk}"},
        "theirs": {"organization": 9},
    }
    make_contact(old, alice, organization=other, pipedrive_person_id=1, pipedrive_agreed=agreed)
    failed: dict[str, Any] = {"pipedrive_sync_failed": True, "pipedrive_sync_error_code": "organization_failed"}
    make_contact(old, alice, "Waiting", organization=other, warmness_score=5, **failed)

    upgrade()

    organization = Organization.objects.get()
    assert (organization.pk, organization.pipedrive_org_id, organization.country) == (linked.pk, 7, "Norway")
    assert organization.revision == organization.pipedrive_revision + 1
    there, waiting = Contact.objects.order_by("pk")
    assert there.pipedrive_agreed["ours"]["organization"] == f"organization {linked.pk}"
    assert there.pipedrive_agreed["theirs"] == {"organization": 9}
    assert there.revision == there.pipedrive_revision
    assert not waiting.pipedrive_sync_failed


def test_two_that_are_linked_stay_two(old: Any) -> None:
    """Both can be changed, and a new contact belongs to the first; a third, unlinked one is made one with it."""
    alice = make_user(old)
    first = make_organization(old, f"Nordic Oak{SPACE}", pipedrive_org_id=1)
    second = make_organization(old, f"Nordic Oak{MARK}", pipedrive_org_id=2)
    third = make_organization(old, "Nordic Oak")
    for organization in (first, second, third):
        make_contact(old, alice, f"One of {organization.pk}", organization=organization)

    upgrade()

    user = User.objects.get()
    one, two = Organization.objects.order_by("pk")
    assert (one.pipedrive_org_id, two.pipedrive_org_id) == (1, 2)
    assert (one.contacts.count(), two.contacts.count()) == (2, 1)
    for organization in (one, two):
        book.change_organization(organization, {"country": "Norway", "name": "NORDIC Oak"})
        book.change_organization(organization, {"name": "Nordic Oak"})
    named = book.OrganizationDetails("nordic oak", sector="Timber")
    assert book.add_contact(user, name="New", organization=named).organization == one
    contact = two.contacts.get()
    book.change_contact(contact, {"organization": named})
    assert contact.organization == two
    (outcomes,) = bulk.import_contacts(user, [{"name": contact.name, "organization": named}])
    assert [outcome.result for outcome in outcomes] == [bulk.Result.KNOWN]
    assert search(Organization.objects.all(), f"nordic{SPACE} oak")[0].count() == 2
    book.change_organization(two, {"name": "Nordic Elm"})
    assert two.name_key == "nordic elm"


def test_two_users_that_read_alike_both_sign_in(old: Any) -> None:
    """Each to the letter as before; who comes first has the address that is typed."""
    odd = make_user(old, f"alice@example.com{SPACE}", name="Odd")
    plain = make_user(old, "alice@example.com", name="Plain")

    upgrade()

    for made in (odd, plain):
        user = authenticate(RequestFactory().post("/"), username=made.email, password=made.email)
        assert user is not None
        assert user.pk == made.pk
        user.set_password(made.email)
        user.save()
    typed = authenticate(RequestFactory().post("/"), username="ALICE@example.com", password=plain.email)
    assert typed is not None
    assert typed.pk == plain.pk


def test_the_directory_is_listed_again(old: Any) -> None:
    """Its hashes tell nothing of their names; unfinished creates are found under the new ones."""
    old("sync", "DirectoryState").objects.create(kind="person", is_full=True, since=THEN, looked_at=THEN, tokens=90)
    old("sync", "DirectoryEntry").objects.create(kind="person", key="0" * 32, record_id=1)
    gone, here = make_organization(old, f"Nordic Oak{SPACE}", pipedrive_org_id=None), None
    here = make_organization(old, "Nordic Oak", pipedrive_org_id=3)
    moments = {"sent_at": THEN, "begun_at": THEN}
    intents = old("sync", "Intent").objects
    intents.create(key=f"organization {gone.pk}", what=f"organization:nordic oak{SPACE}", **moments)
    emails = [{"value": f"vera@holm.example.com{SPACE}"}]
    what = f"person:vera@holm.example.com{SPACE}"
    intents.create(key="contact 1", what=what, body={"emails": emails}, **moments)
    intents.create(key="contact 2", what="person:/contact/2", body={"name": "Jo"}, **moments)

    upgrade()

    assert not DirectoryState.objects.exists()
    assert DirectoryEntry.objects.count() == 1  # it knows less than all, and nothing wrong
    assert dict(Intent.objects.values_list("key", "what")) == {
        f"organization {here.pk}": "organization:nordic oak",
        "contact 1": "person:vera@holm.example.com",
        "contact 2": "person:/contact/2",
    }


def test_details_are_found() -> None:
    """Those that were there before search looked into them, and by whole tag."""
    before = [("crm", "0023_detail_fields")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    old = executor.loader.project_state(before).apps.get_model
    tagged = make_contact(old, make_user(old), tags="Trade fair, VIP", job_title="Buyer", source="Fair 2026")

    upgrade()

    for asked in ("buyer", "rade fair", "2026", "vip"):
        assert [row.pk for row in search(Contact.objects.all(), asked)[0]] == [tagged.pk]
    assert search(Contact.objects.all(), "", [whole_word(TAG, "vip")])[0].count() == 1
    (contact,) = Contact.objects.all()
    assert {bytes(word.word) for word in contact.words.all()} == {*words_of(*contact.texts), *contact.further_words}
