"""Search: what it matches, when it sees a record, and what it refuses."""

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Sandbox, World


def _found(client: httpx.Client, kind: str, **query: str) -> list[str]:
    answer = client.get(f"/api/v2/{kind}/search", params=query)
    assert answer.status_code == 200, answer.text
    return [hit["item"]["name"] for hit in answer.json()["data"]["items"]]


@pytest.fixture
def people(sandbox: Sandbox) -> None:
    """Put two organizations and three persons into the world."""
    sandbox.add("organizations", name="Tidewater Mills", address={"value": "1 Harbour Street"})
    sandbox.add("organizations", name="Tidewater")
    sandbox.add("persons", name="Robin Vale", org_id=1, emails=[{"value": "Robin@Example.com"}])
    sandbox.add("persons", name="Robin", emails=[{"value": "robin@example.com.example.net"}])
    sandbox.add("persons", name="Kim Ode", phones=[{"value": "+372 555 0101"}])


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("kind", "query", "names"),
    [
        ("persons", {"term": "ROBIN@example.com", "fields": "email", "exact_match": "true"}, ["Robin Vale"]),
        ("persons", {"term": "robin@example.com", "fields": "email"}, ["Robin Vale", "Robin"]),
        ("persons", {"term": "robin", "exact_match": "true"}, ["Robin"]),
        ("persons", {"term": "robin", "organization_id": "1"}, ["Robin Vale"]),
        ("persons", {"term": "0101", "fields": "phone,name"}, ["Kim Ode"]),
        ("persons", {"term": "0101", "fields": "email"}, []),
        ("organizations", {"term": "tidewater", "fields": "name", "exact_match": "true"}, ["Tidewater"]),
        ("organizations", {"term": "harbour"}, ["Tidewater Mills"]),
    ],
)
def test_what_a_search_matches(alice: httpx.Client, kind: str, query: dict[str, str], names: list[str]) -> None:
    """Exact means the whole text, ignoring case; otherwise a part will do."""
    assert _found(alice, kind, **query) == names


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"term": "r"}, 400),
        ({"term": "r", "exact_match": "true"}, 200),
        ({"term": "", "exact_match": "true"}, 400),
        ({"term": " r "}, 400),
        ({}, 400),
        ({"term": "robin", "fields": "e-mail"}, 400),
        ({"term": "robin", "exact_match": "1"}, 400),
        ({"term": "robin", "limit": "501"}, 400),
    ],
)
def test_what_a_search_refuses(alice: httpx.Client, query: dict[str, str], status: int) -> None:
    """Two characters at least, one when exact, and only the documented fields."""
    assert alice.get("/api/v2/persons/search", params=query).status_code == status


def test_a_search_lags_behind(alice: httpx.Client, sandbox: Sandbox, world: World, clock: VirtualClock) -> None:
    """Until the delay is over a new record is not found, and a changed one is found as it was."""
    world.settings.search_delay = 10.0
    sandbox.add("persons", name="Robin Vale")
    assert _found(alice, "persons", term="vale") == []
    clock.sleep(10.0)
    assert _found(alice, "persons", term="vale") == ["Robin Vale"]
    alice.patch("/api/v2/persons/1", json={"name": "Robin Moor"})
    clock.sleep(6.0)
    alice.patch("/api/v2/persons/1", json={"name": "Robin Fen"})
    assert _found(alice, "persons", term="robin") == ["Robin Vale"]
    clock.sleep(10.0)
    assert _found(alice, "persons", term="robin") == ["Robin Fen"]


def test_a_deleted_record_is_never_found(alice: httpx.Client, sandbox: Sandbox, world: World) -> None:
    """Not even while search lags."""
    world.settings.search_delay = 10.0
    sandbox.add("persons", name="Robin Vale")
    alice.delete("/api/v2/persons/1")
    world.settings.search_delay = 0.0
    assert _found(alice, "persons", term="robin") == []


@pytest.mark.usefixtures("people")
def test_a_search_has_pages(alice: httpx.Client) -> None:
    """The cursor of a search leads on like that of a list."""
    first = alice.get("/api/v2/persons/search", params={"term": "robin", "limit": "1"}).json()
    cursor = first["additional_data"]["next_cursor"]
    assert _found(alice, "persons", term="robin", limit="1", cursor=cursor) == ["Robin"]
