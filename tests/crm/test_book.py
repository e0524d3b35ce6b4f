"""Adding and changing contacts and organizations: what is refused, what is written, and what is left alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization
from warmline.crm.models import Contact, Organization
from warmline.crm.search import search
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync.after_change import fresh_attempts, no_choice

pytestmark = pytest.mark.django_db

NAMES = [
    "李小龍",
    "Ольга Примерова",
    "دانا المثال",
    "דנה לדוגמה",
    "กานดา ตัวอย่าง",
    "ഡാന ഉദാഹരണം",
    "👩🏽‍🚀 Dana 🏳️‍🌈",
    'O\'Brien-Łukasiewicz, "Zoë" <b>&amp;</b>',
    "{name} %s {0} {{x}} ${y}",
    "Robin'); DROP TABLE crm_contact;--",
    "ß" * 255,
    "👩" * 255,
    "ﷺ" * 255,
]

BAD_CONTACTS = [
    ({"name": ""}, "name"),
    ({"name": " \t\u3000"}, "name"),
    ({"name": "\u200b"}, "name"),
    ({"name": "x" * 256}, "name"),
    ({"name": "Dana\x00Diaz"}, "name"),
    ({"name": "Dana\nDiaz"}, "name"),
    ({"name": "Dana\u2028Diaz"}, "name"),
    ({"name": "Dana \ud83d"}, "name"),
    ({"email": "dana"}, "email"),
    ({"email": "dana@"}, "email"),
    ({"email": "dana@example"}, "email"),
    ({"email": "dana diaz@example.com"}, "email"),
    ({"email": "dana@example.com\x00"}, "email"),
    ({"email": "dana@example.com, d@example.com"}, "email"),
    ({"email": f"{'d' * 250}@example.com"}, "email"),
    ({"phone": "5" * 65}, "phone"),
    ({"phone": "555\t0100"}, "phone"),
    ({"warmness_score": -1}, "warmness_score"),
    ({"warmness_score": 11}, "warmness_score"),
    ({"warmness_score": "warm"}, "warmness_score"),
    ({"warmness_score": None}, "warmness_score"),
    ({"organization": OrganizationDetails(name="")}, "organization.name"),
    ({"organization": OrganizationDetails(name="x" * 256)}, "organization.name"),
    ({"organization": OrganizationDetails(name="Lark\ud800spur")}, "organization.name"),
    ({"organization": OrganizationDetails(name="Larkspur", sector="x" * 256)}, "organization.sector"),
    ({"organization": OrganizationDetails(name="Larkspur", country="\x07")}, "organization.country"),
]


def rows() -> list[Any]:
    """Return all that is written of contacts and organizations."""
    return [*Contact.objects.order_by("pk").values(), *Organization.objects.order_by("pk").values()]


@pytest.mark.parametrize(("bad", "field"), BAD_CONTACTS, ids=lambda value: ascii(value)[:50])
def test_what_is_refused_of_a_contact(jordan: Contact, bad: dict[str, Any], field: str) -> None:
    """New or changed: the error names the field in words, and nothing is written."""
    before = rows()
    organization = OrganizationDetails(name="Alder Works")
    with pytest.raises(ValidationError) as caught:
        add_contact(jordan.owner, **{"name": "Dana Diaz", "organization": organization, **bad})
    assert list(caught.value.message_dict) == [field]
    with pytest.raises(ValidationError) as caught:
        change_contact(jordan, {"organization": organization, "phone": "1", **bad})
    assert list(caught.value.message_dict) == [field]
    assert all((text[0].isupper() or text[0] == "“") and text.endswith(".") for text in caught.value.messages)
    assert rows() == before


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "BIRCH  supplies"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "Lark\ud800spur"}, "name"),
        ({"sector": "a\nb"}, "sector"),
        ({"country": "x" * 256}, "country"),
    ],
    ids=ascii,
)
def test_what_is_refused_of_an_organization(db: None, bad: dict[str, Any], field: str) -> None:
    """A bad value or another's name: the error names the field, and nothing is written."""
    larkspur = Organization.objects.create(name="Larkspur Mills")
    Organization.objects.create(name="Birch Supplies")
    before = rows()
    with pytest.raises(ValidationError) as caught:
        change_organization(larkspur, {"country": "Spain", **bad})
    assert list(caught.value.message_dict) == [field]
    assert rows() == before


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_are_kept_whole(alice: User, name: str) -> None:
    """In any script, with anything in it, up to 255 characters; a change and an organization's as well."""
    contact = add_contact(alice, name=name, organization=OrganizationDetails(name, sector=name, country=name))
    change_contact(contact, {"name": name[::-1]})
    found = Contact.objects.select_related("organization").get()
    assert found.name == name[::-1]
    assert found.organization is not None
    assert (found.organization.name, found.organization.sector, found.organization.country) == (name, name, name)


