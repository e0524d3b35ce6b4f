"""Persons, organizations and activities, called in process: what is accepted, refused, listed and left out."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from virtual_clock import VirtualClock

from warmline.sandbox import Sandbox, World, shapes
from warmline.sandbox.answers import Request

READ_ONLY = "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead."
ALICE, BOB, CAROL, NOBODY = 1, 2, 3, 99


def test_a_person_comes_back_as_it_was_sent(alice: httpx.Client, sandbox: Sandbox) -> None:
    """A create answers the stored record, with ids, times and what Pipedrive works out itself."""
    sandbox.add("organizations", name="Tidewater Mills")
    sent = {"name": "Robin Anne Vale", "owner_id": BOB, "org_id": 1, "emails": [{"value": "robin@example.com"}]}
    response = alice.post("/api/v2/persons", json=sent)
    assert response.json() == {
        "success": True,
        "data": {
            "id": 1,
            "name": "Robin Anne Vale",
            "first_name": "Robin Anne",
            "last_name": "Vale",
            "owner_id": BOB,
            "org_id": 1,
            "add_time": "2026-01-05T08:00:00Z",
            "update_time": "2026-01-05T08:00:00Z",
            "emails": [{"value": "robin@example.com", "primary": True, "label": "work"}],
            "phones": [],
            "is_deleted": False,
            "visible_to": 3,
            "label_ids": [],
            "custom_fields": {},
        },
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "Robin", "owner_id": "1"}, "owner_id"),
        ({"name": "Robin", "owner_id": True}, "owner_id"),
        ({"name": "Robin", "owner_id": None}, "owner_id"),
        ({"name": "Robin", "owner_id": NOBODY}, "owner_id"),
        ({"name": "Robin", "owner_id": CAROL}, "owner_id"),
        ({"name": "Robin", "org_id": 5}, "org_id"),
        ({"name": "Robin", "label_ids": [21]}, "label_ids"),
        ({"name": "Robin", "label_ids": 11}, "label_ids"),
        ({"name": "Robin", "emails": ["robin@example.com"]}, "emails.0"),
        ({"name": "Robin", "emails": [{"primary": True}]}, "emails.0.value"),
        ({"name": "Robin", "emails": [{"value": "a@example.com", "primary": 1}]}, "emails.0.primary"),
        ({"name": "Robin", "add_time": "2026-01-05 08:00:00"}, "add_time"),
        ({"name": "Robin", "add_time": "2026-02-30T08:00:00Z"}, "add_time"),
        ({"name": "Robin", "surname": "Vale"}, "surname"),
        ({"name": "Robin", "custom_fields": {"f" * 40: "x"}}, f"custom_fields.{'f' * 40}"),
    ],
)
def test_a_wrong_person_is_refused_by_field(
    alice: httpx.Client, world: World, body: dict[str, Any], field: str
) -> None:
    """v2 checks types, references and names strictly; the message names the field, and nothing is stored."""
    response = alice.post("/api/v2/persons", json=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"Validation failed: {field}: ")
    assert not world.persons


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"Robin"', b"null", b"\xff"])
def test_a_body_must_be_a_json_object(alice: httpx.Client, body: bytes) -> None:
    """Anything but an object answers 400, never a crash."""
    assert alice.post("/api/v2/persons", content=body).status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Mills", "industry": "Software"}, "industry"),
        ({"name": "Mills", "industry": 11}, "industry"),
        ({"name": "Mills", "address": "1 Harbour Street"}, "address"),
        ({"name": "Mills", "address": {"value": 1}}, "address.value"),
        ({"name": "Mills", "label_ids": [11]}, "label_ids"),
    ],
)
def test_a_wrong_organization_is_refused_by_field(alice: httpx.Client, body: dict[str, Any], field: str) -> None:
    """An industry is an option's id, an address an object of strings, and labels are those of organizations."""
    response = alice.post("/api/v2/organizations", json=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"Validation failed: {field}: ")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "yodel"}, "type"),
        ({"type": "lunch"}, "type"),
        ({"participants": [{"person_id": 9, "primary": True}]}, "participants.0.person_id"),
        ({"participants": [{"person_id": 1, "primary": True}, {"person_id": 2, "primary": True}]}, "participants"),
        ({"due_date": "05.01.2026"}, "due_date"),
        ({"due_date": "2026-02-30"}, "due_date"),
        ({"due_time": "24:00"}, "due_time"),
        ({"due_time": 900}, "due_time"),
        ({"done": "true"}, "done"),
        ({"user_id": 1}, "user_id"),
        ({"deal_id": 1}, "deal_id, lead_id, project_id"),
    ],
)
def test_a_wrong_activity_is_refused_by_field(
    alice: httpx.Client, sandbox: Sandbox, body: dict[str, Any], field: str
) -> None:
    """Types, people, dates and the names of v1 are refused; an inactive type is no type."""
    sandbox.world.set_activity_type_active("lunch", active=False)
    sandbox.add("persons", name="Robin Vale")
    sandbox.add("persons", name="Kim Ode")
    response = alice.post("/api/v2/activities", json=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"Validation failed: {field}: ")


