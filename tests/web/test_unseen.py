"""What cannot be seen comes along with what people copy, and makes no second contact, wherever they paste it."""

from django.core import mail
from django.test import Client
from web.test_imports import bring, work

from warmline.crm.models import Contact, Organization
from warmline.crm.users import User


def test_a_pasted_address(bobs: Client) -> None:
    """It is known already, and what is saved is what one sees."""
    form = {"name": "Vera\u200b", "email": "\ufeffvera@example.com", "organization": "Nordic\u00ad Oak", "phone": ""}
    for _ in range(2):
        assert bobs.post("/contacts/new", {**form, "warmness_score": "0"}).status_code == 302
    assert set(Contact.objects.values_list("name", "email")) == {("Vera", "vera@example.com")}
    assert Organization.objects.count() == 1
    assert b"Vera" in bobs.get("/contacts/known", {"email": "vera@exam\u2060ple.com"}).content
    assert b"Vera" in bobs.get("/contacts", {"q": "ve\u200bra"}).content


def test_an_imported_file(bobs: Client) -> None:
    """Two rows that read alike are one contact."""
    path = bring(bobs, "Name,Email\nVera,vera@example.com\nVera\u200b,vera@example.com\u200b\n")["Location"]
    work()
    bobs.post(f"{path}/start")
    work()
    assert Contact.objects.get().email == "vera@example.com"


def test_an_invited_colleague(alices: Client, alice: User) -> None:
    """Who is there already is not invited again, and a new one is stored as one sees them."""
    form = {"name": "Erin", "time_zone": "UTC"}
    assert b"already" in alices.post("/settings/team/invitation", {**form, "email": "alice@example.com\u200b"}).content
    alices.post("/settings/team/invitation", {**form, "email": "erin@example.com\u200b"})
    assert User.objects.latest("pk").email == "erin@example.com"
    assert not mail.outbox