def test_a_contact_as_it_is_added(alice: User) -> None:
    """White space around goes, everything else stays, and the row is due at once."""
    add_contact(alice, name=" Dana Diaz ", email=" Dana@Example.com ", phone=" (555) 0100 ", warmness_score=10)
    found = Contact.objects.get()
    assert (found.owner, found.name, found.email, found.phone) == (alice, "Dana Diaz", "Dana@Example.com", "(555) 0100")
    assert (found.name_key, found.email_key) == ("dana diaz", "dana@example.com")
    assert (found.warmness_score, found.organization, found.pipedrive_person_id) == (10, None, None)
    assert found.pipedrive_sync_attempts == 0
    assert found.next_pipedrive_sync_attempt <= timezone.now()


def test_an_organization_is_found_by_its_key(alice: User) -> None:
    """The first spelling stays; what was empty is filled, what was given is not overwritten."""
    first = add_contact(alice, name="Jordan", organization=OrganizationDetails("Larkspur Mills", country="Germany"))
    second = add_contact(
        alice, name="Robin", organization=OrganizationDetails("LARKSPUR  mills", sector="Milling", country="Spain")
    )
    third = add_contact(alice, name="Kim", organization=OrganizationDetails("Larkspur"))
    found = Organization.objects.get(name_key="larkspur mills")
    assert (first.organization, second.organization) == (found, found)
    assert (found.name, found.sector, found.country) == ("Larkspur Mills", "Milling", "Germany")
    assert third.organization != found
    assert Organization.objects.count() == 2


def test_a_contact_changes_and_leaves_its_organization(alice: User) -> None:
    """Found, made, or none: the contact moves, and the organizations stay."""
    jordan = add_contact(alice, name="Jordan", organization=OrganizationDetails("Larkspur Mills"))
    for details in (OrganizationDetails("Alder Works"), OrganizationDetails("larkspur mills"), None):
        change_contact(jordan, {"organization": details})
        jordan.refresh_from_db()
        assert (jordan.organization.name if jordan.organization else None) == (
            {"Alder Works": "Alder Works", "larkspur mills": "Larkspur Mills"}[details.name] if details else None
        )
    assert Organization.objects.count() == 2


def test_a_change_writes_only_its_fields(jordan: Contact) -> None:
    """What the engine, or another person, stored since the row was read survives."""
    stale = Contact.objects.get(pk=jordan.pk)
    now = timezone.now()
    theirs = {
        "pipedrive_person_id": 7,
        "last_pipedrive_sync_attempt": now,
        "phone": "+1 555 0100",
        "warmness_score": 9,
    }
    Contact.objects.filter(pk=jordan.pk).update(**theirs)

    change_contact(stale, {"name": "Jordan B. Ames", "email": "JB@example.com"})

    jordan.refresh_from_db()
    assert {name: getattr(jordan, name) for name in theirs} == theirs
    assert (jordan.name, jordan.name_key) == ("Jordan B. Ames", "jordan b. ames")
    assert (jordan.email, jordan.email_key) == ("JB@example.com", "jb@example.com")


@pytest.mark.parametrize("failed_since", [False, True], ids=["failed when it was read", "failed since"])
def test_a_failed_row_starts_again_when_it_is_changed(jordan: Contact, *, failed_since: bool) -> None:
    """Contact or organization: fresh attempts, no error, due now; even if it failed after it was read."""
    later = timezone.now() + timedelta(days=1)
    failed = {
        "pipedrive_sync_attempts": 3,
        "next_pipedrive_sync_attempt": later,
        "last_pipedrive_sync_attempt": timezone.now(),
        "pipedrive_sync_failed": True,
        "pipedrive_sync_error_code": "rejected",
        "pipedrive_sync_error_message": "Pipedrive refused this: too long",
        "pipedrive_sync_error_field": "name",
    }
    larkspur = Organization.objects.create(name="Larkspur Mills")
    rows_and_changes: list[tuple[Any, Callable[..., None]]] = [
        (jordan, change_contact),
        (larkspur, change_organization),
    ]
    for row, change in rows_and_changes:
        type(row)._default_manager.filter(pk=row.pk).update(**failed)
        if not failed_since:
            row.refresh_from_db()

        change(row, {"name": "Mended"})

        row.refresh_from_db()
        fresh = fresh_attempts(row.next_pipedrive_sync_attempt)
        assert {name: getattr(row, name) for name in fresh} == fresh
        assert row.next_pipedrive_sync_attempt <= timezone.now()
        assert row.last_pipedrive_sync_attempt == failed["last_pipedrive_sync_attempt"]


def test_two_who_change_a_row_at_once(jordan: Contact) -> None:
    """Each changes what is stored by then: search finds the outcome of both, and both objects show it."""
    one, two = (Contact.objects.get(pk=jordan.pk) for _ in range(2))
    change_contact(one, {"name": "Quentin Zorro"})
    change_contact(two, {"email": "quentin@example.org", "organization": OrganizationDetails("Larkspur Mills")})
    assert (two.name, two.name_key, two.revision) == ("Quentin Zorro", "quentin zorro", 3)
    assert two.organization == Organization.objects.get()
    for text, found in (("zorro", 1), ("quentin@example.org", 1), ("ames", 0), ("jordan@example.com", 0)):
        assert search(Contact.objects.all(), text)[0].count() == found