def test_the_person_of_an_activity_is_read_only(alice: httpx.Client, sandbox: Sandbox) -> None:
    """The refusal that broke other integrations is worded exactly as Pipedrive words it."""
    sandbox.add("persons", name="Robin Vale")
    response = alice.post("/api/v2/activities", json={"subject": "Call", "person_id": 1})
    assert response.status_code == 400
    assert response.json() == {"success": False, "error": READ_ONLY, "code": "ERR_BAD_REQUEST"}


def test_an_activity_belongs_to_its_primary_participant(alice: httpx.Client, sandbox: Sandbox) -> None:
    """`person_id` is worked out from the participants, and the list's filter looks at nobody else."""
    for name in ("Robin Vale", "Kim Ode"):
        sandbox.add("persons", name=name)
    people = [{"person_id": 1}, {"person_id": 2, "primary": True}]
    made = alice.post("/api/v2/activities", json={"subject": "Call", "due_time": "09:30", "participants": people})
    assert made.json()["data"]["person_id"] == 2
    assert made.json()["data"]["due_time"] == "09:30:00"
    found = {person: alice.get("/api/v2/activities", params={"person_id": person}).json()["data"] for person in (1, 2)}
    assert [len(found[1]), len(found[2])] == [0, 1]


def test_a_change_replaces_arrays_and_merges_custom_fields(alice: httpx.Client, clock: VirtualClock) -> None:
    """PATCH keeps what is not sent, replaces whole arrays, and touches only the custom fields sent."""
    first, second = (
        alice.post("/api/v2/personFields", json={"field_name": name, "field_type": "varchar"}).json()["data"]
        for name in ("Sector", "Sector")
    )
    body = {"name": "Robin Vale", "label_ids": [11, 12], "custom_fields": {first["field_code"]: "Jute"}}
    alice.post("/api/v2/persons", json=body)
    clock.sleep(90)
    changes = {"label_ids": [13], "custom_fields": {second["field_code"]: "Rope"}}
    person = alice.patch("/api/v2/persons/1", json=changes).json()["data"]
    assert person["name"] == "Robin Vale"
    assert person["label_ids"] == [13]
    assert person["custom_fields"] == {first["field_code"]: "Jute", second["field_code"]: "Rope"}
    assert (person["add_time"], person["update_time"]) == ("2026-01-05T08:00:00Z", "2026-01-05T08:01:30Z")


def test_fields_without_a_value_are_left_out(alice: httpx.Client) -> None:
    """v2 often leaves out what has no value: a null sent is a field absent from the answer."""
    code = alice.post("/api/v2/organizationFields", json={"field_name": "Sector", "field_type": "varchar"}).json()[
        "data"
    ]["field_code"]
    body = {"name": "Mills", "industry": None, "website": None, "custom_fields": {code: None}}
    organization = alice.post("/api/v2/organizations", json=body).json()["data"]
    assert not {"industry", "website", "address"} & set(organization)
    assert organization["custom_fields"] == {}


def test_a_deleted_record_is_gone_from_everywhere_but_the_world(alice: httpx.Client, sandbox: Sandbox) -> None:
    """A delete is soft inside, 404 outside, and nothing new can refer to it; a setting shows it by its id."""
    sandbox.add("organizations", name="Tidewater Mills")
    assert alice.delete("/api/v2/organizations/1").json() == {"success": True, "data": {"id": 1}}
    calls = [alice.get("/api/v2/organizations/1"), alice.patch("/api/v2/organizations/1", json={"name": "X"})]
    calls.append(alice.delete("/api/v2/organizations/1"))
    assert [call.status_code for call in calls] == [404, 404, 404]
    assert alice.get("/api/v2/organizations").json()["data"] == []
    assert alice.post("/api/v2/persons", json={"name": "Robin", "org_id": 1}).status_code == 400
    sandbox.world.settings.show_deleted = True
    assert alice.get("/api/v2/organizations/1").json()["data"]["is_deleted"] is True


