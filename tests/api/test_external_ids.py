"""Rows by the ids that other programs have for them: sent as often as one likes, they are there once."""

from threading import Barrier, Thread
from typing import Any

import pytest
from api.caller import Caller
from django.db import connections

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact
from warmline.crm.external_ids import ExternalId
from warmline.crm.models import Contact, Organization

AT = "/contacts/external/website/lead-1"
DANA: dict[str, Any] = {"name": "Dana Diaz", "email": "dana@example.org", "warmness_score": 5}


def test_the_same_call_twice_makes_one_contact(bob: Caller) -> None:
    """Made the first time, then changed; what is left out stays; both read it by either id."""
    made = bob.put(AT, {**DANA, "phone": "1"})
    assert (made.status, made.body["external_ids"]) == (201, [{"source": "website", "id": "lead-1"}])
    again = bob.put(AT, {**DANA, "name": "Dana D."})
    assert (again.status, again.body["id"], again.body["name"]) == (200, made.body["id"], "Dana D.")
    assert (again.body["phone"], again.body["email"]) == ("1", "dana@example.org")
    assert bob.get(AT).body == bob.get(f"/contacts/{made.body['id']}").body == again.body
    assert Contact.objects.count() == 1


def test_who_is_there_already_is_taken(bob: Caller, charlie: Caller) -> None:
    """The one with the e-mail and a name that agrees; not a colleague's, and not one of two."""
    charlie.add(**DANA)
    mine = bob.add("Diaz, Dana", email="DANA@example.org")
    taken = bob.put(AT, DANA)
    assert (taken.status, taken.body["id"], taken.body["name"]) == (200, mine["id"], "Dana Diaz")
    for name in ("Eli Ames", "E. Ames"):
        bob.add(name, email="family@example.net")
    assert bob.put("/contacts/external/website/2", {"name": "Eli Ames", "email": "family@example.net"}).status == 201
    assert bob.put("/contacts/external/website/3", {"name": "Fay Berg", "email": "dana@example.org"}).status == 201
    assert bob.put("/contacts/external/website/4", {"name": "Dana Diaz"}).status == 201


def test_anothers_is_none_of_ones_own(alice: Caller, bob: Caller, charlie: Caller) -> None:
    """Another user's id is refused, an admin's call included, and reads as none; nothing is changed."""
    bob.put(AT, DANA)
    for other in (charlie, alice):
        assert other.put(AT, {"name": "Mallory"}).problem == (409, "anothers", None)
    assert charlie.get(AT).problem == (404, "not_found", "id")
    assert alice.get(AT).body["name"] == "Dana Diaz"
    assert Contact.objects.get().name == "Dana Diaz"


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("a%2Fb%3Fc%20d%23%C3%BC", "a/b?c d#ü"),
        ("x" * 255, "x" * 255),
        ("%25", "%"),
        ("import", "import"),
        ("A", "A"),
    ],
)
def test_any_id_is_one(bob: Caller, path: str, id: str) -> None:
    """Percent-encoded, up to 255 characters, compared letter by letter."""
    made = bob.put(f"/contacts/external/n8n/{path}", {"name": "Dana"})
    assert (made.status, made.body["external_ids"]) == (201, [{"source": "n8n", "id": id}])
    assert bob.get(f"/contacts/external/n8n/{path}").body["id"] == made.body["id"]
    assert bob.get("/contacts/external/n8n/a").status == 404
    assert bob.get(f"/contacts/external/zapier/{path}").status == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("N8N/1", "source"),
        (f"{'s' * 65}/1", "source"),
        ("a b/1", "source"),
        (f"n8n/{'x' * 256}", "id"),
        ("n8n/a%09b", "id"),
        ("n8n/%EF%BF%BD", "id"),
    ],
)
def test_a_bad_id_is_named(bob: Caller, path: str, field: str) -> None:
    """Source and id are looked at before anything else, and no message tells a pattern."""
    for kind, body in (("contacts", {"name": "Dana"}), ("organizations", {"name": "Acme"})):
        refused = bob.put(f"/{kind}/external/{path}", body)
        assert refused.problem == (422, "invalid", field)
        assert refused.body["error"]["message"].startswith(f"The field `{field}` ")
        assert bob.get(f"/{kind}/external/{path}").problem == (422, "invalid", field)


def test_what_is_not_valid_leaves_nothing(bob: Caller) -> None:
    """Neither a row nor its id."""
    assert bob.put(AT, {"name": "Dana", "email": "nowhere"}).problem == (422, "invalid", "email")
    assert bob.put(AT, {"email": "dana@example.org"}).problem == (422, "invalid", "name")
    assert not ExternalId.objects.exists()
    assert not Contact.objects.exists()


def test_who_was_deleted_is_made_again(bob: Caller) -> None:
    """The id is free again: a program that puts a contact wants it there."""
    first = bob.put(AT, DANA).body["id"]
    Contact.objects.all().delete()
    again = bob.put(AT, DANA)
    assert (again.status, again.body["id"] != first) == (201, True)


