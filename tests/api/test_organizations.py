"""Organizations as JSON: they belong to the team."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.crm.models import Contact, Organization


@pytest.fixture
def acme(bob: Caller) -> Any:
    """Return Acme, which Bob's warm contact made."""
    return bob.add("Dana", organization={"name": "Acme", "sector": "Energy"}, warmness_score=5)["organization"]


def test_everyone_sees_and_changes_them(charlie: Caller, acme: Any) -> None:
    """Charlie sees the organization of Bob's contact, and gives it a country."""
    seen = charlie.get(f"/organizations/{acme['id']}")
    assert seen.status == 200
    assert seen.body.pop("sync")["state"] == "wanted"
    assert seen.body == {**acme, "external_ids": []}
    changed = charlie.patch(f"/organizations/{acme['id']}", {"country": "DE", "sector": None})
    assert (changed.status, changed.body["country"], changed.body["sector"]) == (200, "DE", None)
    assert changed.body["name"] == "Acme"


def test_an_empty_change_changes_nothing(charlie: Caller, acme: Any) -> None:
    """A PATCH of nothing answers the row."""
    assert charlie.patch(f"/organizations/{acme['id']}", {}).body["sector"] == "Energy"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "A\x00"}, "name"),
        ({"name": "BETA "}, "name"),
        ({"sector": 5}, "sector"),
        ({"country": "D\nE"}, "country"),
        ({"pipedrive_org_id": 5}, "pipedrive_org_id"),
    ],
)
def test_a_bad_change_names_its_field(bob: Caller, acme: Any, body: Any, field: str) -> None:
    """What is not valid is refused, another organization's name in another spelling included."""
    bob.add("Eli", organization={"name": "Beta"})
    assert bob.patch(f"/organizations/{acme['id']}", body).problem == (422, "invalid", field)
    assert Organization.objects.get(pk=acme["id"]).name == "Acme"


def test_a_missing_one_is_not_found(bob: Caller) -> None:
    """An id of none answers 404."""
    assert bob.get("/organizations/1").problem == (404, "not_found", "id")


def test_a_failed_one_starts_again_with_its_contacts(bob: Caller, acme: Any) -> None:
    """A retry gives fresh attempts to the organization, and to the contacts that failed because of it."""
    Organization.objects.update(pipedrive_sync_failed=True, pipedrive_sync_error_code="rejected")
    Contact.objects.update(pipedrive_sync_failed=True, pipedrive_sync_error_code="organization_failed")
    again = bob.post(f"/organizations/{acme['id']}/retry")
    assert (again.status, again.body["sync"]["state"]) == (200, "wanted")
    assert not Contact.objects.get().pipedrive_sync_failed


def test_a_person_says_which_one_it_is(charlie: Caller, acme: Any) -> None:
    """A choice is remembered until the organization is linked, and refused from then on."""
    address = f"/organizations/{acme['id']}/link"
    assert charlie.post(address, {"create": True}).problem == (409, "no_candidate", None)
    Organization.objects.update(pipedrive_candidates=[{"pipedrive_id": 9, "name": "Acme"}])
    assert charlie.post(address, {"pipedrive_id": 9}).status == 200
    assert Organization.objects.get().pipedrive_chosen_id == 9
    Organization.objects.update(pipedrive_org_id=9)
    assert charlie.post(address, {"create": True}).problem == (409, "linked_already", None)
