"""Search: words and their beginnings, kept in step with the rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm import search as searching
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import take_over
from warmline.crm.search import search
from warmline.crm.search_index import StemEnding, forget_unused
from warmline.crm.search_words import SHORTEST, WORD_BYTES, endings_of, is_stem, terms_of, words_of
from warmline.crm.users import User


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", set()),
        ("dana diaz", {"dana", "diaz"}),
        ("anne-marie", {"anne-marie", "marie", "anne"}),
        (
            "dana.diaz@example.org",
            {"dana.diaz@example.org", "diaz@example.org", "example.org", "org", "dana", "diaz", "example"},
        ),
        ("first_last", {"first_last", "last", "first"}),
        ("(acme)", {"(acme)", "acme)", "acme"}),
        ("ab12cde", {"ab12cde", "cde"}),
        ("& 🦄", {"&", "🦄"}),
    ],
)
def test_words_begin_at_each_part(text: str, words: set[str]) -> None:
    """A word is the rest of a piece from each of its parts on, or a run of at least three letters."""
    assert words_of(text) == {word.encode() for word in words}


@pytest.mark.parametrize(
    ("text", "terms"),
    [("  ", []), ("Dana  DIAZ x", ["dana", "diaz", "x"]), ("@Example.org", ["example.org"]), ("&", ["&"])],
)
def test_terms_are_the_pieces_without_leading_signs(text: str, terms: list[str]) -> None:
    """Folded like the words, the longest first."""
    assert terms_of(text) == [term.encode() for term in terms]


@given(st.text(max_size=80))
def test_whatever_has_words_is_found_by_its_own_text(text: str) -> None:
    """Each term of a text begins one of the text's words, long ones included, which are cut."""
    words = words_of(key(text))
    assert all(len(word) <= WORD_BYTES for word in words)
    for term in terms_of(text):
        assert any(word.startswith(term) for word in words)


def _found(text: str) -> list[str]:
    return [contact.name for contact in search(Contact.objects.order_by("pk"), text)[0]]


@pytest.mark.parametrize("rare", [0, 1000])
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dana", ["Dana Diaz", "Dana Ek"]),
        ("dana larkspur", ["Dana Diaz"]),
        ("MILLS", ["Dana Diaz", "Fay"]),
        ("example", ["Dana Diaz", "Dana Ek"]),
        ("dana e", ["Dana Diaz", "Dana Ek"]),
        ("ek dana", ["Dana Ek"]),
        ("ana", ["Dana Diaz", "Dana Ek"]),
        ("na", []),
        ("iaz", ["Dana Diaz"]),
        ("ANÁ iáz", ["Dana Diaz"]),
        ("arksp", ["Dana Diaz", "Fay"]),
        ("xampl ana ek", ["Dana Ek"]),
        ("ana fay", []),
        ("anax", []),
    ],
)
def test_common_and_rare_words_find_alike(
    alice: User, monkeypatch: pytest.MonkeyPatch, rare: int, text: str, names: list[str]
) -> None:
    """Whether the matches are read from the index or row by row, they are the same, and none comes twice."""
    monkeypatch.setattr(searching, "RARE", rare)
    add_contact(alice, name="Dana Diaz", email="dana@example.org", organization=OrganizationDetails("Larkspur Mills"))
    add_contact(alice, name="Dana Ek", email="ek@example.net")
    add_contact(alice, name="Fay", organization=OrganizationDetails("Larkspur Mills"))
    assert _found(text) == names


def test_words_follow_every_change(alice: User, jordan: Contact) -> None:
    """Of a contact, of its organization, and of what is taken over from Pipedrive."""
    change_contact(jordan, {"name": "Jo Ames", "organization": OrganizationDetails("Birch")})
    assert (_found("jordan ames"), _found("jo ames birch")) == (["Jo Ames"], ["Jo Ames"])
    change_contact(jordan, {"email": ""})
    assert _found("jordan") == []
    change_organization(Organization.objects.get(), {"name": "Elm"})
    assert (_found("birch"), _found("elm")) == ([], ["Jo Ames"])
    assert take_over(Contact.objects.get(), {"name": "Jordan B."})
    assert (_found("ames"), _found("b")) == ([], ["Jordan B."])
    assert take_over(Organization.objects.get(), {"name": "Oak"})
    assert [row.name for row in search(Organization.objects.all(), "OA")[0]] == ["Oak"]


@given(st.text(max_size=80), st.data())
def test_any_part_of_a_word_is_found(text: str, data: st.DataObject) -> None:
    """Of three letters or more, and only by stems that have it; each stem is a word, and its endings can be stored."""
    words = words_of(key(text))
    stems = {word for word in words if is_stem(word)}
    assert all(len(ending) <= WORD_BYTES for stem in stems for ending in endings_of(stem))
    for stem in stems:
        whole = stem.decode("utf-8", "ignore")
        start = data.draw(st.integers(0, len(whole) - SHORTEST))
        part = whole[start : data.draw(st.integers(start + SHORTEST, len(whole)))]
        assert any(ending.startswith(part.encode()) for ending in endings_of(stem))
        assert all(ending in stem for ending in endings_of(stem))


def test_a_common_part_finds_alike(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the stems that have it are read, or are too many."""
    for name in ("Rosanna Berg", "Hanna Holm", "Annabel Ek", "Bo Lund"):
        add_contact(alice, name=name)
    assert _found("ann") == ["Rosanna Berg", "Hanna Holm", "Annabel Ek"]
    monkeypatch.setattr(searching, "MOST_STEMS", 2)
    assert _found("ann") == ["Rosanna Berg", "Hanna Holm", "Annabel Ek"]
    assert _found("ann holm") == ["Hanna Holm"]


def test_what_no_row_has_any_more_is_forgotten(alice: User, jordan: Contact) -> None:
    """The endings of a name that is gone are deleted with the day; those of others stay, once each."""
    add_contact(alice, name="Jordan Wendelin", organization=OrganizationDetails("Wendelin"))
    before = StemEnding.objects.count()
    forget_unused()
    assert StemEnding.objects.count() == before
    assert StemEnding.objects.filter(stem=b"wendelin").count() == len("wendelin") - SHORTEST + 1
    Contact.objects.all().delete()
    forget_unused()
    assert set(StemEnding.objects.values_list("stem", flat=True).distinct()) == {b"wendelin"}
    Organization.objects.all().delete()
    forget_unused()
    assert not StemEnding.objects.exists()