def test_organizations(bob: Caller, charlie: Caller) -> None:
    """They are the team's; one of the same name is taken, and a name that is another's refused."""
    bob.add("Dana", organization={"name": "Acme"})
    at = "/organizations/external/erp/7"
    taken = charlie.put(at, {"name": "ACME", "sector": "Food"})
    assert (taken.status, taken.body["name"], taken.body["sector"]) == (200, "ACME", "Food")
    renamed = bob.put(at, {"name": "Acme Foods"})
    assert (renamed.status, renamed.body["id"], renamed.body["sector"]) == (200, taken.body["id"], "Food")
    assert bob.put("/organizations/external/erp/8", {"name": "Beta"}).status == 201
    assert bob.put("/organizations/external/erp/8", {"name": "acme foods"}).problem == (409, "conflict", "name")
    assert bob.get(at).body["external_ids"] == [{"source": "erp", "id": "7"}]
    assert Organization.objects.count() == 2


def test_activities(bob: Caller, charlie: Caller) -> None:
    """Their contact is named by either id and stays; a subject is made once."""
    dana = bob.put(AT, DANA).body["id"]
    at, named = "/activities/external/phone/9", {"contact_external": {"source": "website", "id": "lead-1"}}
    made = bob.put(at, {"type": "CALL", **named, "note": "first"})
    assert (made.status, made.body["contact_id"], made.body["subject"]) == (201, dana, "Call with Dana Diaz")
    bob.patch(f"/activities/{made.body['id']}", {"subject": "Price"})
    again = bob.put(at, {"type": "EMAIL", "contact_id": dana, "subject": None})
    assert (again.status, again.body["id"], again.body["type"]) == (200, made.body["id"], "EMAIL")
    assert (again.body["subject"], again.body["note"]) == ("Price", "first")
    eli = bob.add("Eli")["id"]
    assert bob.put(at, {"type": "CALL", "contact_id": eli}).problem == (409, "other_contact", None)
    assert charlie.put(at, {"type": "CALL", "contact_id": charlie.add("Fay")["id"]}).problem == (409, "anothers", None)
    unknown = {"contact_external": {"source": "website", "id": "nobody"}}
    assert bob.put(at, {"type": "CALL", **unknown}).problem == (404, "not_found", "contact_external")
    assert bob.put(at, {"type": "CALL", "contact_id": 10**9}).problem == (404, "not_found", "contact_id")
    for both in ({}, {**named, "contact_id": dana}):
        assert bob.put(at, {"type": "CALL", **both}).status == 422
    assert bob.get(at).body["id"] == Activity.objects.get().pk


@pytest.mark.django_db(transaction=True)
def test_many_at_the_same_moment(bob: Caller) -> None:
    """Five that put one lead, and five that put one person under ids of their own, make one contact each."""
    answers: list[int] = []
    barrier = Barrier(10)

    def put(path: str, body: Any) -> None:
        try:
            barrier.wait()
            answers.append(Caller(bob.user).put(path, body).status)
        finally:
            connections.close_all()

    calls = [(AT, DANA)] * 5 + [(f"/contacts/external/form/{n}", {**DANA, "email": "x@example.org"}) for n in range(5)]
    threads = [Thread(target=put, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 8 + [201] * 2
    assert Contact.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_different_fields_at_the_same_moment(bob: Caller) -> None:
    """Of one lead, one organization and one activity: nothing of what anybody sends is lost."""
    bob.put("/contacts/external/form/1", {"name": "Dana"})
    failed: list[object] = []
    parts: dict[str, list[dict[str, Any]]] = {
        "/contacts/external/web/lead": [
            {"name": "Eli", field: value}
            for field, value in {
                "email": "eli@example.org",
                "phone": "+49 40 1",
                "warmness_score": 7,
                "job_title": "Buyer",
                "note": "likes tea",
                "tags": ["Fair"],
                "organization": {"name": "Acme"},
            }.items()
        ],
        "/organizations/external/web/acme": [
            {"name": "Acme"},
            {"name": "Acme", "sector": "Food"},
            {"name": "Acme", "country": "DE"},
        ],
        "/activities/external/phone/1": [
            {"type": "CALL", "contact_external": {"source": "form", "id": "1"}, **part}
            for part in ({"note": "Wants a quote."}, {"subject": "First call"}, {"done": False})
        ],
    }
    calls = [(path, body) for path, bodies in parts.items() for body in bodies]
    barrier = Barrier(len(calls))

    def put(path: str, body: Any) -> None:
        try:
            barrier.wait()
            answer = Caller(bob.user).put(path, body)
            if answer.status not in {200, 201}:
                failed.append(answer)
        finally:
            connections.close_all()

    threads = [Thread(target=put, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for path, bodies in parts.items():
        found = bob.get(path).body
        said = {field: value for body in bodies for field, value in body.items() if field != "contact_external"}
        if "organization" in said:
            assert found["organization"]["name"] == said.pop("organization")["name"]
        assert {field: found[field] for field in said} == said


def test_pages_make_none(bob: Caller) -> None:
    """What people add has no such id until a program gives it one."""
    add_contact(bob.user, name="Eli")
    assert bob.get("/contacts").body["items"][0]["external_ids"] == []
