"""The import's pages: from the file to the contacts, each step with its words, and nobody else's."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from elsewhere import ONE_LOOK
from pytest_django import DjangoAssertNumQueries
from web.pages import look

from warmline.crm.imports import worker
from warmline.crm.imports.runs import ImportRun
from warmline.crm.imports.tables import MOST_BYTES
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.models import Notification
from warmline.web.presentation import toasts

FILE = (
    "Name;E-Mail;Wärme\nDana Diaz;dana@example.com;5\nJörg Weiß;jörg;1\n=Robin;robin@example.com;2\n;x@example.com;\n"
)
HTMX = {"HX-Request": "true"}


def work() -> None:
    """Do what the server's thread would do."""
    while worker.step(timezone.now()):
        pass


def bring(client: Client, content: bytes | str = FILE, name: str = "people.csv") -> Any:
    """Send a file."""
    data = content.encode() if isinstance(content, str) else content
    return client.post("/import", {"file": SimpleUploadedFile(name, data)})


def test_the_whole_way(bobs: Client, bob: User) -> None:
    """Bring, look, import: each page says what happened and what to do."""
    assert "up to 5 MB and 20,000 rows" in look(bobs.get("/import"))
    path = bring(bobs)["Location"]
    html = look(bobs.get(path))
    assert "0 of 4" in html
    assert '<noscript><meta http-equiv="refresh"' in html
    fragment = look(bobs.get(path, headers=HTMX))
    assert 'hx-trigger="every 700ms"' in fragment
    assert "<html" not in fragment
    work()
    assert bobs.get(path, headers=HTMX)["HX-Refresh"] == "true"
    html = look(bobs.get(path))
    for said in (
        "2 new contacts",
        "1 of them will be sent to Pipedrive (warmness 4 or more)",
        "2 rows cannot be imported",
    ):
        assert said in html
    refused = "Enter an e-mail address such as kim@example.com."
    for said in ("New, will be sent to Pipedrive", refused, "separated by semicolons"):
        assert said in html
    assert not Contact.objects.exists()
    assert bobs.post(f"{path}/start")["Location"] == path
    assert "contacts added" in look(bobs.get(path))
    work()
    html = look(bobs.get(path))
    assert "2 contacts added" in html
    assert "2 rows could not be imported" in html
    assert set(Contact.objects.values_list("owner", "name")) == {(bob.pk, "Dana Diaz"), (bob.pk, "=Robin")}
    assert "people.csv" in look(bobs.get("/import"))


def test_the_rejected_rows(bobs: Client) -> None:
    """They come as they were, with their reasons; corrected and brought again they are the only news."""
    path = bring(bobs)["Location"]
    work()
    bobs.post(f"{path}/start")
    work()
    response = bobs.get(f"{path}/rejected.csv")
    assert response["Content-Disposition"] == 'attachment; filename="people-not-imported.csv"'
    text = response.content.decode("utf-8-sig")
    assert text.splitlines()[0] == "Name;E-Mail;Wärme;Reason"
    assert text.splitlines()[1] == "Jörg Weiß;jörg;1;Enter an e-mail address such as kim@example.com."
    assert "Enter the name." in text
    path = bring(bobs, response.content.replace("jörg".encode(), b"joerg@example.com"))["Location"]
    work()
    html = look(bobs.get(path))
    assert "1 new contact" in html
    assert "1 row cannot be imported without a correction" in html


def test_the_columns(bobs: Client) -> None:
    """What cannot be matched is asked for, with examples; a bad answer is refused in words."""
    path = bring(bobs, "Who,Where\nDana,Lima\n")["Location"]
    assert bobs.get(path)["Location"] == f"{path}/columns"
    html = look(bobs.get(f"{path}/columns"))
    assert "Lima" in html
    html = look(bobs.post(f"{path}/columns", {"column-0": "", "column-1": "country", "heading": "1"}))
    assert "Choose which column contains the name" in html
    chosen = {"column-0": "name", "column-1": "country", "heading": "1"}
    assert bobs.post(f"{path}/columns", chosen)["Location"] == path
    work()
    assert "1 new contact<" in look(bobs.get(path))
    assert look(bobs.get(f"{path}/columns")).count(" selected") == 3
    bobs.post(f"{path}/columns", {"column-0": "name", "column-1": ""})
    work()
    assert "2 new contacts" in look(bobs.get(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "This file is empty"),
        (b"PK\x03\x04", "This is a zip file"),
        (b"x" * (MOST_BYTES + 1), "larger than 5 MB"),
    ],
)
def test_a_file_that_cannot_be_read(bobs: Client, content: bytes, says: str) -> None:
    """The page says why, beside the field, and keeps nothing."""
    assert says in look(bring(bobs, content))
    assert not ImportRun.objects.exists()


