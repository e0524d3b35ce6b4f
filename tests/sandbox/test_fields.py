"""Fields, label options and the accounts of v1."""

import re
from typing import Any

import httpx
import pytest

from warmline.sandbox import World

OPTIONS = "/api/v2/personFields/label_ids/options"


def _labels(client: httpx.Client) -> list[str]:
    field = client.get("/api/v2/personFields/label_ids").json()["data"]
    return [option["label"] for option in field["options"]]


def test_a_new_account_has_no_warm_lead(alice: httpx.Client) -> None:
    """The label is the client's to make."""
    assert _labels(alice) == ["Hot lead", "Customer", "Cold lead"]


def test_options_are_added_all_or_none(alice: httpx.Client) -> None:
    """One wrong option leaves the field as it was; good ones come back with ids that persons can carry."""
    assert alice.post(OPTIONS, json=[{"label": "Warm lead"}, {"label": ""}]).status_code == 400
    assert _labels(alice) == ["Hot lead", "Customer", "Cold lead"]
    added = alice.post(OPTIONS, json=[{"label": "Warm lead"}]).json()["data"]
    assert alice.post("/api/v2/persons", json={"name": "Robin", "label_ids": [added[0]["id"]]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (OPTIONS, [], 400),
        (OPTIONS, {"label": "Warm lead"}, 400),
        (OPTIONS, [{"name": "Warm lead"}], 400),
        ("/api/v2/personFields/name/options", [{"label": "Warm lead"}], 400),
        ("/api/v2/personFields/nothing/options", [{"label": "Warm lead"}], 404),
    ],
)
def test_wrong_options_are_refused(alice: httpx.Client, path: str, body: Any, status: int) -> None:
    """A list of labels, for a field that has some."""
    assert alice.post(path, json=body).status_code == status


def test_v1_is_the_way_where_v2_refuses_labels(alice: httpx.Client, world: World) -> None:
    """With v2 closed, a v1 PUT of all options and the new one adds it; with both closed, nothing does."""
    world.settings.refuse_v2_label_options = True
    refused = alice.post(OPTIONS, json=[{"label": "Warm lead"}])
    assert (refused.status_code, refused.headers["content-type"][:16]) == (403, "application/json")
    field = next(one for one in alice.get("/v1/personFields").json()["data"] if one["key"] == "label_ids")
    changed = alice.put(
        f"/v1/personFields/{field['id']}", json={"options": [*field["options"], {"label": "Warm lead"}]}
    )
    assert [option["label"] for option in changed.json()["data"]["options"]] == _labels(alice)
    assert _labels(alice)[-1] == "Warm lead"
    world.settings.refuse_v1_label_options = True
    assert alice.put(f"/v1/personFields/{field['id']}", json={"options": field["options"]}).status_code == 403


def test_a_careless_v1_put_loses_the_other_labels(alice: httpx.Client) -> None:
    """The options sent are all that stay: the trap is there to be avoided."""
    alice.put("/v1/personFields/4", json={"options": [{"label": "Warm lead"}]})
    assert _labels(alice) == ["Warm lead"]


def test_a_v1_put_cannot_invent_an_id(alice: httpx.Client) -> None:
    """An option with an id must be one that is there."""
    assert alice.put("/v1/personFields/4", json={"options": [{"id": 7, "label": "Warm lead"}]}).status_code == 400


def test_a_field_name_may_come_twice(alice: httpx.Client, world: World) -> None:
    """Two fields of one name differ in their 40-hex code only: nothing saves a client from a second one."""
    body = {"field_name": "Sector", "field_type": "varchar"}
    codes = [alice.post("/api/v2/organizationFields", json=body).json()["data"]["field_code"] for _ in range(2)]
    assert len(set(codes)) == 2
    assert all(re.fullmatch("[0-9a-f]{40}", code) for code in codes)
    assert [field["field_name"] for field in world.fields["organizations"]].count("Sector") == 2


@pytest.mark.parametrize(
    "body",
    [
        {"field_name": "Sector"},
        {"field_name": "Sector", "field_type": "string"},
        {"field_name": "Sector", "field_type": "enum"},
        {"field_name": "x" * 256, "field_type": "varchar"},
    ],
)
def test_a_wrong_field_is_refused(alice: httpx.Client, body: dict[str, str]) -> None:
    """A field needs a name of at most 255 characters, a known type, and options where it chooses."""
    assert alice.post("/api/v2/personFields", json=body).status_code == 400


def test_an_account_may_refuse_new_fields(alice: httpx.Client, world: World) -> None:
    """A missing right is a 403 in JSON, which is no block by Cloudflare."""
    world.settings.refuse_new_fields = True
    refused = alice.post("/api/v2/personFields", json={"field_name": "Sector", "field_type": "varchar"})
    assert (refused.status_code, refused.json()["code"]) == (403, "ERR_FORBIDDEN")


def test_me_knows_the_company(alice: httpx.Client) -> None:
    """The token's owner comes with the company's name and domain."""
    me = alice.get("/v1/users/me").json()["data"]
    assert (me["email"], me["company_name"], me["company_domain"]) == (
        "alice@example.com",
        "Alder & Finch Consulting",
        "alderfinch",
    )


def test_users_are_listed_with_whether_they_are_active(alice: httpx.Client) -> None:
    """Carol has left, and is still listed."""
    users = alice.get("/api/v1/users").json()["data"]
    assert {user["email"]: user["active_flag"] for user in users} == {
        "alice@example.com": True,
        "bob@example.com": True,
        "carol@example.com": False,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"term": "finch"}, ["bob@example.com"]),
        ({"term": "finch", "search_by_email": "1"}, []),
        ({"term": "BOB@example.com", "search_by_email": "1"}, ["bob@example.com"]),
        ({"term": "carol"}, []),
    ],
)
def test_users_are_found_by_name_or_email(alice: httpx.Client, query: dict[str, str], found: list[str]) -> None:
    """Only active users are found."""
    users = alice.get("/v1/users/find", params=query).json()["data"]
    assert [user["email"] for user in users] == found


def test_an_inactive_activity_type_is_listed_as_such(alice: httpx.Client, world: World) -> None:
    """Types are switched off, not removed."""
    world.set_activity_type_active("lunch", active=False)
    types = alice.get("/v1/activityTypes").json()["data"]
    assert {one["key_string"]: one["active_flag"] for one in types} == {
        "call": True,
        "meeting": True,
        "task": True,
        "deadline": True,
        "email": True,
        "lunch": False,
    }
