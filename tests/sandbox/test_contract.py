"""Every operation of the sandbox against Pipedrive's published documents: request, answer, errors and price."""

from typing import Any

import httpx
import pytest
from contract_fixtures import Contract

from warmline.sandbox import Fault, Sandbox, World
from warmline.sandbox.answers import Request
from warmline.sandbox.faults import FaultKind
from warmline.sandbox.routes import OPERATIONS, find

Step = tuple[str, str, dict[str, str], Any]

ADDRESS = {"value": "1 Harbour Street", "country": "Estonia"}
CODE, TIER, OPTION = "{code}", "{tier}", "{option}"
WEBHOOK = {
    "subscription_url": "http://127.0.0.1:9/hook",
    "event_action": "*",
    "event_object": "person",
    "name": "Ours",
    "http_auth_user": "warmline",
    "http_auth_password": "a secret",
}
# Run in order in one world. Organizations 1 and 2, persons 1 to 3, and activity 1 come of the first calls.
STEPS: list[Step] = [
    ("GET", "/api/v1/users", {}, None),
    ("GET", "/v1/users/me", {}, None),
    ("GET", "/api/v1/users/find", {"term": "bob@example.com", "search_by_email": "1"}, None),
    ("GET", "/v1/activityTypes", {}, None),
    ("POST", "/api/v2/organizationFields", {}, {"field_name": "Sector", "field_type": "varchar"}),
    ("POST", "/api/v2/personFields", {}, {"field_name": "Tier", "field_type": "enum", "options": [{"label": "A"}]}),
    ("GET", "/api/v2/organizationFields", {"limit": "500"}, None),
    ("GET", "/api/v2/personFields", {"limit": "2"}, None),
    ("GET", "/api/v2/personFields/label_ids", {}, None),
    ("GET", "/api/v2/organizationFields/industry", {}, None),
    ("POST", "/api/v2/personFields/label_ids/options", {}, [{"label": "Warm lead"}]),
    ("POST", "/api/v2/organizationFields/label_ids/options", {}, [{"label": "Prospect"}]),
    ("GET", "/v1/personFields", {}, None),
    ("GET", "/api/v1/personFields/4", {}, None),
    ("PUT", "/v1/personFields/4", {}, {"options": [{"id": 11, "label": "Hot lead"}, {"label": "Warm lead"}]}),
    (
        "POST",
        "/api/v2/organizations",
        {},
        {"name": "Tidewater Mills", "owner_id": 1, "industry": 34, "address": ADDRESS, "custom_fields": {CODE: "Jute"}},
    ),
    ("POST", "/api/v2/organizations", {}, {"name": "Tidewater Mills Ltd"}),
    ("GET", "/api/v2/organizations/1", {"custom_fields": CODE}, None),
    ("GET", "/api/v2/organizations", {"limit": "500", "updated_since": "2026-01-01T00:00:00Z"}, None),
    ("PATCH", "/api/v2/organizations/1", {}, {"website": "https://tidewater.example.com", "label_ids": [21]}),
    (
        "POST",
        "/api/v2/persons",
        {},
        {
            "name": "Robin Vale",
            "owner_id": 2,
            "org_id": 1,
            "emails": [{"value": "robin@example.com", "primary": True, "label": "work"}],
            "phones": [{"value": "+372 555 0101", "primary": True, "label": "work"}],
            "label_ids": [11],
            "postal_address": ADDRESS,
        },
    ),
    ("POST", "/api/v2/persons", {}, {"name": "Cher"}),
    ("POST", "/api/v2/persons", {}, {"name": "Robin V."}),
    ("GET", "/api/v2/persons/1", {}, None),
    ("GET", "/api/v2/persons", {"owner_id": "2", "org_id": "1", "sort_by": "update_time", "limit": "1"}, None),
    ("GET", "/api/v2/persons", {"limit": "1"}, None),
    ("PATCH", "/api/v2/persons/1", {}, {"label_ids": [11]}),
    ("GET", "/api/v2/persons/search", {"term": "robin", "fields": "email,name", "organization_id": "1"}, None),
    ("GET", "/api/v2/organizations/search", {"term": "Tidewater mills", "exact_match": "true", "limit": "5"}, None),
    (
        "POST",
        "/api/v2/activities",
        {},
        {
            "subject": "First call",
            "type": "call",
            "owner_id": 1,
            "org_id": 1,
            "participants": [{"person_id": 1, "primary": True}],
            "due_date": "2026-02-01",
            "due_time": "09:30",
            "note": "They called back.",
            "done": True,
        },
    ),
    ("POST", "/api/v2/activities", {}, {"subject": "Think"}),
    ("GET", "/api/v2/activities/1", {}, None),
    ("GET", "/api/v2/activities", {"person_id": "1", "done": "true", "sort_direction": "desc"}, None),
    ("PATCH", "/api/v2/activities/1", {}, {"done": False}),
    ("GET", "/api/v1/users/2", {}, None),
    ("GET", "/api/v2/activityFields", {"limit": "3", "include_fields": "ui_visibility"}, None),
    ("GET", "/api/v2/activityFields/subject", {}, None),
    ("GET", "/api/v2/personFields/name", {"include_fields": "ui_visibility,important_fields"}, None),
    ("GET", "/api/v2/persons/1", {"include_fields": "activities_count,next_activity_id,notes_count"}, None),
    ("GET", "/api/v2/persons", {"include_labels": "true", "include_option_labels": "true"}, None),
    ("GET", "/api/v2/organizations", {"include_fields": "people_count,smart_bcc_email"}, None),
    ("GET", "/api/v2/activities", {"include_fields": "attendees"}, None),
    ("GET", "/api/v2/itemSearch", {"term": "tidewater", "item_types": "organization", "limit": "1"}, None),
    (
        "GET",
        "/api/v2/itemSearch/field",
        {"term": "Robin", "entity_type": "person", "field": "name", "match": "beginning"},
        None,
    ),
    ("PATCH", "/api/v2/organizationFields/{code}", {}, {"field_name": "Branch"}),
    ("PATCH", "/api/v2/personFields/{tier}", {}, {"field_name": "Class"}),
    ("PATCH", "/api/v2/personFields/{tier}/options", {}, [{"id": "{option}", "label": "B"}]),
    ("DELETE", "/api/v2/personFields/{tier}/options", {}, [{"id": "{option}"}]),
    ("PATCH", "/api/v2/organizationFields/label_ids/options", {}, [{"id": 21, "label": "Buyer"}]),
    ("DELETE", "/api/v2/organizationFields/label_ids/options", {}, [{"id": 22}]),
    ("DELETE", "/api/v2/organizationFields/{code}", {}, None),
    ("DELETE", "/api/v2/personFields/{tier}", {}, None),
    ("POST", "/v1/webhooks", {}, WEBHOOK),
    ("GET", "/api/v1/webhooks", {}, None),
    ("DELETE", "/v1/webhooks/1", {}, None),
    ("POST", "/v1/notes", {}, {"content": "<p>Likes tea</p>", "person_id": 1}),
    ("GET", "/v1/notes", {"person_id": "1"}, None),
    ("GET", "/v1/notes/1", {}, None),
    ("PUT", "/v1/notes/1", {}, {"content": "Likes coffee"}),
    ("DELETE", "/v1/notes/1", {}, None),
    ("PUT", "/v1/persons/2/merge", {}, {"merge_with_id": 1}),
    ("PUT", "/v1/persons/1/merge", {}, {"merge_with_id": 3}),
    ("PUT", "/api/v1/organizations/1/merge", {}, {"merge_with_id": 2}),
    ("DELETE", "/api/v2/activities/1", {}, None),
    ("DELETE", "/api/v2/persons/3", {}, None),
    ("DELETE", "/api/v2/organizations/2", {}, None),
]
REFUSED: list[tuple[int, Step]] = [
    (400, ("POST", "/api/v2/persons", {}, {"owner_id": 1})),
    (400, ("PUT", "/v1/personFields/4", {}, {"options": "Warm lead"})),
    (404, ("GET", "/api/v2/persons/99", {}, None)),
    (404, ("GET", "/v1/personFields/99", {}, None)),
    (404, ("PUT", "/v1/persons/98/merge", {}, {"merge_with_id": 99})),
    (400, ("GET", "/api/v2/persons/search", {"term": "x"}, None)),
    (400, ("POST", "/v1/webhooks", {}, WEBHOOK | {"subscription_url": "https://warmline.example.com/hook"})),
    (400, ("POST", "/v1/webhooks", {}, {"name": "No address"})),
    (404, ("DELETE", "/v1/webhooks/99", {}, None)),
    (404, ("GET", "/v1/users/99", {}, None)),
    (404, ("GET", "/v1/notes/99", {}, None)),
    (403, ("PATCH", "/api/v2/personFields/name", {}, {"field_name": "Title"})),
    (403, ("DELETE", "/api/v2/personFields/name", {}, None)),
    (400, ("GET", "/api/v2/persons", {"include_fields": "shoe_size"}, None)),
    (400, ("GET", "/api/v2/itemSearch", {"term": "tide", "limit": "101"}, None)),
    (400, ("GET", "/api/v2/itemSearch/field", {"term": "ti", "entity_type": "person", "field": "nothing"}, None)),
]


