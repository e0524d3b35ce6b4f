"""`emails` and `phones` beside `email` and `phone`, which are the primary ones."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.crm.models import Contact

pytestmark = pytest.mark.django_db

WORK, HOME = {"value": "dana@example.org", "label": "work"}, {"value": "d.diaz@example.net", "label": "home"}
MOBILE = {"value": "+49 151 5550100", "label": "mobile"}


def told(body: Any) -> tuple[Any, ...]:
    """Return what an answer tells of e-mails."""
    return body["email"], [(each["value"], each["label"]) for each in body["emails"]]


def test_all_of_them_are_told(bob: Caller) -> None:
    """The first is the primary one; without a label it is for work."""
    added = bob.post("/contacts", {"name": "Dana Diaz", "emails": [{"value": WORK["value"]}, HOME], "phones": [MOBILE]})
    assert added.status == 201
    assert added.body["emails"] == [WORK, HOME]
    assert (added.body["email"], added.body["phone"]) == (WORK["value"], MOBILE["value"])
    assert added.body["phones"] == [MOBILE]
    assert bob.get("/contacts").body["items"][0]["emails"] == [WORK, HOME]


def test_the_primary_one_alone_is_as_before(bob: Caller) -> None:
    """Who knows only of one e-mail sees and changes that one, and takes none of the others away."""
    added = bob.post("/contacts", {"name": "Dana Diaz", "email": WORK["value"]}).body
    assert told(added) == (WORK["value"], [(WORK["value"], "work")])
    path = f"/contacts/{added['id']}"
    bob.patch(path, {"emails": [WORK, HOME]})
    assert told(bob.patch(path, {"email": "new@example.org"}).body) == (
        "new@example.org",
        [("new@example.org", "work"), (HOME["value"], "home")],
    )
    # One that it has already takes the first place; without the first, the next does.
    assert told(bob.patch(path, {"email": HOME["value"].upper()}).body)[1] == [
        (HOME["value"].upper(), "home"),
        ("new@example.org", "work"),
    ]
    assert told(bob.patch(path, {"email": None}).body) == ("new@example.org", [("new@example.org", "work")])
    assert told(bob.patch(path, {"email": ""}).body) == (None, [])
    assert told(bob.patch(path, {"emails": []}).body) == (None, [])


def test_what_comes_twice_is_there_once(bob: Caller) -> None:
    """However it is written, and with characters that nobody sees; empty ones are none."""
    emails = [WORK, {"value": " DANA@example.org\u200b "}, {"value": ""}, HOME]
    phones = [{"value": "+49 30 1"}, {"value": "+49 (30) 1", "label": "home"}, {"value": "\u202a+49-30-2\u202c"}]
    body = bob.post("/contacts", {"name": "Dana", "emails": emails, "phones": phones}).body
    assert told(body)[1] == [(WORK["value"], "work"), (HOME["value"], "home")]
    assert [each["value"] for each in body["phones"]] == ["+49 30 1", "+49-30-2"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"emails": [{"value": "nowhere"}]}, "emails"),
        ({"emails": [WORK, {"value": "nowhere"}]}, "emails"),
        ({"emails": [{"value": f"n{number}@example.org"} for number in range(51)]}, "emails"),
        ({"phones": [{"value": "+1"}, {"value": "a\nb"}]}, "phones"),
        ({"email": "nowhere"}, "email"),
        ({"emails": [{"value": WORK["value"], "label": "fax"}]}, "emails.0.label"),
        ({"emails": [{"label": "home"}]}, "emails.0.value"),
        ({"emails": None}, "emails"),
        ({"email": WORK["value"], "emails": [WORK]}, None),
    ],
)
def test_what_is_wrong_is_named(bob: Caller, body: Any, field: str | None) -> None:
    """Also of the first of several; and nothing is stored."""
    assert bob.post("/contacts", {"name": "Dana", **body}).problem == (422, "invalid", field)
    assert not Contact.objects.exists()


def test_a_put_finds_who_has_any_of_them(bob: Caller) -> None:
    """The caller's one contact with one of the e-mails and a name that agrees; and it loses none."""
    mine = bob.post("/contacts", {"name": "Dana Diaz", "emails": [WORK, HOME]}).body
    put = bob.put("/contacts/external/n8n/1", {"name": "Diaz, Dana", "email": HOME["value"]})
    assert (put.status, put.body["id"]) == (200, mine["id"])
    assert told(put.body)[1] == [(HOME["value"], "home"), (WORK["value"], "work")]
    put = bob.put("/contacts/external/n8n/2", {"name": "Dana", "emails": [{"value": "new@example.org"}, WORK]})
    assert (put.status, put.body["id"]) == (200, mine["id"])
    assert told(put.body)[1] == [("new@example.org", "work"), (WORK["value"], "work")]


def test_search_finds_any_of_them(bob: Caller) -> None:
    """A contact is found by its second e-mail, and no more when that is gone."""
    path = f"/contacts/{bob.post('/contacts', {'name': 'Dana', 'emails': [WORK, HOME]}).body['id']}"
    assert len(bob.get("/contacts", search="d.diaz@example").body["items"]) == 1
    bob.patch(path, {"emails": [WORK]})
    assert not bob.get("/contacts", search="d.diaz@example").body["items"]


def test_a_tag_tells_of_each(bob: Caller) -> None:
    """Another label is another state; a change of what was read before is refused."""
    contact = bob.post("/contacts", {"name": "Dana", "emails": [WORK, HOME]})
    path, tag = f"/contacts/{contact.body['id']}", contact.headers["ETag"]
    assert bob.patch(path, {"emails": [WORK, {**HOME, "label": "other"}]}, if_match=tag).status == 200
    assert bob.patch(path, {"email": "x@example.org"}, if_match=tag).status == 412


def test_an_import_takes_several(bob: Caller) -> None:
    """And tells what is wrong with one of them."""
    rows = [
        {"name": "Dana", "emails": [WORK, HOME], "phones": [MOBILE]},
        {"name": "Eli", "emails": [{"value": "eli@example.org"}, {"value": "nowhere"}]},
    ]
    first, second = bob.post("/contacts/import", {"contacts": rows}).body["outcomes"]
    assert first["result"] == "added"
    assert told(bob.get(f"/contacts/{first['contact_id']}").body)[1] == [
        (WORK["value"], "work"),
        (HOME["value"], "home"),
    ]
    assert (second["result"], list(second["errors"])) == ("invalid", ["emails"])
    assert len(bob.get("/contacts", search="d.diaz").body["items"]) == 1


def test_an_import_tells_what_it_leaves_out(bob: Caller) -> None:
    """Of a known contact: nothing is changed, and nothing is dropped without a word."""
    row = {"name": "Dana Diaz", "email": WORK["value"], "phone": "+49 30 5550100"}
    more = {"phone": "+49 151 5550100", "organization": {"name": "Birch"}, "warmness_score": 5}
    rows = [row, {**row, **more}, row, {"name": "Dana Diaz", "emails": [HOME, WORK], "phones": [MOBILE]}]
    first, *known = bob.post("/contacts/import", {"contacts": rows}).body["outcomes"]
    assert (first["result"], first["left_out"]) == ("added", {})
    assert {each["result"] for each in known} == {"known"}
    assert [each["left_out"] for each in known] == [
        {"phone": "+49 151 5550100", "organization": "Birch", "warmness_score": "5"},
        {},
        {"email": HOME["value"], "phone": MOBILE["value"]},
    ]
    contact = bob.get(f"/contacts/{first['contact_id']}").body
    assert (contact["phone"], contact["organization"]) == ("+49 30 5550100", None)
