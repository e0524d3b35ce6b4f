"""Undo on the pages, and the grace of what one makes warm there by hand."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.filling import filled
from web.pages import look

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/contacts"}
GRACE = 10


@pytest.fixture(autouse=True)
def grace(settings: Settings) -> None:
    """Have what people make warm wait."""
    settings.GRACE_SECONDS = GRACE


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Alice's cold contact."""
    return add_contact(alice, name="Jordan Ames", warmness_score=3)


def waits(contact: Contact) -> float:
    """Return how many seconds a contact waits before it is sent."""
    contact.refresh_from_db()
    return (contact.next_pipedrive_sync_attempt - timezone.now()).total_seconds()


def press_undo(client: Client, html: str, **more: Any) -> str:
    """Press the one button "Undo", and return what is shown then."""
    (group,) = set(re.findall(r'action="(/undo/[^"]+)"', html))
    return look(client.post(group, {"page": "/contacts"}, follow=True, **more))


def set_warmness(client: Client, contact: Contact, score: int) -> str:
    """Choose a warmness in the list."""
    sent = {f"warmness-{contact.pk}": str(score)}
    return look(client.post(f"/contacts/{contact.pk}/warmness", sent, headers=HTMX))


def test_a_slip_of_the_hand(alices: Client, jordan: Contact) -> None:
    """Five changes make one lead that waits from the first one that made it so; undone, it is as it was before that."""
    for score in (4, 5, 6, 7, 8):
        html = set_warmness(alices, jordan, score)
        if score == 4:
            offered = html
    assert "goes to Pipedrive in 10 seconds" in offered
    assert 0 < waits(jordan) <= GRACE
    assert "can no longer be undone" in press_undo(alices, offered)  # what comes last stands for all
    html = press_undo(alices, html, headers=HTMX)
    assert f'id="warmness-{jordan.pk}"' in html
    jordan.refresh_from_db()
    assert jordan.warmness_score == 3


def test_cold_again(alices: Client, alice: User, jordan: Contact) -> None:
    """What was offered is over; a change of another contact that makes nobody warm leaves the offer alone."""
    set_warmness(alices, jordan, 5)
    assert 'id="undo"' not in set_warmness(alices, add_contact(alice, name="Kim"), 2)
    html = set_warmness(alices, jordan, 2)
    assert 'id="undo"' in html
    assert "/undo/" not in html


def test_editing_does_not_cut_it_short(alices: Client, jordan: Contact) -> None:
    """Neither a new e-mail nor a new name, by which it is looked for."""
    set_warmness(alices, jordan, 5)
    path = f"/contacts/{jordan.pk}/edit"
    alices.post(path, filled(look(alices.get(path)), email="j@example.com", name="Jordan A."))
    assert waits(jordan) > 0


def test_without_grace(alices: Client, jordan: Contact, settings: Settings) -> None:
    """It goes at once, and can be undone all the same."""
    settings.GRACE_SECONDS = 0
    html = set_warmness(alices, jordan, 5)
    assert waits(jordan) <= 0
    Contact.objects.filter(pk=jordan.pk).update(pipedrive_person_id=7)
    answer = alices.post(re.findall(r'action="(/undo/[^"]+)"', html)[0], {"page": "/contacts"}, follow=True)
    assert "It is in Pipedrive already, and stays there." in look(answer)
    jordan.refresh_from_db()
    assert jordan.warmness_score == 3


@pytest.mark.parametrize("score", ["3", "7"])
def test_a_new_contact(alices: Client, score: str) -> None:
    """One that is warm waits; undone, it is kept as a cold one."""
    page = look(alices.get("/contacts/new"))
    html = look(alices.post("/contacts/new", filled(page, name="Kim", warmness_score=score), follow=True))
    contact = Contact.objects.get()
    assert (waits(contact) > 0) == ("/undo/" in html) == (score == "7")
    if score == "7":
        press_undo(alices, html)
        contact.refresh_from_db()
        assert contact.warmness_score == 0


def test_the_api_does_not_wait(alice: User, jordan: Contact) -> None:
    """Nor does what it changes."""
    assert waits(add_contact(alice, name="Kim", warmness_score=9)) <= 0


def test_several_at_once(alices: Client, alice: User, jordan: Contact) -> None:
    """Each is what it was; what was changed since stays."""
    other = add_contact(alice, name="Kim", warmness_score=8)
    third = add_contact(alice, name="Lee", warmness_score=1)
    sent = {"ids": [jordan.pk, other.pk, third.pk], "action": "warmness", "score": "9"}
    html = look(alices.post("/contacts/selected", sent, follow=True))
    assert waits(jordan) > 0
    assert waits(other) <= 0  # it was warm
    Contact.objects.filter(pk=third.pk).update(warmness_score=10)
    assert "1 stayed as it is" in press_undo(alices, html)
    scores = dict(Contact.objects.values_list("name", "warmness_score"))
    assert scores == {"Jordan Ames": 3, "Kim": 8, "Lee": 10}