def test_no_file(bobs: Client) -> None:
    """It is asked for."""
    assert "Choose a file first." in look(bobs.post("/import", {}))


def test_another_encoding_is_said_aloud(bobs: Client) -> None:
    """So that nobody imports names with wrong letters unseen."""
    path = bring(bobs, FILE.encode("cp1252"))["Location"]
    work()
    html = look(bobs.get(path))
    assert "read as Windows-1252" in html
    assert "Jörg Weiß" in html


def test_one_does_not_see_anothers(alices: Client, bobs: Client) -> None:
    """Not even an admin: it is a file of Bob's, and its rows become his."""
    path = bring(bobs)["Location"]
    work()
    for way in ("", "/columns", "/rejected.csv"):
        assert alices.get(f"{path}{way}").status_code == 404
    for way in ("/start", "/discard", "/columns"):
        assert alices.post(f"{path}{way}").status_code == 404
    assert "people.csv" not in look(alices.get("/import"))


def test_discarding(bobs: Client) -> None:
    """The file is gone, the contacts stay; while it is imported it stays, too."""
    path = bring(bobs)["Location"]
    work()
    assert bobs.get(f"{path}/discard").status_code == 302
    bobs.post(f"{path}/start")
    bobs.post(f"{path}/discard")
    work()
    bobs.post(f"{path}/discard")
    assert not ImportRun.objects.exists()
    assert Contact.objects.count() == 2


def test_a_file_that_is_forgotten_meanwhile(bobs: Client) -> None:
    """In another tab, between the look at the file and the look at its rows."""
    path = bring(bobs)["Location"]
    other: list[Any] = []

    def forgetting(execute: Any, sql: str, *more: Any) -> Any:
        if "crm_importrow" in sql and not other:
            other.append(ImportRun.objects.all())
            other[0].delete()
        return execute(sql, *more)

    with connection.execute_wrapper(forgetting):
        look(bobs.get(f"{path}/columns"), 404)
    assert other


def test_names_are_only_text(bobs: Client) -> None:
    """What stands in a file or its name is no HTML."""
    path = bring(bobs, "Name,<b>x</b>\n<script>alert(1)</script>,<i>\n", "<u>.csv")["Location"]
    work()
    for way in ("", "/columns"):
        html = look(bobs.get(f"{path}{way}"))
        assert "<script>alert" not in html
        assert "<u>" not in html


def test_what_is_left_out_is_named(bobs: Client) -> None:
    """Columns that no field takes, values beside the first, and rows that are no contacts."""
    content = "Contacts\n\nName,E-mail,Nickname,Spouse\nDana,a@example.com; b@example.com,Dan,\nTotal,1,,\n"
    path = bring(bobs, content)["Location"]
    work()
    html = look(bobs.get(path))
    for said in (
        "2 rows are left out because they are no contacts",
        "Left out, because no field takes it: “Nickname” (1 filled).",
        "a@example.com<br>b@example.com",
        "Not a contact: it stands above the column names.",
    ):
        assert said in html
    assert b"Total" in bobs.get(f"{path}/rejected.csv").content
    html = look(bobs.get(f"{path}/columns"))
    for said in ("Dan", "Empty", "Row 3: Name · E-mail · Nickname · Spouse"):
        assert said in html


def test_pointing_at_the_column_names(bobs: Client) -> None:
    """The columns of the row that was pointed at are matched, and shown again before anything happens."""
    path = bring(bobs, "Old,x\nName,Email\nDana,dana@example.com\n")["Location"]
    work()
    for row, name in ((1, "Old"), (2, "Email")):
        chosen = {"column-0": "", "column-1": "", "heading": str(row)}
        assert bobs.post(f"{path}/columns", chosen)["Location"] == f"{path}/columns"
        assert f"Content of “{name}”" in look(bobs.get(f"{path}/columns"))
    bobs.post(f"{path}/columns", {"column-0": "name", "column-1": "email", "heading": "2"})
    work()
    assert "1 new contact<" in look(bobs.get(path))