UNPUBLISHED = {"/api/v1/personFields", "/api/v1/personFields/{id}", "/api/v1/notes", "/api/v1/notes/{id}"}


def _call(client: httpx.Client, step: Step) -> httpx.Response:
    method, path, query, body = step
    path = path.replace("{code}", "x").replace("{tier}", "x")
    return client.request(method, path, params=query, **({} if body is None else {"json": body}))


def _with(made: dict[str, Any], value: Any) -> Any:
    """Put in what is known only once it is made: codes of fields, and the id of an option."""
    if isinstance(value, dict):
        return {_with(made, name): _with(made, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with(made, one) for one in value]
    if isinstance(value, str) and value in made:
        return made[value]
    for name, known in made.items() if isinstance(value, str) else ():
        value = value.replace(name, str(known))
    return value


def test_every_request_and_answer_is_as_documented(alice: httpx.Client, contract: Contract) -> None:
    """A walk through all operations agrees with the documents, and nothing unlisted is sent or answered."""
    touched = set()
    made: dict[str, Any] = {}
    for step in STEPS:
        method, path, query, body = step[0], *(_with(made, part) for part in step[1:])
        contract.check_request(method, path, query, body)
        response = _call(alice, (method, path, query, body))
        assert response.status_code == (201 if (method, path) == ("POST", "/v1/webhooks") else 200), (
            f"{method} {path}: {response.text}"
        )
        contract.check_answer(method, path, response.status_code, response.json())
        if (method, path) == ("POST", "/api/v2/organizationFields"):
            made[CODE] = response.json()["data"]["field_code"]
        if (method, path) == ("POST", "/api/v2/personFields"):
            made[TIER] = response.json()["data"]["field_code"]
            made[OPTION] = response.json()["data"]["options"][0]["id"]
        touched.add(find(Request(method, path))[0])
    assert touched == set(OPERATIONS)


@pytest.mark.parametrize(("status", "step"), REFUSED)
def test_refusals_have_the_shape_of_their_version(
    alice: httpx.Client, contract: Contract, status: int, step: Step
) -> None:
    """v1 and v2 word their errors differently, and each as docs/pipedrive.md says."""
    response = _call(alice, step)
    assert response.status_code == status
    contract.check_answer(step[0], step[1], status, response.json())


@pytest.mark.parametrize("kind", ["error", "unauthorized", "throttled", "budget_spent"])
@pytest.mark.parametrize("path", ["/api/v2/persons", "/v1/users/me"])
def test_faults_have_the_shape_of_their_version(
    alice: httpx.Client, sandbox: Sandbox, contract: Contract, path: str, kind: FaultKind
) -> None:
    """An error made on demand looks like Pipedrive's own."""
    sandbox.faults.add(Fault(kind=kind))
    response = alice.get(path)
    assert response.is_error
    contract.check_answer("GET", path, response.status_code, response.json())


def test_participants_may_say_primary_flag(
    alice: httpx.Client, sandbox: Sandbox, world: World, contract: Contract
) -> None:
    """The wording that has been seen, though it is not documented, is one of the contract's exceptions."""
    world.settings.primary_flag = True
    person = sandbox.add("persons", name="Robin Vale")
    response = alice.post("/api/v2/activities", json={"participants": [{"person_id": person["id"], "primary": True}]})
    contract.check_answer("POST", "/api/v2/activities", response.status_code, response.json())
    assert response.json()["data"]["participants"] == [{"person_id": 1, "primary_flag": True}]


def test_prices_are_the_published_ones(contract: Contract) -> None:
    """Each operation costs what its document says."""
    published = [one for one in OPERATIONS if one.path not in UNPUBLISHED]
    priced = {(one.method, one.path): one.tokens for one in published}
    paths = {one: one[1].replace("{id}", "7").replace("{code}", "label_ids") for one in priced}
    assert priced == {one: contract.tokens(one[0], paths[one]) for one in priced}


def test_scopes_are_the_published_ones(contract: Contract) -> None:
    """Each operation asks for the scopes that its document names."""
    published = [one for one in OPERATIONS if one.path not in UNPUBLISHED]
    asked = {(one.method, one.path): one.scopes for one in published}
    paths = {one: one[1].replace("{id}", "7").replace("{code}", "label_ids") for one in asked}
    assert asked == {one: contract.scopes(one[0], paths[one]) for one in asked}


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/api/v2/persons", {}, {"name": 7}),
        ("POST", "/api/v2/persons", {}, {"name": "Robin", "surname": "Vale"}),
        ("POST", "/api/v2/organizations", {}, {"owner_id": 1}),
        ("POST", "/api/v2/activities", {}, {"subject": "Call", "person_id": 1}),
        ("GET", "/api/v2/persons", {"person_id": "1"}, None),
        ("GET", "/api/v2/persons/search", {"fields": "email"}, None),
        ("GET", "/api/v2/persons/search", {"term": "robin", "exact_match": "yes"}, None),
        ("GET", "/api/v2/deals", {}, None),
    ],
)
def test_the_contract_refuses_a_wrong_request(
    contract: Contract, method: str, path: str, query: dict[str, str], body: Any
) -> None:
    """The contract itself can fail: a wrong type, name, parameter or path does not pass it."""
    with pytest.raises(AssertionError, match=path):
        contract.check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/api/v2/persons/1", 200, {"success": True, "data": {"id": "1"}}),
        ("/api/v2/persons/1", 200, {"success": True, "data": {"id": 1, "org_id": None}}),
        ("/api/v2/persons/1", 200, {"success": True, "data": {"id": 1, "emails": [{"mail": "robin@example.com"}]}}),
        ("/api/v2/persons/1", 404, {"success": False, "error": "Person not found"}),
        ("/v1/users/me", 200, {"success": True, "data": {"id": 1, "surname": "Alder"}}),
    ],
)
def test_the_contract_refuses_a_wrong_answer(contract: Contract, path: str, status: int, body: Any) -> None:
    """A wrong type, a null that is not documented, an unlisted property or a half error does not pass."""
    with pytest.raises(AssertionError, match=path):
        contract.check_answer("GET", path, status, body)
