"""What else is known of a contact: job title, LinkedIn, note, tags and source."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.crm.contact_details import MOST_TAGS, TAG_LENGTH
from warmline.crm.models import Contact

pytestmark = pytest.mark.django_db

DETAILS: dict[str, Any] = {
    "job_title": "Buyer",
    "linkedin": "https://www.linkedin.com/in/dana-diaz",
    "note": "Likes tea.\nMet in Oslo.",
    "tags": ["VIP", "Oslo"],
    "source": "LinkedIn, 12 Nov 2026",
}
NOTHING = dict.fromkeys(DETAILS) | {"tags": []}


def told(body: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer tells of them."""
    return {name: body[name] for name in DETAILS}


def test_they_are_kept_and_told(bob: Caller) -> None:
    """Each as it was given; what is left out stays, and null is nothing."""
    added = bob.post("/contacts", {"name": "Dana Diaz", **DETAILS})
    assert (added.status, told(added.body)) == (201, DETAILS)
    path = f"/contacts/{added.body['id']}"
    assert told(bob.patch(path, {"warmness_score": 1}).body) == DETAILS
    assert told(bob.patch(path, {"job_title": "Seller", "tags": []}).body) == DETAILS | {
        "job_title": "Seller",
        "tags": [],
    }
    assert told(bob.patch(path, NOTHING).body) == NOTHING
    assert told(bob.get("/contacts").body["items"][0]) == NOTHING


def test_a_tag_is_there_once(bob: Caller) -> None:
    """However it is written; empty ones are none, and white space around one is not its own."""
    tags = ["VIP", " vip ", "", "\u200b", "In Oslo"]
    assert bob.post("/contacts", {"name": "Dana", "tags": tags}).body["tags"] == ["VIP", "In Oslo"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tags", ["a,b"]),
        ("tags", ["a\nb"]),
        ("tags", ["x" * (TAG_LENGTH + 1)]),
        ("tags", [str(number) for number in range(MOST_TAGS + 1)]),
        ("tags", "VIP"),
        ("tags", None),
        ("job_title", "Buyer\nSeller"),
        ("job_title", "x" * 256),
        ("linkedin", "x" * 256),
        ("source", "a\x07"),
        ("note", "x" * 30_001),
        ("note", "a\x07"),
    ],
)
def test_what_is_refused(bob: Caller, field: str, value: object) -> None:
    """It is told by the field's name, and nothing is stored."""
    answer = bob.post("/contacts", {"name": "Dana", field: value})
    status, code, named = answer.problem
    assert (status, code, (named or "").partition(".")[0]) == (422, "invalid", field)
    assert not Contact.objects.exists()


def test_the_longest_are_taken(bob: Caller) -> None:
    """As many tags as there can be, each as long as it can be."""
    tags = [f"{number:02}" + "x" * (TAG_LENGTH - 2) for number in range(MOST_TAGS)]
    assert bob.post("/contacts", {"name": "Dana", "tags": tags, "note": "x" * 30_000}).body["tags"] == tags


def test_an_import_has_them(bob: Caller) -> None:
    """Of a known contact, what it does not have is told, and not stored."""
    row = {"name": "Dana Diaz", "email": "dana@example.org", **DETAILS}
    bob.post("/contacts/import", {"contacts": [row]})
    assert told(bob.get("/contacts").body["items"][0]) == DETAILS
    more = row | {"tags": ["vip", "Rome"], "job_title": "Seller", "note": "Likes tea."}
    (outcome,) = bob.post("/contacts/import", {"contacts": [more]}).body["outcomes"]
    assert (outcome["result"], outcome["left_out"]) == ("known", {"tags": "Rome", "job_title": "Seller"})


def test_a_change_of_them_changes_the_tag_of_the_answer(bob: Caller) -> None:
    """So who changes a contact with If-Match hears of it."""
    contact = bob.add("Dana", note="Likes tea.")
    path = f"/api/contacts/{contact['id']}"
    before = bob.http.get(path)["ETag"]
    bob.patch(f"/contacts/{contact['id']}", {"note": "Likes coffee."})
    assert bob.http.get(path)["ETag"] != before
