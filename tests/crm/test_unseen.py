"""What cannot be seen tells nothing apart, at whatever door it comes in, and nothing that can be seen is lost."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from warmline.crm import book, row_changes
from warmline.crm.fields import tidied
from warmline.crm.imports import bulk
from warmline.crm.models import Contact, Organization
from warmline.crm.search import search
from warmline.crm.team import change_member
from warmline.crm.users import User

UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u00ad\ufeff\u061c\u180e\U000e0041\u3164"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("name", " \u200b\u2060 Nordic Oak\ufeff \u00ad", "Nordic Oak"),
        ("name", "Nor\u00addic Oak", "Nor\u00addic Oak"),  # within a name it is left, and tells nothing apart
        ("name", "\u202bשרה\u202c", "שרה"),
        ("name", "نامه‌ای", "نامه‌ای"),
        ("name", "രാജന്‍", "രാജന്‍"),  # its last letter is what it is by the joiner at the end
        ("name", "👩🏽‍💻", "👩🏽‍💻"),
        ("name", "❤\ufe0f", "❤\ufe0f"),
        ("name", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("name", "Robin\U000e0041", "Robin"),
        ("name", "\u0600\u0661", "\u0600\u0661"),  # a sign that is seen, whatever its category
        ("email", "ve\u200bra@ho\u00adlm.exam\u2060ple.com\u200b ", "vera@holm.example.com"),
        ("email", "Vera@BÜCHER.example.com", "Vera@BÜCHER.example.com"),
        ("phone", "\u202d+49\u00a030 1\u202c", "+49\u00a030 1"),
        ("note", " \u200ba\r\nb ", " \u200ba\nb "),
        ("done", True, True),
    ],
)
def test_what_is_stored(field: str, text: Any, expected: Any) -> None:
    """E-mails and phones lose it anywhere, names at their ends, and notes nowhere."""
    assert tidied(field, text) == (text if expected is None else expected)


@pytest.mark.parametrize("character", UNSEEN, ids=ascii)
def test_a_twin_is_one(alice: User, character: str) -> None:
    """Before, after and within: one organization, one contact for an import, found by any spelling."""
    names = [f"{character}Nordic Oak", f"Nordic Oak{character}", f"Nor{character}dic Oak", f"Nordic {character}Oak"]
    emails = [f"vera{character}@holm.example.com", f"vera@holm.example.com{character}", "vera@holm.example.com"]
    for name in names:
        firm = book.OrganizationDetails(name)
        rows = [{"name": f"Vera{character}", "email": email, "organization": firm} for email in emails]
        list(bulk.import_contacts(alice, rows))
        book.add_contact(alice, name="Kim", organization=firm)
    assert Organization.objects.count() == 1
    vera = Contact.objects.get(email_key="vera@holm.example.com")
    assert (vera.name, vera.email) == ("Vera", "vera@holm.example.com")
    for asked in (*names, "nordic oak"):
        assert search(Organization.objects.all(), asked)[0].count() == 1
        assert search(Contact.objects.all(), f"vera {asked}")[0].get() == vera
    with pytest.raises(ValidationError):
        book.add_contact(alice, name=character)


@pytest.mark.parametrize(
    "email",
    [
        "bo@bücher.example.com",
        "BO@xn--bcher-kva.example.com",
        "bo@bu\u0308cher.example.com",
        "bo\uff20bücher\uff0eexample\u3002com",
        "bo@Bücher.example.com.",
    ],
)
def test_a_domain_has_one_key(alice: User, email: str) -> None:
    """As IDNA has it; what is stored is what was typed, with plain signs."""
    contact = book.add_contact(alice, name="Bo", email=email)
    plain = email.translate({0xFF20: "@", 0xFF0E: ".", 0x3002: "."}).removesuffix(".")
    assert (contact.email, contact.email_key) == (plain, "bo@bücher.example.com")
    for asked in ("bo@bücher.example.com", "bo@xn--bcher-kva.example.com", "bücher.example", "@xn--bcher-kva.example"):
        assert search(Contact.objects.all(), asked)[0].get() == contact


def test_a_change_is_tidied_too(alice: User) -> None:
    """So is what comes from Pipedrive; what is the same then is no change."""
    contact = book.add_contact(alice, name="Vera", email="vera@example.com")
    book.change_contact(contact, {"name": "Vera\u200b", "email": "\ufeffvera@example.com"})
    assert contact.revision == 1
    assert row_changes.take_over(contact, {"name": "Vera Holm\u2060", "email": "v\u200b@example.com"}) == {
        "name",
        "email",
    }
    contact.refresh_from_db()
    assert (contact.name, contact.email, contact.email_key) == ("Vera Holm", "v@example.com", "v@example.com")


def test_what_cannot_be_held_is_not_taken_over(alice: User) -> None:
    """The rest is."""
    contact = book.add_contact(alice, name="Vera", email="vera@example.com")
    assert row_changes.take_over(contact, {"name": "Vera Holm", "email": "no address"}) == {"name"}
    contact.refresh_from_db()
    assert (contact.name, contact.email) == ("Vera Holm", "vera@example.com")


def test_members_are_told_apart_by_what_is_seen(alice: User) -> None:
    """A second one of an address that reads alike is refused; a name is tidied."""
    for email in ("alice@example.com\u200b", "\ufeffALICE@example.com"):
        with pytest.raises(ValidationError):
            User.objects.create_user(email, "Alice")
    erin = User.objects.create_user("er\u00adin@bücher.example.com\u200b", "Erin\u200b")
    assert (erin.email, erin.name) == ("erin@bücher.example.com", "Erin")
    for typed in ("Erin@xn--bcher-kva.example.com", "erin@bücher.example.com\u2060"):
        assert User.objects.get_by_natural_key(typed) == erin
    change_member(erin, name=" Erin M.\u200b")
    assert erin.name == "Erin M."