def test_tags_of_several_at_once(alices: Client, alice: User) -> None:
    """Added and removed whatever their case; undone, each contact has its own again, unless it was changed since."""
    for name, present in (("Kim", "board"), ("Lee", "Fair"), ("Max", ""), ("Noa", ", ".join(map(str, range(50))))):
        add_contact(alice, name=name, tags=present)
    ids = {contact.name: contact.pk for contact in Contact.objects.all()}

    def tags() -> list[str]:
        return list(Contact.objects.filter(pk__lt=ids["Noa"]).order_by("pk").values_list("tags", flat=True))

    def act(action: str, typed: str) -> str:
        sent = {"ids": list(ids.values()), "action": action, "tags": typed}
        return look(alices.post("/contacts/selected", sent, follow=True))

    assert "Type a tag" in act("add-tags", " , ")
    html = act("add-tags", "fair,  VIP")
    assert "“fair, VIP” added to 3 contacts. 1 contact stayed as before. A contact can have at most 50 tags." in html
    assert tags() == ["board, fair, VIP", "Fair, VIP", "fair, VIP"]
    change_contact(Contact.objects.get(pk=ids["Max"]), {"tags": "other"})
    assert "1 stayed as it is" in press_undo(alices, html)
    assert tags() == ["board", "Fair", "other"]

    html = act("remove-tags", "FAIR")
    assert "“FAIR” removed from 1 contact. 3 contacts stayed as before." in html
    assert tags() == ["board", "", "other"]
    press_undo(alices, html)
    assert tags() == ["board", "Fair", "other"]


@pytest.mark.parametrize("path", ["contacts/{}/delete", "contacts/selected"])
def test_deleting(alices: Client, alice: User, jordan: Contact, path: str) -> None:
    """They are back, with their activities."""
    log_activity(alice, jordan, type="CALL")
    sent = {"ids": [jordan.pk], "action": "delete", "sure": "yes"}
    html = look(alices.post(f"/{path.format(jordan.pk)}", sent, follow=True))
    assert not Activity.objects.exists()
    assert "Undone." in press_undo(alices, html)
    assert Contact.objects.get() == jordan
    assert Activity.objects.get().contact == jordan


@pytest.mark.parametrize("path", ["contacts/{}/hand-over", "contacts/selected"])
def test_handing_over(bobs: Client, bob: User, alice: User, path: str) -> None:
    """A member gets back what they see no longer."""
    robin = add_contact(bob, name="Robin")
    sent = {"to": alice.pk, "ids": [robin.pk], "action": "hand-over"}
    html = look(bobs.post(f"/{path.format(robin.pk)}", sent, follow=True))
    assert "Robin" not in html.partition("</main>")[0].partition('id="selection"')[2]
    press_undo(bobs, html)
    assert Contact.objects.get().owner == bob


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("deed", ["done", "delete"])
def test_an_activity(alices: Client, alice: User, jordan: Contact, deed: str, *, htmx: bool) -> None:
    """Marked done or deleted, with a script and without."""
    activity = log_activity(alice, jordan, type="CALL", done=False)
    headers = HTMX if htmx else {}
    html = look(alices.post(f"/activities/{activity.pk}/{deed}", headers=headers, follow=True))
    assert Activity.objects.filter(done=False).count() == 0
    press_undo(alices, html)
    assert not Activity.objects.get().done


def test_twice_and_by_others(alices: Client, bobs: Client, jordan: Contact) -> None:
    """Whoever presses twice is told; nobody undoes what another has done."""
    html = set_warmness(alices, jordan, 5)
    assert "can no longer be undone" in press_undo(bobs, html)
    jordan.refresh_from_db()
    assert jordan.warmness_score == 5
    press_undo(alices, html)
    assert "can no longer be undone" in press_undo(alices, html)


@pytest.mark.parametrize("page", ["https://elsewhere.example.com/", "//elsewhere.example.com", "javascript:x", ""])
def test_it_leads_nowhere_else(alices: Client, jordan: Contact, page: str) -> None:
    """The page that is named can only be one of ours."""
    html = set_warmness(alices, jordan, 5)
    (group,) = re.findall(r'action="(/undo/[^"]+)"', html)
    assert alices.post(group, {"page": page})["Location"] == "/"


def test_how_long_it_waits_is_said(alices: Client, jordan: Contact) -> None:
    """On the contact's page."""
    set_warmness(alices, jordan, 5)
    Contact.objects.filter(pk=jordan.pk).update(next_pipedrive_sync_attempt=timezone.now() + timedelta(seconds=8.4))
    assert "as a Warm Lead in 8 seconds." in look(alices.get(f"/contacts/{jordan.pk}"))


def test_from_a_page_that_no_longer_shows_it(alices: Client, alice: User, jordan: Contact) -> None:
    """Today is loaded anew, and has it again."""
    activity = log_activity(alice, jordan, type="CALL", done=False)
    html = look(alices.post(f"/activities/{activity.pk}/done", {"today": "yes"}, headers=HTMX))
    (group,) = re.findall(r'action="(/undo/[^"]+)"', html)
    assert alices.post(group, {"page": "/"}, headers=HTMX)["HX-Redirect"] == "/"
