"""Notes: text here, HTML in Pipedrive, and nothing is lost or shown raw on the way."""

import re
import time
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.fields import no_control_characters_but_line_breaks
from warmline.crm.keys import without_unseen
from warmline.sync import normal_forms
from warmline.sync.note_html import to_html, to_text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\nb <anna@example.com> & c", "a<br>b &lt;anna@example.com&gt; &amp; c"),
        ("a\r\nb\rc\u2028d", "a<br>b<br>c<br>d"),
        ("&amp; <b>", "&amp;amp; &lt;b&gt;"),
        ('"quoted" it\'s', '"quoted" it\'s'),
        ("two  spaces", "two\u00a0 spaces"),
    ],
)
def test_a_note_goes_out_as_html(text: str, html: str) -> None:
    """Signs are escaped, lines break, and nothing that HTML would fold is lost."""
    assert to_html(text) == html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>World</b> &amp; co</p><p>Bye</p>", "Hello World & co\nBye"),
        ("<p>a</p><p><br></p><p>b</p>", "a\n\nb"),
        ("<div>a<br></div><div><div>b</div></div>", "a\nb"),
        ("a<br/>b<BR >c", "a\nb\nc"),
        ("one&nbsp;two&#160;three &lt;x&gt; &eacute;", "one two three <x> é"),
        ("<p>\n  folded\n  lines\n</p>\n", "folded lines"),
        ("<ul><li>one</li><li>two<ul><li>deep</li></ul></li></ul>", "- one\n- two\n  - deep"),
        ("<ol><li>one<li><p>two</p></ol>end", "1. one\n2. two\nend"),
        ('<a href="https://example.com/a">the offer</a>', "the offer (https://example.com/a)"),
        ('<a href="https://example.com/">https://example.com</a>', "https://example.com"),
        ('<a href="mailto:anna@example.com">anna@example.com</a>', "anna@example.com"),
        ('<a href="javascript:alert(1)">press</a>', "press"),
        ("a<script>alert('x')</script><style>p{}</style><!-- seen by nobody -->b", "ab"),
        ("<![if !x]>office<![endif]><o:p></o:p><?xml x?>", "office"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<pre>x  y\n z</pre>", "x  y\n z"),
        ("a < b, b > c", "a < b, b > c"),
        ("<p>Anna <anna@example.com></p>", "Anna <anna@example.com>"),
        ("no tag\nat all", "no tag\nat all"),
        ("<p>never closed", "never closed"),
        ("</div></ul></a>only ends", "only ends"),
        ('<img src="x" alt="a plan">', "a plan"),
        ("<span style='color:red'>red</span>", "red"),
    ],
)
def test_a_colleagues_note_comes_back_as_text(html: str, text: str) -> None:
    """As a person reads it, whatever the editor made of it."""
    assert to_text(html) == text


def _is_accepted(text: str) -> bool:
    try:
        no_control_characters_but_line_breaks(text)
    except ValidationError:
        return False
    return True


TEXT = st.text(st.sampled_from("ab <>&;\"'/\n\t\r\u00a0\u200b\u2028-1.é#x"), max_size=40) | st.text(max_size=80)
NOTES = TEXT.filter(_is_accepted)
HTML = st.lists(
    st.sampled_from(["<p>", "</p>", "<br>", "<ul>", "<li>", "</ul>", "<a href='https://x'>", "</a>", "<script>"])
    | st.sampled_from(["</script>", "<!--", "-->", "<!", "<![", "&amp", "<pre>", "<", ">", "x", " ", "\n", "</"]),
    max_size=30,
).map("".join)


@given(NOTES)
def test_a_note_comes_back_as_it_went(text: str) -> None:
    """In the form in which notes are compared, for whatever we accept: lines, and their words."""
    lines = re.split(r"\r\n|[\r\n\u2028\u2029]", text)
    folded = [" ".join(unicodedata.normalize("NFC", without_unseen(line)).split()) for line in lines]
    assert normal_forms.theirs("note", to_html(text)) == "\n".join(line for line in folded if line)


@given(st.lists(st.text(st.sampled_from("ab<>&;.é#1 "), min_size=1, max_size=9).map(str.strip), max_size=6))
def test_a_note_comes_back_to_the_letter(lines: list[str]) -> None:
    """Where nothing is folded: lines without spaces at their ends, and no empty ones around them."""
    text = "\n".join(lines).strip("\n")
    assert to_text(to_html(text)) == text


@given(TEXT | HTML)
def test_whatever_stands_in_pipedrive_can_be_read(html: str) -> None:
    """No HTML is so broken that a row could not be worked on."""
    assert isinstance(to_text(html), str)


@pytest.mark.parametrize("piece", ["<", "<a ", "&", "<!", "<!--", "<b>", "</", "<a href="])
def test_reading_takes_no_minutes(piece: str) -> None:
    """Nor does what nothing closes cost more than its length."""
    began = time.process_time()
    to_text(piece * 20_000)
    assert time.process_time() - began < 20
