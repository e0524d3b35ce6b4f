"""Webhooks by the API: added, listed and deleted by admins."""

import pytest
from api.caller import Caller

from warmline.webhooks.models import Endpoint

HOOK = {"url": "https://example.com/hook", "events": ["contact.synced", "audit.done"]}


def test_the_life_of_one(alice: Caller) -> None:
    """Its secret is told once."""
    made = alice.post("/webhooks", HOOK)
    assert made.status == 201
    assert made.body.pop("secret").startswith("whsec_")
    assert made.body == {"id": made.body["id"], "created_at": made.body["created_at"], "off_because": None, **HOOK}
    assert alice.get("/webhooks").body == {"items": [made.body]}
    deleted = alice.delete(f"/webhooks/{made.body['id']}")
    assert (deleted.status, deleted.body) == (204, None)
    assert alice.delete(f"/webhooks/{made.body['id']}").problem == (404, "not_found", "id")


def test_the_secret_comes_again_with_the_same_key(alice: Caller) -> None:
    """An answer that was lost is answered again, and adds no second webhook."""
    first, again = (alice.post("/webhooks", HOOK, key="k") for _ in range(2))
    assert first.body == again.body
    assert Endpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "nowhere"}, "url"),
        ({"url": "https://user:secret@example.com"}, "url"),
        ({"url": 5}, "url"),
        ({"events": []}, "events"),
        ({"events": ["contact.gone"]}, "events.0"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_is_not_valid(alice: Caller, change: dict[str, object], field: str) -> None:
    """It is named, and nothing is added."""
    assert alice.post("/webhooks", {**HOOK, **change}).problem == (422, "invalid", field)
    assert not Endpoint.objects.exists()
