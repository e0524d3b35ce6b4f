"""Search finds the words of details, and lists are narrowed by a whole tag or source."""

import pytest

from warmline.crm import search as searching
from warmline.crm.book import add_contact, change_contact
from warmline.crm.contact_details import SOURCE, TAG
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact
from warmline.crm.row_changes import take_over
from warmline.crm.search import search
from warmline.crm.search_words import terms_of, whole_word
from warmline.crm.users import User

pytestmark = pytest.mark.django_db


def _found(text: str = "", tag: str = "", source: str = "") -> list[str]:
    whole = [whole_word(kind, value) for kind, value in ((TAG, tag), (SOURCE, source)) if value]
    return [contact.name for contact in search(Contact.objects.order_by("pk"), text, whole)[0]]


@pytest.fixture
def book(alice: User) -> None:
    """Have three contacts with details."""
    add_contact(
        alice,
        name="Jordan Ames",
        job_title="Geschäftsführerin",
        linkedin="https://www.linkedin.com/in/jordan-ames/",
        tags="Trade fair, VIP",
        source="LinkedIn, 12 Nov 2026",
        note="Never looked into",
    )
    add_contact(alice, name="Robin Vale", tags="fair", source="LinkedIn, 12 Nov 2026")
    add_contact(alice, name="Kim Odell", job_title="Buyer", tags="vip lounge")


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("rare", [0, 1000])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("fuhrerin", ["Jordan Ames"]),
        ("vip", ["Jordan Ames", "Kim Odell"]),
        ("air", ["Jordan Ames", "Robin Vale"]),
        ("robin fair", ["Robin Vale"]),
        ("linkedin nov", ["Jordan Ames", "Robin Vale"]),
        ("https://www.linkedin.com/in/jordan-ames", ["Jordan Ames"]),
        ("linkedin.com/in/jordan", ["Jordan Ames"]),
        ("looked", []),
    ],
)
def test_their_words_are_found(monkeypatch: pytest.MonkeyPatch, rare: int, text: str, names: list[str]) -> None:
    """As those of names: parts from three letters on, without accents; the note is too long for that."""
    monkeypatch.setattr(searching, "RARE", rare)
    assert _found(text) == names


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("rare", [0, 1000])
def test_a_whole_tag_and_a_whole_source(monkeypatch: pytest.MonkeyPatch, rare: int) -> None:
    """In any case; a tag that only has the word is another tag, and a source is none."""
    monkeypatch.setattr(searching, "RARE", rare)
    assert _found(tag="VIP") == _found(tag=" vip ") == ["Jordan Ames"]
    assert _found(tag="trade fair") == ["Jordan Ames"]
    assert _found(tag="fair") == ["Robin Vale"]
    assert _found(source="linkedin, 12 nov 2026") == ["Jordan Ames", "Robin Vale"]
    assert _found("vale", source="LinkedIn, 12 Nov 2026") == ["Robin Vale"]
    assert _found(tag="LinkedIn, 12 Nov 2026") == _found(tag="nobody's") == []
    assert _found(f"{whole_word(TAG, 'vip').decode()}") in ([], ["Jordan Ames"])
    assert terms_of("\x01tag:") != [b"\x01tag:"]


@pytest.mark.usefixtures("book")
def test_they_follow_every_change(alice: User) -> None:
    """Of a contact, of what comes from Pipedrive, and of an import."""
    change_contact(Contact.objects.get(name="Kim Odell"), {"tags": "board", "job_title": ""})
    assert (_found("lounge"), _found("buyer"), _found(tag="board")) == ([], [], ["Kim Odell"])
    assert take_over(Contact.objects.get(name="Kim Odell"), {"tags": "there"})
    assert (_found(tag="board"), _found(tag="there")) == ([], ["Kim Odell"])
    assert len(list(import_contacts(alice, [{"name": "Ida Holm", "tags": "board", "warmness_score": 1}]))) == 1
    assert _found(tag="board") == ["Ida Holm"]
