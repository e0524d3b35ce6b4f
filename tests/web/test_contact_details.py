"""A contact's details in its form and on its page, and of files that are imported."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from warmline.crm import book
from warmline.crm.imports import runs, worker
from warmline.crm.imports.runs import ImportRun, Status
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db

DETAILS: dict[str, Any] = {
    "job_title": "Buyer",
    "linkedin": "https://www.linkedin.com/in/dana-diaz",
    "note": "Likes tea.\nMet <b>in Oslo</b>.",
    "tags": "VIP, Oslo",
    "source": "LinkedIn, 12 Nov 2026",
}


def test_a_contact_is_added_with_them(bobs: Client) -> None:
    """Each has its field, below what is asked of everybody."""
    assert "More about the contact" in bobs.get("/contacts/new").content.decode()
    sent = {"name": "Dana", "warmness_score": "0", **DETAILS, "tags": "VIP,Oslo,vip, "}
    assert bobs.post("/contacts/new", sent).status_code == 302
    contact = Contact.objects.get()
    assert {name: getattr(contact, name) for name in DETAILS} == DETAILS


def test_what_is_wrong_is_said_at_its_field(bobs: Client) -> None:
    """And what is folded up is open then."""
    page = bobs.post("/contacts/new", {"name": "Dana", "warmness_score": "0", "job_title": "x" * 256})
    assert "<details open>" in page.content.decode()
    assert not Contact.objects.exists()


def test_the_page_shows_what_is_known(bobs: Client, bob: User) -> None:
    """An address as a link, lines as lines, and nothing as HTML; what is not known is not there."""
    contact = book.add_contact(bob, name="Dana Diaz", **DETAILS)
    page = bobs.get(f"/contacts/{contact.pk}").content.decode()
    assert '<a href="https://www.linkedin.com/in/dana-diaz" rel="nofollow">' in page
    assert "Likes tea.<br>Met &lt;b&gt;in Oslo&lt;/b&gt;." in page
    for said in ("Job title", "Tags", ">VIP</a>, ", ">Oslo</a>", "Source", "LinkedIn, 12 Nov 2026"):
        assert said in page
    other = book.add_contact(bob, name="Kim")
    assert "Job title" not in bobs.get(f"/contacts/{other.pk}").content.decode()


def test_they_are_changed_in_the_form(bobs: Client, bob: User) -> None:
    """And what somebody else has changed meanwhile is asked about."""
    contact = book.add_contact(bob, name="Dana Diaz", **DETAILS)
    shown = {f"initial-{name}": text for name, text in {"name": "Dana Diaz", **DETAILS}.items()}
    sent = {"name": "Dana Diaz", **DETAILS, **shown, "note": "Likes coffee.", "tags": ""}
    assert bobs.post(f"/contacts/{contact.pk}/edit", sent).status_code == 302
    contact.refresh_from_db()
    assert (contact.note, contact.tags, contact.job_title) == ("Likes coffee.", "", "Buyer")
    again = bobs.post(f"/contacts/{contact.pk}/edit", sent | {"note": "Likes water."})
    assert "changed while you were editing" in again.content.decode()


def test_a_note_does_not_send_a_contact_anew(bob: User) -> None:
    """Details stay here: a linked contact is as much in line as before."""
    contact = book.add_contact(bob, name="Dana Diaz", warmness_score=9)
    before = contact.revision
    book.change_contact(contact, {"note": "Likes tea.", "tags": "VIP", "source": "Fair"})
    assert contact.revision == before


def work() -> None:
    """Do what is to be done of imports."""
    while worker.step(timezone.now()):
        pass


def test_what_no_field_takes_goes_into_the_note(bobs: Client, bob: User) -> None:
    """If one wants, each with the name of its column; and the preview shows it before anything is added."""
    run = runs.begin(bob, "people.csv", b"Name,Shoe size,Position,Notes\nDana Diaz,40,Buyer,Likes tea\n")
    work()
    assert "“Shoe size” (1 filled)" in bobs.get(f"/import/{run.pk}").content.decode()
    columns = {f"column-{index}": kind for index, kind in enumerate(["name", "", "job_title", "note"])}
    assert bobs.post(f"/import/{run.pk}/columns", {"heading": "1", "rest": "on", **columns}).status_code == 302
    work()
    page = bobs.get(f"/import/{run.pk}").content.decode()
    assert "Shoe size: 40" in page
    assert "no field takes" not in page
    bobs.post(f"/import/{run.pk}/start")
    work()
    contact = Contact.objects.get()
    assert (contact.note, contact.job_title) == ("Shoe size: 40\nLikes tea", "Buyer")


def test_whom_an_import_adds_has_a_source(bob: User) -> None:
    """The program, or else the file, and the day; a contact who was known before is not completed by that."""
    book.add_contact(bob, name="Kim Lee", email="kim@example.org")
    file = b"Name,Email,Tags\nDana Diaz,dana@example.org,VIP\nKim Lee,kim@example.org,Oslo; Rome\n"
    run = runs.begin(bob, "fair\x07 list.csv", file)
    work()
    runs.start(run, completes=True)
    work()
    known, new = Contact.objects.order_by("pk")
    assert (known.source, known.tags) == ("", "Oslo, Rome")
    assert new.source.startswith("fair list.csv, ")
    assert new.tags == "VIP"
    again = runs.begin(bob, "fair list.csv", file)
    work()
    assert set(again.contacts.values_list("result", flat=True)) == {"known"}
    run.refresh_from_db()
    runs.take_back(run)
    work()
    assert ImportRun.objects.get(pk=run.pk).status == Status.DONE
    assert list(Contact.objects.all()) == [known]
