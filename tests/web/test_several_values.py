"""A contact's e-mails and phones in its form and on its page, without a script."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from warmline.crm import book
from warmline.crm.emails_phones import Labelled
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db

EMAILS = (Labelled("dana@example.org"), Labelled("d.diaz@example.net", "home"))


def fields(page: str) -> dict[str, Any]:
    """Return what a browser would send of a form as it is: each field's values."""
    found: dict[str, Any] = {}
    for tag in re.findall(r"<(?:input|select)\b[^>]*>(?:(?:\s*<option[^>]*>[^<]*</option>)*\s*</select>)?", page):
        name = re.search(r'name="([^"]*)"', tag)
        if name is None or "csrf" in name[1]:
            continue
        chosen = re.search(r'<option value="([^"]*)" selected>', tag) or re.search(r'value="([^"]*)"', tag)
        found.setdefault(name[1], []).append(unescape(chosen[1]) if chosen else "")
    return found


@pytest.fixture
def dana(bob: User) -> Contact:
    """Return Bob's contact with two e-mails."""
    return book.add_contact(bob, name="Dana Diaz", emails=EMAILS, phone="+49 30 1")


def edit(client: Client, contact: Contact, **changes: Any) -> Contact:
    """Send the form of a contact with some fields changed."""
    address = f"/contacts/{contact.pk}/edit"
    sent = fields(client.get(address).content.decode().partition('<form class="stack"')[2]) | changes
    response = client.post(address, sent)
    assert response.status_code == 302, response.content.decode()
    return Contact.objects.get(pk=contact.pk)


def test_the_page_shows_all(bobs: Client, dana: Contact) -> None:
    """Each with its label."""
    page = bobs.get(f"/contacts/{dana.pk}").content.decode()
    for each in EMAILS:
        assert re.search(
            rf'<dd><a [^>]*href="mailto:{each.value}">{each.value}</a> <span class="muted">{each.label}', page
        )


def test_nothing_is_changed_by_saving_it_as_it_is(bobs: Client, dana: Contact) -> None:
    """Not even its revision."""
    assert edit(bobs, dana).revision == dana.revision


def test_each_is_changed(bobs: Client, dana: Contact) -> None:
    """Added, taken away and labelled; the empty rows are none."""
    now = edit(
        bobs,
        dana,
        more_emails=["d.diaz@example.net", "third@example.org", ""],
        more_emails_label=["other", "mobile", "work"],
        email_label=["home"],
        more_phones=["0151 1", ""],
        more_phones_label=["mobile", "work"],
    )
    assert now.emails == (
        Labelled("dana@example.org", "home"),
        Labelled("d.diaz@example.net", "other"),
        Labelled("third@example.org", "mobile"),
    )
    assert now.phones == (Labelled("+49 30 1"), Labelled("0151 1", "mobile"))
    now = edit(bobs, now, email=[""])
    assert now.emails[0] == Labelled("d.diaz@example.net", "other")
    assert edit(bobs, now, more_emails=["", ""]).emails == now.emails[:1]


def test_what_somebody_else_changed_meanwhile_stays(bobs: Client, dana: Contact) -> None:
    """Only what was edited in the form is sent on."""
    address = f"/contacts/{dana.pk}/edit"
    sent = fields(bobs.get(address).content.decode().partition('<form class="stack"')[2])
    assert json.loads(sent["initial-more_emails"][0]) == [["d.diaz@example.net", "home"]]
    book.change_contact(dana, {"more_emails": [["other@example.org", "work"]]})
    bobs.post(address, sent | {"name": ["Dana D. Diaz"]})
    now = Contact.objects.get()
    assert (now.name, now.emails[1].value) == ("Dana D. Diaz", "other@example.org")


def test_what_is_wrong_is_told_at_the_list(bobs: Client, dana: Contact) -> None:
    """And what was typed is still there."""
    sent = {"name": "Dana", "email": "dana@example.org", "more_emails": ["nowhere"], "more_emails_label": ["home"]}
    page = bobs.post(f"/contacts/{dana.pk}/edit", sent).content.decode()
    assert "Enter an e-mail address such as kim@example.com in place of “nowhere”." in page
    assert 'value="nowhere"' in page
    assert "<details open" in page.replace(' class="several"', "")


def test_one_is_added_with_several(bobs: Client) -> None:
    """By the form for a new contact."""
    page = bobs.get("/contacts/new").content.decode()
    sent = fields(page.partition('<form class="card')[2])
    sent |= {"name": ["Eli"], "email": ["eli@example.org"], "more_emails": ["e@example.org", ""]}
    assert bobs.post("/contacts/new", sent).status_code == 302
    assert [each.value for each in Contact.objects.get().emails] == ["eli@example.org", "e@example.org"]