def test_a_change_that_is_refused_shows_nowhere(jordan: Contact) -> None:
    """The caller's object stays as it was read."""
    with pytest.raises(ValidationError):
        change_contact(jordan, {"name": "", "phone": "1"})
    assert (jordan.name, jordan.phone) == ("Jordan Ames", "+49 30 5550100")


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"email": "right@example.com"}, False),
        ({"name": "Jordan B. Ames"}, False),
        ({"phone": "1", "email": "jordan@example.com", "warmness_score": 7}, True),
    ],
    ids=str,
)
def test_a_decision_is_about_what_was_looked_for(jordan: Contact, changes: dict[str, Any], *, stays: bool) -> None:
    """Which record a contact is, is asked anew when it is found by something else."""
    decided = {"pipedrive_candidates": [{"pipedrive_id": 7, "name": "J. Ames"}], "pipedrive_chosen_id": 7}
    for more in ({"pipedrive_make_new": False}, {"pipedrive_make_new": True, "pipedrive_chosen_id": None}):
        Contact.objects.update(name="Jordan Ames", email="jordan@example.com", **decided | more)
        change_contact(jordan, changes)
        jordan.refresh_from_db()
        expected = decided | more if stays else no_choice()
        assert {name: getattr(jordan, name) for name in expected} == expected


def test_a_decision_is_about_an_organizations_name(db: None) -> None:
    """And not about its sector."""
    larkspur = Organization.objects.create(name="Larkspur Mills", pipedrive_make_new=True)
    change_organization(larkspur, {"sector": "Textiles"})
    assert larkspur.pipedrive_make_new
    change_organization(larkspur, {"name": "Larkspur"})
    assert not Organization.objects.get().pipedrive_make_new


def test_a_row_that_waits_keeps_its_turn(jordan: Contact) -> None:
    """A change of what Pipedrive is not told, such as the score, does not shorten the wait after a failed attempt."""
    later = timezone.now() + timedelta(seconds=8)
    Contact.objects.filter(pk=jordan.pk).update(pipedrive_sync_attempts=2, next_pipedrive_sync_attempt=later)
    change_contact(jordan, {"warmness_score": 7})
    jordan.refresh_from_db()
    assert (jordan.pipedrive_sync_attempts, jordan.next_pipedrive_sync_attempt) == (2, later)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"name": "Jordan B. Ames"}, 1),
        ({"email": ""}, 1),
        ({"phone": "555 0101", "name": "Jordan B. Ames"}, 1),
        ({"organization": OrganizationDetails("Larkspur Mills")}, 1),
        ({"organization": None, "name": " Jordan Ames "}, 0),
        ({"warmness_score": 9}, 0),
    ],
    ids=str,
)
def test_what_pipedrive_is_told_of_is_counted(jordan: Contact, changes: dict[str, Any], counted: int) -> None:
    """A change that changes something of it is a new revision, even of an object that was read before another one."""
    Contact.objects.filter(pk=jordan.pk).update(revision=5)
    change_contact(jordan, changes)
    jordan.refresh_from_db()
    assert jordan.revision == 5 + counted


def test_what_was_deleted_in_pipedrive_does_not_come_back_by_a_change(jordan: Contact) -> None:
    """Only a person who says so has it made anew."""
    Contact.objects.filter(pk=jordan.pk).update(pipedrive_sync_failed=True, pipedrive_sync_error_code=DELETED_THERE)
    change_contact(jordan, {"name": "Jordan B. Ames"})
    jordan.refresh_from_db()
    assert (jordan.name, jordan.pipedrive_sync_failed) == ("Jordan B. Ames", True)


def test_a_member_sees_their_own_contacts(jordan: Contact) -> None:
    """An admin sees everyone's."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    boss = User.objects.create_user("boss@example.com", "Boss", is_admin=True)
    assert [Contact.objects.seen_by(user).count() for user in (jordan.owner, bob, boss)] == [1, 0, 1]


@pytest.mark.parametrize(("change", "begins_anew"), [({"email": "j@example.com"}, True), ({"phone": "1"}, False)])
def test_what_is_found_by_something_else_is_due_anew(
    jordan: Contact,
    change: dict[str, str],
    begins_anew: bool,  # noqa: FBT001 (a column)
) -> None:
    """While it waits for its next attempt: what was looked for until now says nothing of it."""
    later = timezone.now() + timedelta(minutes=5)
    Contact.objects.update(pipedrive_sync_attempts=1, next_pipedrive_sync_attempt=later)
    change_contact(Contact.objects.get(), change)
    jordan.refresh_from_db()
    assert (jordan.pipedrive_sync_attempts == 0) == begins_anew
    assert (jordan.next_pipedrive_sync_attempt < later) == begins_anew
