"""What other integrations use besides: searches over everything, fields that change, what is included, notes, users."""

from typing import Any

import httpx
import pytest

from warmline.sandbox import Sandbox, World, serving


def _data(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def _filled(sandbox: Sandbox) -> None:
    sandbox.add("organizations", name="Tidewater Mills", address={"value": "1 Harbour Street"})
    sandbox.add("persons", name="Robin Vale", org_id=1, emails=[{"value": "robin@tidewater.example.com"}])
    sandbox.add("persons", name="Kim Reed")
    for done, day in ((True, "2026-01-02"), (False, "2026-02-01")):
        sandbox.add("activities", subject="Call", done=done, due_date=day, participants=[{"person_id": 1}], org_id=1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"term": "tidewater"}, ["organization 1", "person 1"]),
        ({"term": "tidewater", "item_types": "person"}, ["person 1"]),
        ({"term": "tidewater", "fields": "name"}, ["organization 1"]),
        ({"term": "TIDEWATER MILLS", "exact_match": "true"}, ["organization 1"]),
        ({"term": "tidewater", "item_types": "deal,product"}, []),
        ({"term": "harbour", "fields": "address"}, ["organization 1"]),
    ],
)
def test_a_search_over_everything(
    alice: httpx.Client, sandbox: Sandbox, query: dict[str, str], found: list[str]
) -> None:
    """Finds what is modelled, kind by kind, page by page."""
    _filled(sandbox)
    hits = _data(alice.get("/api/v2/itemSearch", params=query))["items"]
    assert [f"{hit['item']['type']} {hit['item']['id']}" for hit in hits] == found
    paged, cursor = [], ""
    while True:
        answer = alice.get("/api/v2/itemSearch", params=query | {"limit": "1"} | ({"cursor": cursor} if cursor else {}))
        paged += [f"{hit['item']['type']} {hit['item']['id']}" for hit in _data(answer)["items"]]
        if not (cursor := answer.json()["additional_data"]["next_cursor"]):
            break
    assert paged == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"term": "Robin Vale", "field": "name"}, [1]),
        ({"term": "robin vale", "field": "name"}, []),
        ({"term": "Robin", "field": "name"}, []),
        ({"term": "Robin", "field": "name", "match": "beginning"}, [1]),
        ({"term": "Reed", "field": "name", "match": "middle"}, [2]),
        ({"term": "robin@tidewater.example.com", "field": "email"}, [1]),
        ({"term": "Hot lead", "field": "label_ids"}, 400),
        ({"term": "R", "field": "name", "match": "middle"}, 400),
    ],
)
def test_a_search_in_one_field(alice: httpx.Client, sandbox: Sandbox, query: dict[str, str], found: Any) -> None:
    """It tells capitals from small letters."""
    _filled(sandbox)
    answer = alice.get("/api/v2/itemSearch/field", params={"entity_type": "person"} | query)
    if isinstance(found, int):
        assert answer.status_code == found
    else:
        assert [hit["id"] for hit in _data(answer)] == found


def test_searches_share_a_window(alice: httpx.Client, world: World) -> None:
    """All of them count as searches."""
    world.settings.searches = 2
    paths = ("/api/v2/itemSearch?term=ab", "/api/v2/persons/search?term=ab", "/api/v2/itemSearch?term=ab")
    assert [alice.get(path).status_code for path in paths] == [200, 200, 429]


def test_custom_fields_change_and_go(alice: httpx.Client, sandbox: Sandbox) -> None:
    """With their values; a built-in field stays as it is."""
    field = {"field_name": "Tier", "field_type": "enum", "options": [{"label": "A"}, {"label": "B"}]}
    made = _data(alice.post("/api/v2/personFields", json=field))
    path, first, second = (
        f"/api/v2/personFields/{made['field_code']}",
        made["options"][0]["id"],
        made["options"][1]["id"],
    )
    sandbox.add("persons", name="Robin", custom_fields={made["field_code"]: first})
    assert _data(alice.patch(path, json={"field_name": "Class"}))["field_name"] == "Class"
    assert alice.patch(path, json={}).status_code == 400
    assert alice.patch(path, json={"field_type": "text"}).status_code == 400
    assert _data(alice.patch(f"{path}/options", json=[{"id": first, "label": "Gold"}])) == [
        {"id": first, "label": "Gold"}
    ]
    in_words = alice.get("/api/v2/persons/1", params={"include_option_labels": "true"})
    assert _data(in_words)["custom_fields"] == {made["field_code"]: {"id": first, "label": "Gold"}}
    assert alice.patch(f"{path}/options", json=[{"id": 999, "label": "X"}]).status_code == 400
    assert alice.request("DELETE", f"{path}/options", json=[{"id": second}, {"id": 999}]).status_code == 400
    assert [one["id"] for one in _data(alice.get(path))["options"]] == [first, second]
    assert _data(alice.request("DELETE", f"{path}/options", json=[{"id": first}])) == [{"id": first, "label": "Gold"}]
    assert _data(alice.get("/api/v2/persons/1"))["custom_fields"] == {}
    assert _data(alice.delete(path))["field_code"] == made["field_code"]
    assert alice.get(path).status_code == 404
    assert alice.delete("/api/v2/personFields/name").status_code == 403