def test_updated_since_includes_its_second_and_until_does_not(
    alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock
) -> None:
    """Times have whole seconds: since is inclusive, until exclusive."""
    for name in ("A", "B", "C"):
        sandbox.add("persons", name=name)
        clock.sleep(1.0)
    window = {"updated_since": "2026-01-05T08:00:01Z", "updated_until": "2026-01-05T09:00:02+01:00"}
    assert [one["name"] for one in alice.get("/api/v2/persons", params=window).json()["data"]] == ["B"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"sort_by": "id"}, "ABCDE"),
        ({"sort_by": "id", "sort_direction": "desc"}, "EDCBA"),
        ({"sort_by": "update_time"}, "BCDEA"),
        ({"sort_by": "update_time", "sort_direction": "desc"}, "AEDCB"),
        ({"ids": "1,3,77"}, "AC"),
    ],
)
def test_pages_follow_the_cursor_to_the_end(
    alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock, query: dict[str, str], names: str
) -> None:
    """Two at a time, every record comes once and in order, whatever the order is."""
    for name in "ABCDE":
        sandbox.add("persons", name=name)
    clock.sleep(5)
    alice.patch("/api/v2/persons/1", json={"name": "A"})
    seen, cursor = "", None
    while True:
        params = query | {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        answer = alice.get("/api/v2/persons", params=params).json()
        seen += "".join(one["name"] for one in answer["data"])
        cursor = answer["additional_data"]["next_cursor"]
        if cursor is None:
            break
    assert seen == names


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "501"},
        {"limit": "0"},
        {"limit": "many"},
        {"cursor": "bm90IGEgY3Vyc29y"},
        {"cursor": "WyJ4Il0"},
        {"updated_since": "yesterday"},
        {"sort_by": "name"},
        {"person_id": "1"},
        {"ids": "1,x"},
    ],
)
def test_a_wrong_list_query_is_refused(alice: httpx.Client, sandbox: Sandbox, query: dict[str, str]) -> None:
    """A typing error in a query is an error, never a filter that filters nothing."""
    sandbox.add("persons", name="Robin Vale")
    assert alice.get("/api/v2/persons", params=query).status_code == 400


@pytest.mark.parametrize(
    ("kind", "value", "status"),
    [
        ("varchar", "x" * 255, 200),
        ("varchar", "x" * 256, 400),
        ("varchar", 7, 400),
        ("text", "x" * 65_000, 200),
        ("text", "x" * 65_001, 400),
        ("double", 1.5, 200),
        ("double", True, 400),
        ("double", "1.5", 400),
        ("enum", 101, 200),
        ("enum", 7, 400),
        ("set", [101], 200),
        ("set", 101, 400),
        ("varchar", {"value": "x"}, 500),
    ],
)
def test_a_custom_value_has_the_type_of_its_field(alice: httpx.Client, kind: str, value: object, status: int) -> None:
    """Custom fields are as strict as the others; a wrong nesting answers 500, as has been seen."""
    options = {"options": [{"label": "A"}]} if kind in ("enum", "set") else {}
    made = alice.post("/api/v2/personFields", json={"field_name": "Extra", "field_type": kind, **options}).json()
    body = {"name": "Robin", "custom_fields": {made["data"]["field_code"]: value}}
    assert alice.post("/api/v2/persons", json=body).status_code == status


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([1, 11, "call", "2026-01-05"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "primary", "person_id", "label", "id"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("method", "path", "shape"),
    [
        ("POST", "/api/v2/persons", shapes.NewPerson),
        ("PATCH", "/api/v2/persons/1", shapes.Person),
        ("POST", "/api/v2/organizations", shapes.NewOrganization),
        ("POST", "/api/v2/activities", shapes.Activity),
        ("POST", "/api/v2/organizationFields", shapes.NewField),
        ("PUT", "/v1/personFields/4", shapes.FieldChange),
    ],
)
@given(data=st.data())
def test_no_body_breaks_the_sandbox(method: str, path: str, shape: type[BaseModel], data: st.DataObject) -> None:
    """Whatever JSON comes in the documented fields is taken or refused by name; nothing falls over."""
    sandbox = Sandbox(World.sample())
    sandbox.add("persons", name="Robin Vale")
    body = data.draw(st.dictionaries(st.sampled_from(sorted(shape.model_fields)), VALUES, max_size=4))
    headers = {"x-api-token": "sandbox-token"}
    for sent in (body, {"name": "Robin", "field_name": "Sector"} | body):
        answer = sandbox.answer(Request(method, path, {}, headers, json.dumps(sent).encode()))
        assert answer.status in (200, 400) or "custom_fields" in sent
        json.loads(answer.body)


def test_a_list_shows_only_the_custom_fields_asked_for(alice: httpx.Client) -> None:
    """`custom_fields` picks by code."""
    codes = [
        alice.post("/api/v2/personFields", json={"field_name": name, "field_type": "varchar"}).json()["data"][
            "field_code"
        ]
        for name in ("One", "Two")
    ]
    alice.post("/api/v2/persons", json={"name": "Robin", "custom_fields": {codes[0]: "a", codes[1]: "b"}})
    listed = alice.get("/api/v2/persons", params={"custom_fields": codes[1]}).json()["data"]
    assert listed[0]["custom_fields"] == {codes[1]: "b"}
