"""The form in which what was sent and what is found are compared, and what of it is ours to recognize."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.pipedrive import Activity, Address, Email, Organization, Person, Phone
from warmline.sandbox.cleaning import cleaned
from warmline.sync import mapping, normal_forms
from warmline.sync.note_html import to_html
from warmline.sync.reconcile import emails_phones_sent, snapshots
from warmline.sync.reconcile.three_way_merge import grant, merge


@pytest.mark.parametrize(
    ("field", "sent", "found", "same"),
    [
        ("name", " Jordan  Ames ", "Jordan Ames", True),
        ("name", "Jordan Ames", "Jordan Ames\u200b", True),
        ("name", "Zoe\u0308", "Zoë", True),
        ("name", "Jordan Ames", "jordan ames", False),
        ("name", "Jordan Ames", None, False),
        ("email", "Vera@Example.com", "vera@example.com", True),
        ("email", "vera@bücher.example.com", "vera@xn--bcher-kva.example.com.", True),
        ("email", "vera@example.com", "vera@example.org", False),
        ("phone", "+49 (30) 555-01 00", "+49305550100", True),
        ("phone", "+49 30 1", "+49 30 2", False),
        ("phone", "49 30", "+49 30", False),
        ("phone", "555 ext. 7", "555ext7", True),
        ("phone", "", None, True),
        ("phone", "\u2013", "", False),
        ("note", "a<br>b &amp; c", "<p>a</p>\n<p>b &amp; c</p>", True),
        ("note", "a\nb <anna@example.com> & c", "a\nb <anna@example.com> &amp; c", True),
        ("note", "a", "<p>b</p>", False),
        ("note", "a<br>b", "a b", False),
        ("note", "", None, True),
        ("country", "germany", "Germany", True),
        ("sector", "Software", "software", True),
        ("subject", "Call  Kim", "Call Kim", True),
        ("subject", "Call Kim", "Call kim", False),
        ("done", False, None, False),
        ("organization", 3, 3, True),
        ("organization", 3, None, False),
    ],
)
def test_what_counts_as_the_same(field: str, sent: Any, found: Any, *, same: bool) -> None:
    """What a server does to a value does not count; what a person changes does."""
    assert (normal_forms.theirs(field, sent) == normal_forms.theirs(field, found)) is same


TEXT = st.text(st.sampled_from("aB <>&;.-()+1\u00a0\u200b\u0308é\n"), max_size=30)


@given(TEXT)
def test_a_servers_cleaning_does_not_count(text: str) -> None:
    """Whatever was sent, what the sandbox makes of it is the same."""
    line = " ".join(text.split())
    reaches = {"emails": [{"value": line}], "phones": [{"value": line}]}
    stored = cleaned({"name": line, "note": to_html(text), **reaches})
    for field, sent, found in (
        ("name", line, stored["name"]),
        ("note", to_html(text), stored["note"]),
        ("email", line, stored["emails"][0]["value"]),
        ("phone", line, stored["phones"][0]["value"]),
    ):
        assert normal_forms.theirs(field, sent) == normal_forms.theirs(field, found)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"name": "Jordan  ames"}, False),
        ({"emails": [{"value": "J@example.com"}]}, True),
        ({"emails": [{"value": "j@example.com"}, {"value": "k@example.com"}]}, False),
        ({"emails": []}, False),
        ({"phones": [{"value": "+49 30 555 01 00"}]}, True),
        ({"phones": [{"value": "+49 30 555 01 01"}]}, False),
        ({"owner_id": 2}, False),
    ],
)
def test_what_counts_as_the_same_person(change: dict[str, Any], *, same: bool) -> None:
    """Where no mark tells: all that was said, whatever a server made of its form, and nobody else's."""
    phones = [{"value": "+49305550100"}]
    body = {"name": "Jordan  Ames", "owner_id": 1, "emails": [{"value": "j@Example.com"}], "phones": phones}
    found = {"id": 1, "name": "Jordan Ames", "owner_id": 1, "emails": [{"value": "j@example.com"}], "phones": phones}
    assert mapping.is_person_made_from(Person.model_validate({**found, **change}), body) is same


@pytest.mark.parametrize(("change", "same"), [({}, True), ({"name": "Nordic oak"}, False), ({"owner_id": None}, False)])
def test_what_counts_as_the_same_organization(change: dict[str, Any], *, same: bool) -> None:
    """Its name, whatever a server made of its form, and its owner."""
    found = Organization.model_validate({"id": 1, "name": "Nordic Oak", "owner_id": 1, **change})
    assert mapping.is_organization_made_from(found, {"name": "Nordic  Oak", "owner_id": 1}) is same


