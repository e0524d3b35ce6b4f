"""Many calls in one request: in order, each by itself, and safe to send again."""

from typing import Any

import pytest
from api.caller import Caller

from warmline.api import batch
from warmline.crm.models import Contact
from warmline.crm.signals import contacts_warmed


def call(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Return an item."""
    return {"method": method, "path": path, **({} if body is None else {"body": body})}


def test_the_answers_come_in_order(bob: Caller) -> None:
    """Each is what the call by itself would have been answered; a later one sees what an earlier one did."""
    items = [
        call("PUT", "/api/contacts/external/form/a%2Fb", {"name": "Dana"}),
        call("GET", "/api/contacts/external/form/a%2Fb"),
        call("POST", "/activities", {"type": "CALL", "contact_id": 10**9}),
        call(
            "PUT",
            "/api/activities/external/form/1",
            {"type": "CALL", "contact_external": {"source": "form", "id": "a/b"}},
        ),
        call("GET", "/api/contacts?limit=1&warm=false"),
        call("DELETE", "/api/contacts"),
    ]
    answer = bob.post("/batch", {"items": items})
    assert answer.status == 200
    assert [item["status"] for item in answer.body["items"]] == [201, 200, 404, 201, 200, 405]
    assert answer.body["items"][1]["body"] == bob.get("/contacts/external/form/a%2Fb").body
    assert [item["name"] for item in answer.body["items"][4]["body"]["items"]] == ["Dana"]


@pytest.mark.parametrize(
    ("item", "status", "field"),
    [
        ("GET /contacts", 422, None),
        (None, 422, None),
        ({}, 422, "method"),
        (call("TRACE", "/contacts"), 422, "method"),
        ({"method": "GET"}, 422, "path"),
        ({**call("GET", "/contacts"), "headers": {}}, 422, "headers"),
        (call("GET", "/contacts" + "x" * 5000), 422, "path"),
        (call("POST", "/api/batch", {"items": []}), 422, "path"),
        (call("POST", "/api/contacts/import", {"contacts": []}), 422, "path"),
        (call("POST", "/api/contacts/import?x=1", {"contacts": []}), 422, "path"),
        (call("POST", "/api/contacts/%69mport", {"contacts": []}), 422, "path"),
        (call("GET", "/sign-in"), 404, None),
        (call("GET", "//contacts"), 404, None),
        (call("GET", "/api/docs"), 404, None),
        (call("GET", "/api/openapi.json"), 404, None),
        (call("GET", "/contacts/\u0000"), 404, None),
        (call("GET", "https://example.com/api/contacts"), 404, None),
        (call("POST", "/contacts", {"name": ""}), 422, "name"),
        (call("POST", "/contacts"), 422, None),
        (call("POST", "/contacts", "Dana"), 422, None),
        (call("PATCH", "/contacts/1000000", {"name": "Eli"}), 404, "id"),
    ],
)
def test_one_bad_item_harms_no_other(bob: Caller, item: Any, status: int, field: str | None) -> None:
    """It is refused in the one shape, and those around it are done."""
    good = call("POST", "/api/contacts", {"name": "Dana"})
    answer = bob.post("/batch", {"items": [good, item, good]})
    assert [each["status"] for each in answer.body["items"]] == [201, status, 201]
    assert answer.body["items"][1]["body"]["error"]["field"] == field
    assert Contact.objects.count() == 2


def test_one_that_breaks_harms_no_other(bob: Caller) -> None:
    """A fault of ours is told as a 500 of that item."""

    def fail(**_: Any) -> None:
        raise RuntimeError

    contacts_warmed.connect(fail)
    try:
        items = [call("POST", "/contacts", {"name": "Dana", "warmness_score": score}) for score in (0, 9, 0)]
        answer = bob.post("/batch", {"items": items}, key="k")
    finally:
        contacts_warmed.disconnect(fail)
    assert [each["status"] for each in answer.body["items"]] == [201, 500, 201]
    assert [each["status"] for each in bob.post("/batch", {"items": items}, key="k").body["items"]] == [201, 201, 201]
    assert Contact.objects.count() == 3


def test_it_is_safe_to_send_again(bob: Caller) -> None:
    """With a key, each call has one of its own: what was done is answered as before, the rest is done."""
    items = [call("POST", "/contacts", {"name": f"Contact {number}"}) for number in range(5)]
    first = bob.post("/batch", {"items": items[:3]}, key="k").body["items"]
    whole = bob.post("/batch", {"items": items}, key="k").body["items"]
    assert whole[:3] == first
    assert [each["status"] for each in whole] == [201] * 5
    assert Contact.objects.count() == 5
    other = bob.post("/batch", {"items": items[1:]}, key="k").body["items"]
    assert {each["body"]["error"]["code"] for each in other} == {"key_reused"}
    assert bob.post("/contacts", {"name": "Contact 0"}, key="k").status == 201  # a key beside a batch is another one
    assert bob.post("/batch", {"items": items}, key="").problem == (422, "invalid", "Idempotency-Key")


def test_its_size_has_an_end(bob: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 1000 items; and lists that would make the answer too long are left out, changes are not."""
    assert bob.post("/batch", {"items": [None] * 1001}).problem == (422, "invalid", "items")
    assert len(bob.post("/batch", {"items": [None] * 1000}).body["items"]) == 1000
    monkeypatch.setattr(batch, "LONGEST_ANSWER", 10)
    items = [call("GET", "/contacts"), call("GET", "/contacts"), call("POST", "/contacts", {"name": "Dana"})]
    assert [each["status"] for each in bob.post("/batch", {"items": items}).body["items"]] == [200, 413, 201]