def test_another_person_and_a_known_one(bobs: Client) -> None:
    """The page asks for the one, and proposes to complete the other."""
    marias = "Maria,m@example.com,+49 40 123456\nMaria,m@example.com,+49 40 654321\n"
    rows = f"{marias}Dana,d@example.com,\nDana,d@example.com,1\n"
    path = bring(bobs, f"Name,E-mail,Phone\n{rows}")["Location"]
    work()
    html = look(bobs.get(path))
    for said in (
        "1 row looks like a contact of yours, but has another phone",
        "Complete 1 contact that you already have",
        "Add as another person",
    ):
        assert said in html
    assert "Maria" in look(bobs.get(f"{path}?show=differs"))
    row = ImportRun.objects.get().rows.get(result="differs")
    bobs.post(f"{path}/add-as-another", {"row": str(row.pk)})
    bobs.post(f"{path}/start", {"completes": "1"})
    work()
    html = look(bobs.get(path))
    assert "3 contacts added" in html
    assert "1 contact that you already had was completed" in html
    assert Contact.objects.get(name="Dana").phone == "1"


def test_these_contacts_and_no_others(bobs: Client, alices: Client) -> None:
    """The list shows whom an import brought, and the import can be taken back."""
    bobs.post("/contacts/add", {"name": "Jordan", "warmness_score": "0"})
    path = bring(bobs)["Location"]
    work()
    bobs.post(f"{path}/start")
    work()
    shown = f"/contacts?import={path.rpartition('/')[2]}"
    assert shown in look(bobs.get(path))
    html = look(bobs.get(shown))
    assert "Dana Diaz" in html
    assert "Jordan" not in html
    assert "people.csv" in html
    assert "people.csv" not in look(alices.get(shown))
    assert alices.post(f"{path}/take-back").status_code == 404
    bobs.post(f"{path}/take-back")
    assert "contacts looked at" in look(bobs.get(path))
    work()
    assert "2 contacts of this import were deleted again" in look(bobs.get(path))
    assert "No contacts match" in look(bobs.get(shown))


def test_an_import_is_told_once(bobs: Client, bob: User) -> None:
    """However many contacts it brought; the notification leads to them."""
    path = bring(bobs)["Location"]
    work()
    assert not Notification.objects.exists()
    bobs.post(f"{path}/start")
    work()
    told = Notification.objects.get()
    text = "Contacts of “people.csv” were imported: 2 added, 1 of them will be sent to Pipedrive."
    assert (told.user, told.kind, told.text) == (bob, "import_done", text)
    (toast,) = toasts.toasts(bob, after=0, up_to=told.pk, shown={})
    assert (toast.text, toast.link) == (text, f"/contacts?import={path.rpartition('/')[2]}")
    bobs.post(f"{path}/take-back")
    work()
    assert Notification.objects.count() == 1


def test_pasted_cells(bobs: Client) -> None:
    """What is copied from a spreadsheet comes with tabs; one of the two has to be there."""
    path = bobs.post("/import", {"cells": "Name\tE-mail\nDana\tdana@example.com\n"})["Location"]
    work()
    html = look(bobs.get(path))
    assert "1 new contact<" in html
    assert "Pasted cells" in html
    assert "Choose a file first." in look(bobs.post("/import", {"cells": " \n"}))
    assert "never closed" in look(bobs.post("/import", {"cells": 'Name\n"Dana'}))


def test_a_large_file(bobs: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    """Its rows are shown by the page and by what becomes of them, each with as many queries."""
    rows = "".join(f"Contact {n},{'wrong' if n % 3 else ''}\n" for n in range(1000))
    path = bring(bobs, f"Name,E-mail\n{rows}")["Location"]
    work()
    look(bobs.get(path))
    with django_assert_max_num_queries(10 + ONE_LOOK):
        html = look(bobs.get(f"{path}?show=invalid&page=2"))
    assert "51 to 100 of 666" in html
    assert "show=invalid" in html
    assert bobs.get(f"{path}?show=wrong").status_code == 404
    assert "No rows match" in look(bobs.get(f"{path}?show=known"))
