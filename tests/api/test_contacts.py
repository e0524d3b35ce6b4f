"""Contacts as JSON: adding, changing, reading, retrying, linking, and who may."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.crm.models import Contact, Organization

NOTHING_YET: dict[str, Any] = {"attempts": 0, "last_attempt_at": None, "error": None, "candidates": []}


def test_a_contact_of_a_name_alone_has_null_for_the_rest(bob: Caller) -> None:
    """What is not known is null, the score is 0, and so nothing is wanted in Pipedrive."""
    contact = bob.add("Dana Diaz")
    assert contact == {
        "id": contact["id"],
        "name": "Dana Diaz",
        "email": None,
        "phone": None,
        "emails": [],
        "phones": [],
        "warmness_score": 0,
        **dict.fromkeys(("job_title", "linkedin", "note", "source")),
        "tags": [],
        "owner": {"id": bob.user.pk, "name": "Bob", "email": "bob@example.com"},
        "pipedrive_person_id": None,
        "organization": None,
        "external_ids": [],
        "sync": {"state": "not_wanted", "next_attempt_at": None, **NOTHING_YET},
    }
    assert bob.get(f"/contacts/{contact['id']}").body == contact


def test_a_warm_contact_is_wanted_at_once(bob: Caller) -> None:
    """All fields come back as given, trimmed, and the contact waits for its first attempt, in UTC."""
    organization = {"name": "Acme", "sector": "Energy", "country": "DE"}
    contact = bob.add(" Dana ", email="dana@example.org", phone="+49 30 1", organization=organization, warmness_score=4)
    assert (contact["name"], contact["email"], contact["phone"]) == ("Dana", "dana@example.org", "+49 30 1")
    acme = Organization.objects.get()
    assert contact["organization"] == {"id": acme.pk, **organization, "pipedrive_org_id": None}
    assert contact["sync"]["state"] == "wanted"
    assert contact["sync"]["next_attempt_at"].endswith("Z")


def test_nulls_are_as_good_as_nothing(bob: Caller) -> None:
    """A caller may send null for what is not known."""
    contact = bob.add("Dana", email=None, phone=None, organization=None)
    assert (contact["email"], contact["phone"], contact["organization"]) == (None, None, None)


def test_two_spellings_of_an_organization_are_one(bob: Caller, charlie: Caller) -> None:
    """The second contact finds the organization of the first, and fills what was empty there and nothing else."""
    first = bob.add("Dana", organization={"name": "Acme", "sector": "Energy"})
    second = charlie.add("Eli", organization={"name": " ACME ", "sector": "Food", "country": "FR"})
    assert first["organization"]["id"] == second["organization"]["id"]
    assert second["organization"] == {**first["organization"], "country": "FR"}


def test_a_change_writes_the_given_fields_only(bob: Caller) -> None:
    """A PATCH leaves alone what it does not name."""
    contact = bob.add("Dana", email="dana@example.org", phone="1", organization={"name": "Acme"}, warmness_score=3)
    changed = bob.patch(f"/contacts/{contact['id']}", {"phone": None, "warmness_score": 5})
    assert changed.status == 200
    assert changed.body["sync"].pop("state") == "wanted"
    del changed.body["sync"], contact["sync"]
    assert changed.body == {**contact, "phone": None, "phones": [], "warmness_score": 5}


def test_an_empty_change_changes_nothing(bob: Caller) -> None:
    """A PATCH of nothing answers the row, and a failed one stays failed."""
    contact = bob.add("Dana", warmness_score=5)
    Contact.objects.update(pipedrive_sync_failed=True)
    changed = bob.patch(f"/contacts/{contact['id']}", {})
    assert (changed.status, changed.body["sync"]["state"]) == (200, "failed")


def test_null_takes_the_organization_away(bob: Caller) -> None:
    """The organization itself stays with the team."""
    contact = bob.add("Dana", organization={"name": "Acme"})
    assert bob.patch(f"/contacts/{contact['id']}", {"organization": None}).body["organization"] is None
    assert Organization.objects.count() == 1


def test_members_see_their_own_and_admins_all(alice: Caller, bob: Caller, charlie: Caller) -> None:
    """A contact of another's is as good as none, to read and to list, but not for an admin."""
    contact = bob.add("Dana")
    assert charlie.get("/contacts").body["items"] == []
    assert alice.get("/contacts").body["items"] == [contact]
    assert alice.patch(f"/contacts/{contact['id']}", {"name": "Dana Diaz"}).body["owner"]["name"] == "Bob"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {"name": "Mine"}),
        ("post", "/retry", None),
        ("post", "/link", {"create": True}),
    ],
)
def test_what_is_anothers_is_not_found(bob: Caller, charlie: Caller, method: str, path: str, body: Any) -> None:
    """Whatever Charlie tries with Bob's contact answers 404 and changes nothing."""
    contact = bob.add("Dana")
    arguments = [f"/contacts/{contact['id']}{path}"] + ([] if method == "get" else [body])
    assert getattr(charlie, method)(*arguments).problem == (404, "not_found", "id")
    assert bob.get(f"/contacts/{contact['id']}").body == contact


