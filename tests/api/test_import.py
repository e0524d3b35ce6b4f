"""Adding many contacts with one call: each row has its outcome, and the shape of all is checked first."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.crm.models import Contact


def test_each_row_has_its_outcome_in_order(bob: Caller) -> None:
    """Added, known, or invalid with its messages; the contacts are the caller's and wanted like any other."""
    known = bob.add("Dana", email="dana@example.org")
    rows = [
        {"name": "Eli", "email": None, "organization": {"name": "Acme", "country": None}, "warmness_score": 5},
        {"name": "Dana Diaz", "email": "DANA@example.org"},
        {"name": " ", "warmness_score": 11, "organization": None},
        {"name": "Fay", "organization": {"name": "x" * 256}},
    ]
    answer = bob.post("/contacts/import", {"contacts": rows})
    assert answer.status == 200
    added, same, bad, worse = answer.body["outcomes"]
    assert (added["result"], added["errors"]) == ("added", {})
    assert same == {"result": "known", "contact_id": known["id"], "errors": {}, "left_out": {}}
    assert (bad["result"], bad["contact_id"], bad["errors"].keys()) == ("invalid", None, {"name", "warmness_score"})
    assert worse["errors"].keys() == {"organization.name"}
    contact = bob.get(f"/contacts/{added['contact_id']}").body
    assert (contact["name"], contact["organization"]["name"], contact["sync"]["state"]) == ("Eli", "Acme", "wanted")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contacts"),
        ({"contacts": {}}, "contacts"),
        ({"contacts": [{"name": "Dana"}, {"name": "Eli", "owner": 1}]}, "contacts.1.owner"),
        ({"contacts": [{"name": "Dana"}, {"email": "eli@example.org"}]}, "contacts.1.name"),
        ({"contacts": [{"name": f"Dana {number}"} for number in range(1001)]}, "contacts"),
    ],
)
def test_what_has_not_the_shape_is_refused_as_a_whole(bob: Caller, body: Any, field: str) -> None:
    """A program that sends what nobody knows is told, before anything is added."""
    assert bob.post("/contacts/import", body).problem == (422, "invalid", field)
    assert not Contact.objects.exists()


def test_no_rows_are_no_error(bob: Caller) -> None:
    """An empty list has no outcomes."""
    assert bob.post("/contacts/import", {"contacts": []}).body == {"outcomes": []}
