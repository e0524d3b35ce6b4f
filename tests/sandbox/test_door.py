"""Who may call, how often, and at what price."""

from datetime import timedelta

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Plan, Sandbox, SandboxTransport, World
from warmline.sandbox.answers import Request, Response

TOKEN = "sandbox-token"
PERSONS = "/api/v2/persons"


def _client(world: World, **headers: str) -> httpx.Client:
    return httpx.Client(transport=SandboxTransport(Sandbox(world)), base_url="http://sandbox", headers=headers)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"x-api-token": TOKEN}, {}, 200),
        ({"X-Api-Token": TOKEN}, {}, 200),
        ({"authorization": f"Bearer {TOKEN}"}, {}, 200),
        ({}, {}, 401),
        ({"x-api-token": "wrong"}, {}, 401),
        ({"authorization": f"Basic {TOKEN}"}, {}, 401),
        ({"x-api-token": "carols"}, {}, 401),
        ({}, {"api_token": TOKEN}, 401),
        ({"x-api-token": TOKEN}, {"api_token": TOKEN}, 401),
    ],
)
def test_who_may_call(world: World, headers: dict[str, str], query: dict[str, str], status: int) -> None:
    """A token comes in a header, never in the query; Carol's no longer opens anything."""
    world.tokens["carols"] = 3
    with httpx.Client(transport=SandboxTransport(Sandbox(world)), base_url="http://sandbox") as client:
        response = client.get("/v1/users/me", headers=headers, params=query)
    assert response.status_code == status
    if status == 401:
        assert response.json() == {"success": False, "error": "unauthorized access", "errorCode": 401}


def test_tokens_stay_out_of_reprs(world: World) -> None:
    """A failing test or a log line never shows a token."""
    request = Request("GET", PERSONS, {"api_token": TOKEN}, {"x-api-token": TOKEN}, TOKEN.encode())
    answer = Response(200, {"x": TOKEN}, TOKEN.encode())
    assert TOKEN not in repr([request, answer, world, world.users, world.calls, Sandbox(world)])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/users", 200),
        ("/api/v1/users", 200),
        ("/v2/persons", 404),
        ("/api/v1/persons", 404),
        ("/api/v2/deals", 404),
        ("/api/v2/persons/x", 404),
    ],
)
def test_each_version_has_its_own_paths(alice: httpx.Client, path: str, status: int) -> None:
    """v1 answers under both forms, v2 under one, and v1's persons are gone."""
    assert alice.get(path).status_code == status


@pytest.mark.parametrize("plan", list(Plan))
@pytest.mark.parametrize("oauth", [False, True])
def test_the_burst_window_is_that_of_the_plan(clock: VirtualClock, plan: Plan, *, oauth: bool) -> None:
    """The call after the last is refused with nothing remaining, until the window has rolled on."""
    world = World.sample(clock, plan=plan)
    header = {"authorization": f"Bearer {TOKEN}"} if oauth else {"x-api-token": TOKEN}
    with _client(world, **header) as client:
        answers = [client.get(f"{PERSONS}/1") for _ in range(plan.value[oauth] + 1)]
        assert [one.status_code for one in answers] == [404] * plan.value[oauth] + [429]
        limits = [answers[-1].headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
        assert limits == [str(plan.value[oauth]), "0", "2"]
        clock.sleep(1.99)
        assert client.get(f"{PERSONS}/1").status_code == 429
        clock.sleep(0.01)
        assert client.get(f"{PERSONS}/1").status_code == 404


def test_a_clock_that_is_set_back_does_not_keep_the_window_full(clock: VirtualClock) -> None:
    """Calls from later than now are none of the last two seconds."""
    world = World.sample(clock)
    with _client(world, **{"x-api-token": TOKEN}) as client:
        while client.get(f"{PERSONS}/1").status_code != 429:
            pass
        clock.start -= timedelta(hours=1)
        assert client.get(f"{PERSONS}/1").status_code == 404


def test_searches_have_a_window_of_their_own(alice: httpx.Client, world: World) -> None:
    """Ten searches in two seconds on every plan; other calls go on."""
    world.settings.searches = 10
    search = [alice.get(f"{PERSONS}/search", params={"term": "robin"}) for _ in range(11)]
    assert [one.status_code for one in search] == [200] * 10 + [429]
    assert search[-1].headers["x-ratelimit-remaining"] == "0"
    assert alice.get(PERSONS).status_code == 200


def test_the_days_budget_ends_with_room_in_the_window(alice: httpx.Client, world: World, clock: VirtualClock) -> None:
    """A spent budget answers 429 although calls remain, costs nothing, and is new after midnight UTC."""
    world.settings.daily_budget = 12
    answers = [alice.post(PERSONS, json={"name": "Robin"}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers.get("x-daily-requests-left") for one in answers] == ["1", "0", None]
    assert int(answers[2].headers["x-ratelimit-remaining"]) > 0
    assert alice.get(f"{PERSONS}/1").status_code == 200
    assert world.tokens_spent == 11
    clock.sleep(16 * 3600)
    assert alice.post(PERSONS, json={"name": "Robin"}).status_code == 200


def test_every_call_is_logged_with_its_price(alice: httpx.Client, world: World, sandbox: Sandbox) -> None:
    """The log has time, status, tokens, caller and fault, and no query, which can hold an e-mail."""
    alice.get(f"{PERSONS}/search", params={"term": "robin@example.com"})
    alice.post(PERSONS, json={})
    alice.get(PERSONS, headers={"x-api-token": "wrong"})
    sandbox.faults.add(Fault(kind="no_answer_after"))
    with pytest.raises(httpx.ReadTimeout):
        alice.post(PERSONS, json={"name": "Robin"})
    assert [(call.method, call.path, call.status, call.tokens, call.user_id, call.fault) for call in world.calls] == [
        ("GET", f"{PERSONS}/search", 200, 20, 1, ""),
        ("POST", PERSONS, 400, 5, 1, ""),
        ("GET", PERSONS, 401, 0, None, ""),
        ("POST", PERSONS, 0, 5, 1, "no_answer_after"),
    ]
    assert world.tokens_spent == 30
    assert "robin" not in repr(world.calls)


def test_every_answer_has_the_worlds_date(alice: httpx.Client, sandbox: Sandbox) -> None:
    """Answers, refusals and faults all carry the clock that the records are stamped with."""
    sandbox.faults.add(Fault(kind="blocked", times=1))
    dates = {alice.get(path).headers["date"] for path in (PERSONS, PERSONS, "/nowhere")}
    assert dates == {"Mon, 05 Jan 2026 08:00:00 GMT"}


def test_reset_goes_back_to_the_first_day(alice: httpx.Client, sandbox: Sandbox) -> None:
    """Records, calls, labels, settings and rules go; the people and their tokens stay."""
    alice.post(PERSONS, json={"name": "Robin"})
    alice.post("/api/v2/personFields/label_ids/options", json=[{"label": "Warm lead"}])
    sandbox.world.settings.search_delay = 5.0
    sandbox.faults.add(Fault(kind="error"))
    sandbox.reset()
    world = sandbox.world
    assert (world.persons, world.calls, world.tokens_spent, sandbox.faults.all()) == ({}, [], 0, [])
    assert world.settings.search_delay == 0
    assert alice.post(PERSONS, json={"name": "Robin"}).json()["data"]["id"] == 1
    assert len(alice.get("/api/v2/personFields/label_ids").json()["data"]["options"]) == 3
