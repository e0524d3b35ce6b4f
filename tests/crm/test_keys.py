"""The key: two spellings of one name or e-mail are equal, and the key of a key is that key."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.fields import no_control_characters, visible
from warmline.crm.keys import key

TEXT = st.text(max_size=60)
SPACES = st.text("  \t\n\u00a0\u2003\u3000", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \t\u00a0\u3000", ""),
        ("Larkspur Mills", "larkspur mills"),
        ("  LARKSPUR \t\n  mills ", "larkspur mills"),
        ("Larkspur\u00a0Mills", "larkspur mills"),
        ("\uff2c\uff21RK\uff53pur", "larkspur"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Cafe\u0301", "café"),
        ("CAFÉ", "café"),
        ("ﬁrst", "first"),
        ("Ⅻ", "xii"),
        ("ΟΔΟΣ", "οδοσ"),
        ("οδος", "οδοσ"),
        ("㈱サンプル", "(株)サンプル"),
        ("ｻﾝﾌﾟﾙ", "サンプル"),
        ("شركة المثال", "شركة المثال"),
        ("חברה לדוגמה", "חברה לדוגמה"),
        ("Jordan.Ames@Example.COM", "jordan.ames@example.com"),
    ],
)
def test_the_key_of_a_text(text: str, expected: str) -> None:
    """Case, white space and compatibility forms do not count; accents and scripts do."""
    assert key(text) == expected


@given(TEXT)
def test_the_key_of_a_key_is_that_key(text: str) -> None:
    """A stored key can be asked for again."""
    assert key(key(text)) == key(text)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_case_does_not_count(text: str) -> None:
    """Upper and lower case are one."""
    assert key(text.upper()) == key(text.lower()) == key(text)


@given(TEXT, TEXT, SPACES, SPACES)
def test_how_much_white_space_does_not_count(first: str, second: str, between: str, around: str) -> None:
    """Runs of white space are one space, and none at the ends."""
    assert key(f"{around}{first}{between}{second}{around}") == key(f"{first} {second}")


@given(TEXT)
def test_what_may_be_a_name_has_a_key(text: str) -> None:
    """No valid name has the empty key, which the database refuses."""
    try:
        visible(text)
    except ValidationError:
        return
    assert key(text)


@pytest.mark.parametrize("text", ["", " \n\u3000", "\u200b", " \u200e\u2060 ", "\ufeff"])
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    """White space and format characters alone are as good as nothing."""
    with pytest.raises(ValidationError):
        visible(text)


@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    """In one line of text no control character belongs, whatever it is called."""
    with pytest.raises(ValidationError):
        no_control_characters(f"Jordan{character}Ames")
