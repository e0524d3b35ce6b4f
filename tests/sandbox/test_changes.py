"""PATCH, field by field, and the custom field by which a client knows its own records again."""

from typing import Any

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Sandbox

ACTIVITIES = "/api/v2/activities"
UUID = "0b3f2c1e-5a57-4c39-9a0e-6f1d2b7c8d90"
BEGAN, LATER = "2026-01-05T08:00:00Z", "2026-01-05T08:01:30Z"
BOTH = [{"person_id": 1, "primary": False}, {"person_id": 2, "primary": True}]

CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"subject": "Second call"}, {"subject": "Second call"}),
    ({"note": ""}, {"note": ""}),
    ({"type": "meeting"}, {"type": "meeting"}),
    ({"done": True}, {"done": True, "marked_as_done_time": LATER}),
    ({"done": False}, {}),
    ({"due_date": "2026-03-29"}, {"due_date": "2026-03-29"}),
    ({"due_time": "01:30"}, {"due_time": "01:30:00"}),
    ({"owner_id": 2}, {"owner_id": 2}),
    ({"participants": BOTH}, {"participants": BOTH, "person_id": 2}),
    ({"participants": [{"person_id": 2}]}, {"participants": [{"person_id": 2, "primary": True}], "person_id": 2}),
    ({"org_id": 1}, {"org_id": 1}),
    ({}, {}),
]


@pytest.fixture
def activity(alice: httpx.Client, sandbox: Sandbox) -> dict[str, Any]:
    """Return an activity of Robin's as it was answered, in a world with Kim and an organization."""
    sandbox.add("organizations", name="Tidewater Mills")
    for name in ("Robin Vale", "Kim Ode"):
        sandbox.add("persons", name=name)
    body = {
        "subject": "First call",
        "type": "call",
        "note": "They called back.",
        "due_date": "2026-01-31",
        "due_time": "09:30",
        "participants": [{"person_id": 1, "primary": True}],
    }
    made: dict[str, Any] = alice.post(ACTIVITIES, json=body).json()["data"]
    return made


@pytest.mark.parametrize(("sent", "differs"), CHANGES)
def test_a_change_of_an_activity_touches_only_what_is_sent(
    alice: httpx.Client, activity: dict[str, Any], clock: VirtualClock, sent: dict[str, Any], differs: dict[str, Any]
) -> None:
    """The answer, the record by its id and the list agree, and all but the sent fields are as they were."""
    clock.sleep(90)
    changed = alice.patch(f"{ACTIVITIES}/1", json=sent).json()["data"]
    assert changed == activity | differs | {"update_time": LATER}
    assert alice.get(f"{ACTIVITIES}/1").json()["data"] == changed
    assert alice.get(ACTIVITIES, params={"updated_since": LATER}).json()["data"] == [changed]


def test_an_activity_done_keeps_its_time_until_it_is_undone(
    alice: httpx.Client, activity: dict[str, Any], clock: VirtualClock
) -> None:
    """Marking it again does not move the time; unmarking takes it away."""
    seen = []
    for done in (True, True, False, True):
        clock.sleep(60)
        seen.append(alice.patch(f"{ACTIVITIES}/1", json={"done": done}).json()["data"].get("marked_as_done_time"))
    assert seen == ["2026-01-05T08:01:00Z", "2026-01-05T08:01:00Z", None, "2026-01-05T08:04:00Z"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"person_id": 2}, 400),
        ({"participants": [{"person_id": 9}]}, 400),
        ({"owner_id": 3}, 400),
        ({"done": "true"}, 400),
        ({"update_time": LATER}, 400),
    ],
)
def test_a_wrong_change_of_an_activity_leaves_it_alone(
    alice: httpx.Client, activity: dict[str, Any], clock: VirtualClock, body: dict[str, Any], status: int
) -> None:
    """It is refused as a wrong create is, and not even its time changes."""
    clock.sleep(90)
    assert alice.patch(f"{ACTIVITIES}/1", json=body).status_code == status
    assert alice.get(f"{ACTIVITIES}/1").json()["data"] == activity


@pytest.mark.parametrize("kind", ["persons", "organizations"])
def test_a_clients_own_id_is_kept_found_and_changed(alice: httpx.Client, clock: VirtualClock, kind: str) -> None:
    """A text field of one's own, made once, comes back by id, in the list of what changed since, and by search."""
    made = alice.post(
        f"/api/v2/{kind.removesuffix('s')}Fields", json={"field_name": "Warmline ID", "field_type": "varchar"}
    )
    code = made.json()["data"]["field_code"]
    path = f"/api/v2/{kind}"
    alice.post(path, json={"name": "Somebody else"})
    clock.sleep(90)
    alice.post(path, json={"name": "Ours", "custom_fields": {code: UUID}})
    assert alice.get(f"{path}/2").json()["data"]["custom_fields"] == {code: UUID}
    recent = alice.get(path, params={"updated_since": LATER, "custom_fields": code, "limit": "500"}).json()["data"]
    assert [(one["name"], one["custom_fields"]) for one in recent] == [("Ours", {code: UUID})]
    query = {"term": UUID.upper(), "fields": "custom_fields", "exact_match": "true"}
    assert len(alice.get(f"{path}/search", params=query).json()["data"]["items"]) == 1
    clock.sleep(90)
    adopted = alice.patch(f"{path}/1", json={"custom_fields": {code: UUID[::-1]}}).json()["data"]
    assert (adopted["name"], adopted["custom_fields"], adopted["add_time"]) == (
        "Somebody else",
        {code: UUID[::-1]},
        BEGAN,
    )
    assert alice.patch(f"{path}/1", json={"custom_fields": {code: None}}).json()["data"]["custom_fields"] == {}


@pytest.mark.parametrize("kind", ["persons", "organizations", "activities"])
@pytest.mark.parametrize(("ids", "found"), [("1,2,3", [1, 3]), ("3,1", [1, 3]), ("2", []), ("99,3", [3]), ("1,1", [1])])
def test_many_are_fetched_by_their_ids(
    alice: httpx.Client, sandbox: Sandbox, kind: str, ids: str, found: list[int]
) -> None:
    """In one call, without those that are deleted or never were."""
    for _ in range(3):
        alice.post(f"/api/v2/{kind}", json={"subject" if kind == "activities" else "name": "A"})
    alice.delete(f"/api/v2/{kind}/2")
    assert [one["id"] for one in alice.get(f"/api/v2/{kind}", params={"ids": ids}).json()["data"]] == found
