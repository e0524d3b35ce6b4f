"""`ETag` and `If-Match`: who changes an old state is told, and overwrites nobody."""

import json
from typing import Any

import pytest
from api.caller import Caller

from warmline.api.urls import api
from warmline.crm.models import Contact, Organization

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("contacts", {"name": "Eli"}),
    ("contacts", {"email": "eli@example.org"}),
    ("contacts", {"phone": "2"}),
    ("contacts", {"warmness_score": 7}),
    ("contacts", {"organization": {"name": "Beta"}}),
    ("contacts", {"organization": None}),
    ("contacts", {"organization": {"name": "Acme", "country": "DE"}}),
    ("organizations", {"name": "Beta"}),
    ("organizations", {"sector": "Food"}),
    ("organizations", {"country": "DE"}),
    ("activities", {"type": "EMAIL"}),
    ("activities", {"subject": "Price"}),
    ("activities", {"note": "n"}),
    ("activities", {"due_date": "2999-01-02"}),
    ("activities", {"due_time": "10:00"}),
    ("activities", {"done": True}),
]


@pytest.fixture
def ids(bob: Caller) -> dict[str, int]:
    """Return the id of a row of each kind."""
    contact = bob.add("Dana", organization={"name": "Acme"}, warmness_score=5)
    activity = bob.log(contact["id"], due_date="2999-01-01")
    return {"contacts": contact["id"], "organizations": contact["organization"]["id"], "activities": activity["id"]}


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_the_tag_changes_with_whatever_a_patch_can_change(
    bob: Caller, ids: dict[str, int], kind: str, change: dict[str, Any]
) -> None:
    """A change with the tag is made, and the same with the old tag refused; the state is then that of the first."""
    path = f"/{kind}/{ids[kind]}"
    old = bob.get(path).headers["ETag"]
    assert old.startswith('"')
    changed = bob.patch(path, change, if_match=old)
    assert changed.status == 200
    assert changed.headers["ETag"] == bob.get(path).headers["ETag"] != old
    refused = bob.patch(path, change, if_match=old)
    assert refused.problem == (412, "changed", "If-Match")
    assert "ETag" not in refused.headers


def test_the_sync_changes_no_tag(bob: Caller, ids: dict[str, int]) -> None:
    """A row's state and its record's id are not PATCH's to change."""
    path = f"/contacts/{ids['contacts']}"
    tag = bob.get(path).headers["ETag"]
    Contact.objects.update(pipedrive_person_id=7, pipedrive_sync_attempts=2)
    Organization.objects.update(pipedrive_org_id=8)
    assert bob.get(path).headers["ETag"] == tag


def test_all_forms_of_if_match(bob: Caller, ids: dict[str, int]) -> None:
    """A list, and `*`, are as in HTTP; a weak tag matches nothing, nor does what is no tag."""
    path = f"/contacts/{ids['contacts']}"
    tag = bob.get(path).headers["ETag"]
    for good in (tag, "*", f'"other", {tag}', f'{tag},W/"x"', " * "):
        assert bob.patch(path, {}, if_match=good).status == 200
    for bad in (f"W/{tag}", '"other"', tag.strip('"'), "", '"', f'"other", W/{tag}'):
        assert bob.patch(path, {"name": "Eli"}, if_match=bad).status == 412
    assert bob.get(path).body["name"] == "Dana"
    assert bob.patch("/contacts/999", {}, if_match="*").problem == (404, "not_found", "id")


def test_answers_that_make_or_change_a_row_have_it(bob: Caller) -> None:
    """POST, PUT and the calls that retry tell it, so that nobody has to read the row first."""
    made = bob.post("/contacts", {"name": "Dana"})
    path = f"/contacts/{made.body['id']}"
    put = bob.put("/contacts/external/form/1", {"name": "Eli"})
    assert made.headers["ETag"] == bob.get(path).headers["ETag"] == bob.post(f"{path}/retry").headers["ETag"]
    assert put.headers["ETag"] == bob.get("/contacts/external/form/1").headers["ETag"]


def test_answers_are_not_compressed(bob: Caller) -> None:
    """A proxy is told to leave them as they are: a compressed one has a weak tag."""
    for answer in (bob.get("/contacts"), bob.post("/contacts", {}), bob.get("/contacts/1")):
        assert "no-transform" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers


def test_the_document_names_the_header() -> None:
    """It does wherever a call can be refused because of it: a change, and the deletion of an activity."""
    paths: Any = json.loads(json.dumps(api.get_openapi_schema()))["paths"]
    calls = [(path, method, call) for path, item in paths.items() for method, call in item.items()]
    naming = {
        (path, method)
        for path, method, call in calls
        if "If-Match" in {one["name"] for one in call.get("parameters", [])}
    }
    assert naming == {(path, method) for path, method, call in calls if "412" in call["responses"]}
    assert ("/api/activities/{id}", "delete") in naming
