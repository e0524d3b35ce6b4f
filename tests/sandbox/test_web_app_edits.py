"""People at work in Pipedrive's own pages, and what a merge does, by hand or through v1."""

from typing import Any, Literal

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, World
from warmline.sandbox.answers import Refused

PERSONS = "/api/v2/persons"
BEGAN, LATER = "2026-01-05T08:00:00Z", "2026-01-05T08:01:30Z"


def _mail(*addresses: str) -> list[dict[str, Any]]:
    return [{"value": one, "primary": one == addresses[0], "label": "work"} for one in addresses]


@pytest.fixture(params=["by hand", "v1"])
def merge(request: pytest.FixtureRequest, alice: httpx.Client, sandbox: Sandbox) -> Any:
    """Return both ways to merge, by hand and through v1, which do the same."""

    def by_call(kind: str, loser_id: int, winner_id: int) -> None:
        answer = alice.put(f"/v1/{kind}/{loser_id}/merge", json={"merge_with_id": winner_id})
        assert answer.status_code == 200
        assert answer.json()["data"]["id"] == winner_id

    return sandbox.people.merge if request.param == "by hand" else by_call


def test_deeds_cost_nothing_and_meet_no_fault(sandbox: Sandbox, world: World) -> None:
    """Colleagues work on in their own pages while the API is down, and the log of calls stays empty."""
    sandbox.faults.add(Fault(kind="outage"))
    world.settings.daily_budget = 0
    sandbox.people.add("persons", name="Robin Vale")
    sandbox.people.change("persons", 1, name="Robin Moor")
    sandbox.people.delete("persons", 1)
    assert (world.persons[1]["name"], world.persons[1]["is_deleted"]) == ("Robin Moor", True)
    assert (world.calls, world.tokens_spent) == ([], 0)


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("add", {"kind": "persons", "name": ""}),
        ("change", {"kind": "persons", "id": 1, "owner_id": 3}),
        ("change", {"kind": "persons", "id": 9, "name": "Robin"}),
        ("delete", {"kind": "activities", "id": 9}),
        ("merge", {"kind": "persons", "loser_id": 1, "winner_id": 1}),
        ("merge", {"kind": "persons", "loser_id": 1, "winner_id": 9}),
        ("merge", {"kind": "organizations", "loser_id": 9, "winner_id": 1}),
        ("rename_label", {"old": "Warm lead", "new": "Warm"}),
        ("set_user_active", {"user_id": 9, "active": False}),
        ("set_activity_type_active", {"key": "yodel", "active": False}),
    ],
)
def test_a_deed_that_cannot_be_done_changes_nothing(sandbox: Sandbox, deed: str, how: dict[str, Any]) -> None:
    """A wrong value or a record that is not there is refused, as by the API."""
    sandbox.add("persons", name="Robin Vale")
    before = repr(vars(sandbox.world))
    with pytest.raises(Refused):
        getattr(sandbox.people, deed)(**how)
    assert repr(vars(sandbox.world)) == before


def test_a_record_made_by_hand_belongs_to_somebody_active(sandbox: Sandbox) -> None:
    """With Alice out, Bob makes it."""
    sandbox.people.set_user_active(1, active=False)
    assert sandbox.add("persons", name="Robin Vale")["owner_id"] == 2


def test_a_user_shut_out_and_let_in_again(alice: httpx.Client, sandbox: Sandbox) -> None:
    """The token stops working, and works again; nobody inactive can be given a record."""
    sandbox.people.set_user_active(1, active=False)
    assert alice.get("/v1/users/me").status_code == 401
    sandbox.people.set_user_active(1, active=True)
    sandbox.people.set_user_active(2, active=False)
    assert alice.post(PERSONS, json={"name": "Robin", "owner_id": 2}).status_code == 400


def test_an_activity_type_switched_off(alice: httpx.Client, sandbox: Sandbox) -> None:
    """New activities cannot have it, while those that have it can still be changed."""
    sandbox.add("activities", type="lunch")
    sandbox.people.set_activity_type_active("lunch", active=False)
    assert alice.post("/api/v2/activities", json={"type": "lunch"}).status_code == 400
    assert alice.patch("/api/v2/activities/1", json={"done": True}).json()["data"]["type"] == "lunch"


@pytest.mark.parametrize(("kind", "label"), [("persons", "Customer"), ("organizations", "Partner")])
def test_a_renamed_label_keeps_its_id(
    alice: httpx.Client, sandbox: Sandbox, kind: Literal["persons", "organizations"], label: str
) -> None:
    """Who carries it goes on carrying it, under the new name, and is not changed by that."""
    field = f"/api/v2/{kind.removesuffix('s')}Fields/label_ids"
    before = {one["label"]: one["id"] for one in alice.get(field).json()["data"]["options"]}
    sandbox.people.rename_label(label, "Friend", kind=kind)
    after = {one["label"]: one["id"] for one in alice.get(field).json()["data"]["options"]}
    assert after["Friend"] == before[label]
    assert set(before) - set(after) == {label}