def test_what_is_included_on_request(alice: httpx.Client, sandbox: Sandbox) -> None:
    """Counts, the next and the last activity, labels in words; nothing of it unasked."""
    _filled(sandbox)
    sandbox.people.change("persons", 1, label_ids=[11])
    alice.post("/v1/notes", json={"content": "Tea", "person_id": 1})
    names = "activities_count,done_activities_count,undone_activities_count,next_activity_id,last_activity_id"
    person = _data(alice.get("/api/v2/persons/1", params={"include_fields": f"{names},notes_count,open_deals_count"}))
    assert [person[name] for name in names.split(",")] == [2, 1, 1, 2, 1]
    assert (person["notes_count"], person["open_deals_count"]) == (1, 0)
    assert "activities_count" not in _data(alice.get("/api/v2/persons/1"))
    labels = _data(alice.get("/api/v2/persons", params={"include_labels": "true"}))
    assert [one["labels"] for one in labels] == [[{"id": 11, "label": "Hot lead"}], []]
    assert _data(alice.get("/api/v2/organizations/1", params={"include_fields": "people_count"}))["people_count"] == 1
    assert alice.get("/api/v2/activities", params={"include_fields": "people_count"}).status_code == 400
    assert alice.get("/api/v2/activities", params={"include_labels": "true"}).status_code == 400


def test_notes_come_and_go(alice: httpx.Client, sandbox: Sandbox) -> None:
    """They belong to somebody, are listed in pages by number, and are gone once deleted."""
    _filled(sandbox)
    assert alice.post("/v1/notes", json={"content": "Nobody's"}).status_code == 400
    assert alice.post("/v1/notes", json={"content": "Tea", "person_id": 99}).status_code == 400
    for number in (1, 2, 1):
        alice.post("/v1/notes", json={"content": f"Of {number}", "person_id": number})
    page = alice.get("/v1/notes", params={"person_id": "1", "limit": "1"}).json()
    assert [note["id"] for note in page["data"]] == [1]
    assert page["additional_data"]["pagination"] == {
        "start": 0,
        "limit": 1,
        "more_items_in_collection": True,
        "next_start": 1,
    }
    assert _data(alice.put("/v1/notes/1", json={"content": "Coffee"}))["content"] == "Coffee"
    assert _data(alice.delete("/v1/notes/1")) is True
    assert alice.get("/v1/notes/1").status_code == 404


def test_a_user_by_its_id(alice: httpx.Client) -> None:
    """Also one who has left; an unknown one is not there."""
    assert [_data(alice.get(f"/v1/users/{number}"))["name"] for number in (1, 3)] == ["Alice Alder", "Carol Reed"]
    assert alice.get("/v1/users/9").status_code == 404


def test_the_control_api_does_the_new_deeds(sandbox: Sandbox) -> None:
    """By their names, with what they need, or an error that says what."""
    with serving(sandbox) as url, httpx.Client(base_url=url, headers={"x-api-token": "sandbox-token"}) as http:
        _filled(sandbox)
        deed = {"do": "bulk_change", "kind": "persons", "ids": [1, 2], "owner_id": 2}
        assert http.post("/sandbox/people", json=deed).json() == {"changed": 2}
        hook = {"subscription_url": "http://127.0.0.1:9/", "event_action": "*", "event_object": "*", "name": "Ours"}
        http.post("/v1/webhooks", json=hook)
        assert http.post("/sandbox/people", json={"do": "ban_webhook", "id": 1}).status_code == 200
        assert http.get("/sandbox/world").json()["webhooks"][0]["id"] == 1
        assert http.post("/sandbox/people", json={"do": "remove_webhook", "id": 1}).status_code == 200
        assert http.post("/sandbox/people", json={"do": "remove_webhook", "id": 1}).status_code == 400
        assert http.post("/sandbox/people", json={"do": "uninstall_app", "user_id": 1}).status_code == 400
        http.post("/sandbox/reset")
        assert http.get("/sandbox/world").json()["notes"] == []