def test_a_cleaned_activity_is_the_same() -> None:
    """Its note in paragraphs, its subject trimmed, its times with seconds, nothing for an empty note."""
    body = {"subject": "Call  Kim", "type": "call", "owner_id": 1, "participants": [{"person_id": 5, "primary": True}]}
    timed = {"due_date": "2026-12-01", "due_time": "08:30", "done": True}
    found = {"id": 1, "subject": "Call Kim", "type": "call", "owner_id": 1, "person_id": 5, "done": True, "note": None}
    theirs = Activity.model_validate({**found, "due_date": "2026-12-01T00:00:00Z", "due_time": "08:30:00"})
    assert mapping.is_made_from(theirs, {**body, **timed})
    noted = theirs.model_copy(update={"note": "<p>a</p><p>b</p>"})
    assert mapping.is_made_from(noted, {**body, **timed, "note": "a<br>b"})
    assert not mapping.is_made_from(noted, {**body, **timed})
    assert not mapping.is_made_from(noted, {**body, **timed, "note": "a<br>c"})


@pytest.mark.parametrize(
    ("now", "then", "after"),
    [
        ("+2", "+11", ["+9", "+2"]),
        ("", "+11", ["+9"]),
        ("+2", "", ["+9", "+1-1", "+2"]),
        ("+2", "+7", ["+9", "+1-1", "+2"]),
        ("+1 1", "+11", ["+9", "+1 1"]),
    ],
)
def test_ours_takes_the_place_of_what_it_was(now: str, then: str, after: list[str]) -> None:
    """Found in whatever form it stands there; the others stay as they are."""
    phones = (Phone(value="+9", label="home"), Phone(value="+1-1", primary=False, label="mobile"))
    result = emails_phones_sent.with_first("phones", phones, now, then)
    assert [phone.value for phone in result] == after
    assert [phone.label for phone in result] == ["home", "mobile", "work"][: len(after)]


def test_twins_of_ours_become_one() -> None:
    """An e-mail that stands there twice is there once afterwards, and is primary if one of them was."""
    emails = (
        Email(value="A@x.example", primary=False),
        Email(value="b@x.example", primary=False),
        Email(value="a@x.example"),
    )
    assert emails_phones_sent.with_first("emails", emails, "c@x.example", "a@x.example") == (
        Email(value="c@x.example", primary=True),
        Email(value="b@x.example", primary=False),
    )


def test_a_country_stands_beside_its_line() -> None:
    """The line of text is ours only where it was our country and nothing more."""
    assert snapshots.with_country(Address(), "Peru", "") == Address(value="Peru", country="Peru")
    berlin = Address(value="Hauptstr. 1", country="Germany", locality="Berlin")
    assert snapshots.with_country(berlin, "Peru", "Germany") == berlin.model_copy(update={"country": "Peru"})
    assert snapshots.with_country(Address(value="GERMANY"), "Peru", "Germany") == Address(value="Peru", country="Peru")


SNAPSHOT = {
    "ours": {"name": "Vera\u200b", "email": "vera@x.example\u200b", "note": "a\nb", "phone": "+1 1"},
    "theirs": {"name": "Vera", "email": "vera@x.example", "note": "a\nb", "phone": "+1 1"},
}


@pytest.mark.parametrize("there", [{}, {"name": "Vera ", "email": "VERA@x.example", "note": "<p>a</p><p>b</p>"}])
def test_an_old_snapshot_is_compared_in_the_new_form(there: dict[str, Any]) -> None:
    """Neither side has changed a thing since then."""
    ours = {"name": "Vera", "email": "vera@x.example", "note": "a\nb", "phone": "+1 1"}
    theirs = {**SNAPSHOT["theirs"], **there}
    result = merge(ours, theirs, SNAPSHOT)
    assert (result.send, result.keep) == ({}, {})
    changed = merge({**ours, "phone": "+2"}, theirs, SNAPSHOT)
    assert (changed.send, changed.keep) == ({"phone": "+2"}, {})


def test_what_was_said_is_found_in_a_servers_form() -> None:
    """And an organization by its id there, which is not how we call it."""
    agreed: dict[str, dict[str, Any]] = {
        "ours": {"note": "x", "organization": "organization 1"},
        "theirs": {"note": "x", "organization": 7},
    }
    theirs: dict[str, Any] = {"note": "<p>a</p><p>b</p>", "organization": 8}
    said: dict[str, Any] = {"note": "a\nb", "organization": "organization 2"}
    words: dict[str, Any] = {"note": "a<br>b", "organization": 8}
    assert grant(agreed, theirs, said, words) == {"ours": said, "theirs": theirs}
    assert grant(agreed, {"note": "y", "organization": 9}, said, words) == agreed