def test_a_merged_person_has_the_best_of_both(
    merge: Any, alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock
) -> None:
    """The winner's id and values stay, the loser's fill the gaps, and labels, e-mails and phones are united."""
    codes = [
        alice.post("/api/v2/personFields", json={"field_name": name, "field_type": "varchar"}).json()["data"][
            "field_code"
        ]
        for name in ("Warmline ID", "Tier")
    ]
    organization = sandbox.add("organizations", name="Tidewater Mills")
    sandbox.add(
        "persons", name="Robin Vale", emails=_mail("robin@example.com", "r@example.org"), label_ids=[11],
        custom_fields={codes[0]: "theirs"}, job_title="",
    )  # fmt: skip
    sandbox.add(
        "persons", name="R. Vale", emails=_mail("ROBIN@example.com", "vale@example.net"), label_ids=[12, 11],
        phones=[{"value": "+372 555 0101"}], org_id=organization["id"], job_title="Miller",
        custom_fields={codes[0]: "ours", codes[1]: "A"}, owner_id=2,
    )  # fmt: skip
    clock.sleep(90)
    merge("persons", 2, 1)
    person = alice.get(f"{PERSONS}/1").json()["data"]
    assert (person["name"], person["first_name"], person["last_name"]) == ("Robin Vale", "Robin", "Vale")
    assert (person["owner_id"], person["org_id"], person["job_title"]) == (1, 1, "Miller")
    assert [(one["value"], one["primary"]) for one in person["emails"]] == [
        ("robin@example.com", True),
        ("r@example.org", False),
        ("vale@example.net", False),
    ]
    assert person["phones"] == [{"value": "+372 555 0101", "primary": True, "label": "work"}]
    assert person["label_ids"] == [11, 12]
    assert person["custom_fields"] == {codes[0]: "theirs", codes[1]: "A"}
    assert (person["add_time"], person["update_time"]) == (BEGAN, LATER)


def test_a_loser_is_gone_like_any_deleted_record(merge: Any, alice: httpx.Client, sandbox: Sandbox) -> None:
    """Its id answers 404 and is in no list or search; the setting shows it as deleted."""
    for name in ("Robin Vale", "Robin V."):
        sandbox.add("persons", name=name)
    merge("persons", 1, 2)
    assert [one["id"] for one in alice.get(PERSONS, params={"ids": "1,2"}).json()["data"]] == [2]
    found = alice.get(f"{PERSONS}/search", params={"term": "robin"}).json()["data"]["items"]
    assert [hit["item"]["id"] for hit in found] == [2]
    answers = [alice.get(f"{PERSONS}/1"), alice.patch(f"{PERSONS}/1", json={"name": "Robin"})]
    answers.append(alice.put("/v1/persons/1/merge", json={"merge_with_id": 2}))
    assert [one.status_code for one in answers] == [404, 404, 404]
    sandbox.world.settings.show_deleted = True
    assert alice.get(f"{PERSONS}/1").json()["data"]["is_deleted"] is True


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([(1, True)], [(2, True)]),
        ([(2, True)], [(2, True)]),
        ([(3, True), (1, False)], [(3, True), (2, False)]),
        ([(1, True), (2, False)], [(2, True)]),
        ([(2, True), (1, False), (3, False)], [(2, True), (3, False)]),
    ],
)
def test_a_losers_activities_move_to_the_winner(
    merge: Any, sandbox: Sandbox, clock: VirtualClock, before: list[tuple[int, bool]], after: list[tuple[int, bool]]
) -> None:
    """Nobody takes part twice, the primary place goes over, and only what moved has changed."""
    for name in ("Robin Vale", "Robin V.", "Kim Ode"):
        sandbox.add("persons", name=name)
    sandbox.add("activities", participants=[{"person_id": one, "primary": primary} for one, primary in before])
    clock.sleep(90)
    merge("persons", 1, 2)
    activity = sandbox.world.activities[1]
    assert [(one["person_id"], one["primary"]) for one in activity["participants"]] == after
    assert activity["person_id"] == next(one for one, primary in after if primary)
    assert activity["update_time"] == (BEGAN if before == after else LATER)


def test_a_merged_organization_brings_its_people_and_activities(
    merge: Any, alice: httpx.Client, sandbox: Sandbox, world: World, clock: VirtualClock
) -> None:
    """They belong to the winner, which has taken the address and labels it did not have."""
    sandbox.add("organizations", name="Tidewater Mills", address={"value": "1 Harbour Street"}, label_ids=[21])
    sandbox.add("organizations", name="Tidewater Ltd", label_ids=[22])
    for organization in (1, 2):
        sandbox.add("persons", name="Robin Vale", org_id=organization)
        sandbox.add("activities", org_id=organization)
    clock.sleep(90)
    merge("organizations", 1, 2)
    winner = alice.get("/api/v2/organizations/2").json()["data"]
    assert (winner["name"], winner["address"], winner["label_ids"]) == (
        "Tidewater Ltd",
        {"value": "1 Harbour Street"},
        [22, 21],
    )
    for moved in (world.persons, world.activities):
        assert [(one["org_id"], one["update_time"]) for one in moved.values()] == [(2, LATER), (2, BEGAN)]
    assert world.organizations[1]["is_deleted"] is True


@pytest.mark.parametrize("body", [{}, {"merge_with_id": "1"}, {"merge_with_id": 2}, {"merge_with_id": 1, "x": 1}])
def test_a_wrong_merge_is_refused(alice: httpx.Client, sandbox: Sandbox, body: dict[str, Any]) -> None:
    """The other record's number is needed, as a number, and must not be one's own."""
    for name in ("Robin Vale", "Robin V."):
        sandbox.add("persons", name=name)
    assert alice.put("/api/v1/persons/2/merge", json=body).status_code == 400
    assert not sandbox.world.persons[2]["is_deleted"]