BAD = [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": " \u00a0 "}, "name"),
    ({"name": None}, "name"),
    ({"name": 7}, "name"),
    ({"name": ["Dana"]}, "name"),
    ({"name": "x" * 256}, "name"),
    ({"name": "Da\nna"}, "name"),
    ({"name": "Da\x00na"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"name": "Dana", "email": "dana"}, "email"),
    ({"name": "Dana", "email": 5}, "email"),
    ({"name": "Dana", "email": "d@" + "x" * 250 + ".org"}, "email"),
    ({"name": "Dana", "phone": "1" * 65}, "phone"),
    ({"name": "Dana", "phone": 49}, "phone"),
    ({"name": "Dana", "phone": "1\x07"}, "phone"),
    ({"name": "Dana", "warmness_score": -1}, "warmness_score"),
    ({"name": "Dana", "warmness_score": 11}, "warmness_score"),
    ({"name": "Dana", "warmness_score": 10**40}, "warmness_score"),
    ({"name": "Dana", "warmness_score": "5"}, "warmness_score"),
    ({"name": "Dana", "warmness_score": 5.5}, "warmness_score"),
    ({"name": "Dana", "warmness_score": True}, "warmness_score"),
    ({"name": "Dana", "warmness_score": None}, "warmness_score"),
    ({"name": "Dana", "organization": "Acme"}, "organization"),
    ({"name": "Dana", "organization": {}}, "organization.name"),
    ({"name": "Dana", "organization": {"name": ""}}, "organization.name"),
    ({"name": "Dana", "organization": {"name": 5}}, "organization.name"),
    ({"name": "Dana", "organization": {"name": "Acme", "sector": "x" * 256}}, "organization.sector"),
    ({"name": "Dana", "organization": {"name": "Acme", "country": "D\tE"}}, "organization.country"),
    ({"name": "Dana", "organization": {"name": "Acme", "city": "Berlin"}}, "organization.city"),
    ({"name": "Dana", "nickname": "D"}, "nickname"),
    ({"name": "Dana", "owner": 1}, "owner"),
    ({"name": "Dana", "pipedrive_person_id": 1}, "pipedrive_person_id"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_bad_field_is_named_and_nothing_is_written(bob: Caller, body: dict[str, Any], field: str) -> None:
    """Each bad contact is refused with the name of what is wrong, and not even its organization is made."""
    assert bob.post("/contacts", body).problem == (422, "invalid", field)
    assert not Contact.objects.exists()
    assert not Organization.objects.exists()


@pytest.mark.parametrize(("body", "field"), [(body, field) for body, field in BAD if body])
def test_a_bad_change_is_refused_likewise(bob: Caller, body: dict[str, Any], field: str) -> None:
    """A PATCH refuses what a POST refuses, and the good fields beside the bad one are not written either."""
    contact = bob.add("Eli", warmness_score=2)
    assert bob.patch(f"/contacts/{contact['id']}", body).problem == (422, "invalid", field)
    assert bob.get(f"/contacts/{contact['id']}").body == contact
    assert not Organization.objects.exists()


@pytest.mark.parametrize("body", [None, [], "Dana", 5])
def test_a_body_must_be_an_object(bob: Caller, body: Any) -> None:
    """JSON that is no object has no field to name."""
    assert bob.post("/contacts", [body]).problem == (422, "invalid", None)


@pytest.mark.parametrize("id", ["x", "0", "-1", "1.5", str(2**63), "9" * 5000])
def test_an_id_must_be_one(bob: Caller, id: str) -> None:
    """What is no number, or too large for the database, is refused and named."""
    assert bob.get(f"/contacts/{id}").problem == (422, "invalid", "id")


def test_the_largest_id_is_one(bob: Caller) -> None:
    """It names no contact, and the database can look for it."""
    assert bob.get(f"/contacts/{2**63 - 1}").problem == (404, "not_found", "id")


def test_a_failed_contact_starts_again(bob: Caller) -> None:
    """A retry gives fresh attempts, and takes the error away."""
    contact = bob.add("Dana", warmness_score=5)
    Contact.objects.update(
        pipedrive_sync_failed=True,
        pipedrive_sync_attempts=3,
        pipedrive_sync_error_code="rejected",
        pipedrive_sync_error_message="Pipedrive refused the e-mail.",
        pipedrive_sync_error_field="email",
    )
    failed = bob.get(f"/contacts/{contact['id']}").body["sync"]
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["error"] == {"code": "rejected", "message": "Pipedrive refused the e-mail.", "field": "email"}
    again = bob.post(f"/contacts/{contact['id']}/retry")
    assert again.status == 200
    assert (again.body["sync"]["state"], again.body["sync"]["attempts"], again.body["sync"]["error"]) == (
        "wanted",
        0,
        None,
    )


def test_a_person_decides_between_candidates(bob: Caller) -> None:
    """The candidates are shown with the error, and the choice starts the contact again."""
    contact = bob.add("Dana", warmness_score=5)
    candidates = [{"pipedrive_id": 7, "name": "Dana"}, {"pipedrive_id": 8, "name": "Dana D."}]
    Contact.objects.update(
        pipedrive_sync_failed=True, pipedrive_sync_error_code="ambiguous", pipedrive_candidates=candidates
    )
    assert bob.get(f"/contacts/{contact['id']}").body["sync"]["candidates"] == candidates
    nobody = bob.post(f"/contacts/{contact['id']}/link", {"pipedrive_id": 9})
    assert nobody.problem == (409, "no_candidate", None)
    linked = bob.post(f"/contacts/{contact['id']}/link", {"pipedrive_id": 8})
    assert (linked.status, linked.body["sync"]["state"]) == (200, "wanted")
    assert Contact.objects.get().pipedrive_chosen_id == 8
    assert bob.post(f"/contacts/{contact['id']}/link", {"create": True}).status == 200
    assert Contact.objects.get().pipedrive_make_new


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"pipedrive_id": 7, "create": True}, None),
        ({"create": False}, None),
        ({"create": 1}, "create"),
        ({"pipedrive_id": 0}, "pipedrive_id"),
        ({"pipedrive_id": "7"}, "pipedrive_id"),
        ({"pipedrive_id": None}, "pipedrive_id"),
        ({"pipedrive_id": 2**63}, "pipedrive_id"),
        ({"id": 7}, "id"),
    ],
)
def test_a_choice_is_one_of_two(bob: Caller, body: Any, field: str | None) -> None:
    """An id or "create", and never both or neither."""
    contact = bob.add("Dana")
    assert bob.post(f"/contacts/{contact['id']}/link", body).problem == (422, "invalid", field)


def test_there_is_no_choice_once_linked(bob: Caller) -> None:
    """A linked contact answers 409 and keeps its person."""
    contact = bob.add("Dana", warmness_score=5)
    Contact.objects.update(pipedrive_person_id=7)
    assert bob.post(f"/contacts/{contact['id']}/link", {"create": True}).problem == (409, "linked_already", None)
    assert bob.get(f"/contacts/{contact['id']}").body["pipedrive_person_id"] == 7
