"""Phone numbers: two spellings of one are one, and search finds it however it is written."""

import pytest
from pytest_django import Settings

from warmline.crm.book import add_contact, change_contact
from warmline.crm.emails_phones import Labelled
from warmline.crm.models import Contact
from warmline.crm.phone_numbers import country_of, phone_key, term_of
from warmline.crm.search import search
from warmline.crm.users import User


@pytest.fixture(autouse=True)
def germany(settings: Settings) -> None:
    """Have numbers without a country be German."""
    settings.PHONE_COUNTRY = "DE"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("+49 30 5550100", "030/5550100", True),
        ("+49 (0)30 5550100", "0049-30-5550100", True),
        ("+49 30 5550100", "\u202a+49\u00a030\u2011555 01\u200b00\u202c", True),
        ("+49 30 5550100", "+4930 5550100", True),
        ("(201) 555-0123", "+1 201 555 0123", False),  # it may be German
        ("+1 (201) 555-0123 ext. 5", "+1 201 555 0123 x5", True),
        ("+1 201 555 0123", "+1 201 555 0123 ext. 5", False),
        ("+49 30 5550100", "+49 30 5550101", False),
        ("0171 1234567", "+49 171 1234567", True),
        ("12", "1 2", True),  # no number of any country
        ("+1 1", "+11", True),
        ("ask Ana 030 5550100", "030 5550100", False),
        ("ext. 5", "EXT 5", True),
        ("+", "+ ", True),
    ],
)
def test_spellings_of_one_number(one: str, other: str, *, is_same: bool) -> None:
    """With and without its country, in any form."""
    assert (phone_key(one) == phone_key(other)) is is_same


def test_a_key_is_its_own_key() -> None:
    """So that what was compared can be compared again."""
    for text in ("030 5550100", "+49 30 5550100", "1-2", "+1 201 555 0123 x5"):
        assert phone_key(phone_key(text)) == phone_key(text)


@pytest.mark.parametrize(
    ("zone", "country"),
    [("Europe/Berlin", "DE"), ("America/New_York", "US"), ("Asia/Tokyo", "JP"), ("UTC", ""), ("Nowhere", "")],
)
def test_the_country_of_a_time_zone(zone: str, country: str) -> None:
    """As the time zone database has it."""
    assert country_of(zone) == country


@pytest.mark.parametrize("text", ["", "Dana", "dana 030 5550100", "12", "00", "a@b.example", "+"])
def test_what_is_no_phone(text: str) -> None:
    """It is looked for as words."""
    assert term_of(text) == ""


def found(text: str) -> list[str]:
    """Return the names of whom a search finds."""
    return sorted(contact.name for contact in search(Contact.objects.all(), text)[0])


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["+49 30 5550100", "030/5550100", "0049 (30) 555 0100", "030 5550100"])
@pytest.mark.parametrize(
    "asked",
    [
        "+49 30 5550100",
        "+49 (0)30 5550100",
        "0049305550100",
        "030 5550100",
        "0305550100",
        "030-555",
        "+49 30 55",
        "30 5550",
        "4930555010",
    ],
)
def test_search_finds_a_phone(alice: User, typed: str, asked: str) -> None:
    """However it was typed and is asked for; also a beginning of it."""
    add_contact(alice, name="Dana", phones=[Labelled("+1 201 555 0123"), Labelled(typed)])
    add_contact(alice, name="Kim", phone="+49 40 5550100")
    assert found(asked) == ["Dana"]


@pytest.mark.django_db
def test_what_is_searched_follows_every_change(alice: User) -> None:
    """A phone that is gone finds nobody; and what no phone begins with is looked for as words."""
    dana = add_contact(alice, name="Dana 4711", phone="030 5550100")
    assert found("030 5550100") == found("4711") == ["Dana 4711"]
    change_contact(dana, {"more_phones": [["+1 201 555 0123", "home"]]})
    assert found("+1 201") == found("201555") == ["Dana 4711"]
    change_contact(Contact.objects.get(), {"phones": [Labelled("040 1234567")]})
    assert found("030 5550100") == found("+1 201 555") == []
    assert found("dana 040") == ["Dana 4711"]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "asked"), [("Jörg Müller", "mull"), ("Åsa Ødegård", "odeg asa"), ("Łukasz", "LUK")])
def test_search_needs_no_accents(alice: User, name: str, asked: str) -> None:
    """Nor does it mind them."""
    add_contact(alice, name=name)
    assert found(asked) == found(name) == [name]


@pytest.mark.django_db
def test_one_number_is_there_once(alice: User) -> None:
    """As it was typed first."""
    phones = [Labelled("030 5550100"), Labelled("+49 30 5550100", "home"), Labelled("+49 (30) 5550101")]
    contact = add_contact(alice, name="Dana", phones=phones)
    assert [each.value for each in contact.phones] == ["030 5550100", "+49 (30) 5550101"]
