"""`warmline serve` and `warmline worker` as real processes on PostgreSQL."""

import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from programs import environment, free_port, warmline
from programs_on_postgres import PATIENCE, Place, own_cluster, synced
from relay import relaying
from waiting import until

from warmline.sandbox import Fault, Sandbox, World, serving

TOKEN = "sandbox-token"
PROMPT = 20.0  # seconds for a stop in the middle of a call of a minute; four where nothing else runs
LIVING = "SELECT count(*) FROM sync_heartbeat WHERE at > now() - interval '20 s'"
WAITING = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'bring'"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Return the Pipedrive of these tests."""
    return Sandbox(World.sample(token=TOKEN))


@pytest.fixture(scope="module")
def place(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return where the programs run."""
    with serving(sandbox) as url, own_cluster() as database:
        yield Place(database, tmp_path_factory.mktemp("programs"), url)


@pytest.fixture(scope="module")
def api(place: Place) -> Iterator[httpx.Client]:
    """Serve, and return a caller."""
    port = free_port()
    with place.serving(port), place.caller(port) as caller:
        yield caller


def add(api: httpx.Client, name: str, **more: object) -> int:
    """Add a warm contact, and return its id."""
    contact = api.post("/contacts", json={"name": name, "warmness_score": 7, **more}).raise_for_status().json()
    return int(contact["id"])


def slow_create(sandbox: Sandbox) -> Callable[[], bool]:
    """Have the answer to the next create take a minute; return what tells whether it was asked for."""
    sandbox.faults.clear()
    sandbox.faults.add(Fault(kind="slow", delay=60, method="POST", path="/api/v2/persons", times=1))
    before = len(sandbox.world.calls)

    def is_asked_for() -> bool:
        made = sandbox.world.calls[before:]
        return any((call.method, call.path) == ("POST", "/api/v2/persons") for call in made)

    return is_asked_for


def persons(sandbox: Sandbox, name: str) -> int:
    """Count the persons of a name."""
    return sum(person["name"] == name for person in sandbox.world.persons.values())


def test_a_contact_and_its_activities_arrive(place: Place, api: httpx.Client, sandbox: Sandbox) -> None:
    """The server saves, the worker sends, in order; and nothing stays in the queues."""
    with place.working():
        contact_id = add(api, "Jordan Ames", email="jordan@example.com")
        until(synced(api, f"/contacts/{contact_id}"))
        paths = []
        for subject in "abcde":
            body = {"contact_id": contact_id, "type": "CALL", "subject": subject}
            paths.append(f"/activities/{api.post('/activities', json=body).raise_for_status().json()['id']}")
        logged = [until(synced(api, path)) for path in paths]
        until(lambda: place.ask(WAITING) == [(0,)])
    ids = [activity["pipedrive_activity_id"] for activity in logged]
    assert all(one < other for one, other in pairwise(ids))
    assert len(sandbox.world.persons) == 1
    assert [sandbox.world.activities[each]["subject"] for each in ids] == list("abcde")


def test_an_idle_worker_ends_in_order(place: Place) -> None:
    """Nobody complains, and nobody waits for its heartbeat to be missed."""
    with place.working("idle") as worker:
        until(lambda: "worker.ready" in place.log("idle"))
        until(lambda: place.ask("SELECT count(*) FROM procrastinate_workers") == [(3,)])  # one for each queue
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=PROMPT) == 0
    assert "Traceback" not in place.log("idle")
    assert place.ask("SELECT count(*) FROM sync_heartbeat") == [(0,)]
    assert place.ask("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_a_killed_worker_creates_once(place: Place, api: httpx.Client, sandbox: Sandbox) -> None:
    """It dies while its create is under way. The next one finds what was made, and the job is in nobody's way."""
    with place.working() as first:
        is_asked_for = slow_create(sandbox)
        contact_id = add(api, "Kim Castell", email="kim@example.com")
        until(is_asked_for)
        first.kill()
        first.wait()
    with place.working():
        until(synced(api, f"/contacts/{contact_id}"), within=3 * PATIENCE)
        until(lambda: place.ask(WAITING) == [(0,)], within=3 * PATIENCE)
    assert persons(sandbox, "Kim Castell") == 1
    assert "worker.reclaimed task=bring" in place.log("worker")


def test_sigterm_hands_back(place: Place, api: httpx.Client, sandbox: Sandbox) -> None:
    """In the middle of a create it ends within seconds; job and lease are there for the next one."""
    with place.working() as first:
        is_asked_for = slow_create(sandbox)
        contact_id = add(api, "Robin Vale", email="robin@example.com")
        until(is_asked_for)
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=PROMPT) == 0
    assert place.ask("SELECT status FROM procrastinate_jobs WHERE task_name = 'bring'") == [("todo",)]
    assert place.ask("SELECT count(*) FROM sync_lease WHERE expires_at > now() + interval '10 s'") == [(0,)]
    with place.working():
        until(synced(api, f"/contacts/{contact_id}"), within=3 * PATIENCE)
    assert persons(sandbox, "Robin Vale") == 1


def test_a_database_that_goes_away_is_waited_for(place: Place, api: httpx.Client, sandbox: Sandbox) -> None:
    """Pages and API say so, and when it is back, server and worker go on by themselves."""
    door = str(api.base_url).removesuffix("/api/") + "/sign-in"
    with place.working() as worker:
        until(synced(api, f"/contacts/{add(api, 'Sam Teller')}"))
        place.database.stop("fast")
        refused = until(lambda: (found := api.get("/contacts")).status_code == 503 and found)
        assert refused.json()["error"]["code"] == "no_database"
        page = httpx.get(door, timeout=PATIENCE, trust_env=False)
        assert page.status_code == 503
        assert "cannot reach its database" in page.text
        until(lambda: "worker.waits" in place.log("worker"))
        place.database.start()
        until(lambda: api.get("/contacts").status_code == 200)
        until(synced(api, f"/contacts/{add(api, 'Toni Reed')}"))
        assert worker.poll() is None
    assert persons(sandbox, "Toni Reed") == 1


def test_a_worker_that_is_cut_off_from_pipedrive_leaves_its_rows_to_others(
    place: Place, api: httpx.Client, sandbox: Sandbox
) -> None:
    """All arrives by the other one, in one attempt and untold; the first takes part again once it gets through."""
    sandbox.faults.clear()
    ids: list[int] = []

    def stands_aside() -> bool:
        ids.append(add(api, f"Contact {len(ids)}", email=f"contact{len(ids)}@example.com"))
        return "worker.stands_aside" in place.log("cut")

    with relaying(place.env["PIPEDRIVE_BASE_URL"]) as relay, place.working("cut", PIPEDRIVE_BASE_URL=relay.url):
        until(synced(api, f"/contacts/{add(api, 'Alex Stone')}"))
        with place.working("whole"):
            until(lambda: place.ask(LIVING) == [(2,)])  # and those that an earlier test killed are known to be dead
            relay.cut()
            until(stands_aside)
            rows = [until(synced(api, f"/contacts/{contact_id}")) for contact_id in ids]
            assert {row["sync"]["attempts"] for row in rows} == {1}
            told = until(
                lambda: "1 of 2 workers" in (said := api.get("/sync").json()["connection"])["message"] and said
            )
            assert told["state"] == "ok"
            relay.mend()
            until(lambda: "worker.takes_part_again" in place.log("cut"))
            until(lambda: api.get("/sync").json()["connection"]["message"] == "Pipedrive is responding.")
        until(synced(api, f"/contacts/{add(api, 'Dana Lake')}"))
    assert place.ask("SELECT count(*) FROM sync_notification WHERE kind = 'connection_lost'") == [(0,)]


def test_one_of_the_workers_makes_an_audit(place: Place, api: httpx.Client, sandbox: Sandbox) -> None:
    """It is begun on a web process; two workers read no page twice, and one of them repairs what a person wants."""
    sandbox.faults.clear()
    with place.working("one"), place.working("other"):
        contact_id = add(api, "Ali Moss", email="ali@example.com")
        person_id = until(synced(api, f"/contacts/{contact_id}"))["pipedrive_person_id"]
        sandbox.people.change("persons", person_id, owner_id=2)
        before = len(sandbox.world.calls)
        assert api.post("/audit").status_code == 202
        found = until(lambda: (told := api.get("/audit").json())["state"] == "done" and told)
        pages = [call.path for call in sandbox.world.calls[before:] if call.path == "/api/v2/persons"]
        assert pages == ["/api/v2/persons"]
        assert [(each["row_id"], each["problem"]) for each in found["items"]] == [(contact_id, "owner")]


def test_a_worker_needs_postgres(tmp_path: Path) -> None:
    """One sentence says who does its work on SQLite; so it does for several web processes."""
    env = environment(tmp_path, "http://127.0.0.1:9")
    done = warmline(env, "worker")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "workers need PostgreSQL" in done.stderr
    assert "need PostgreSQL" in warmline(env, "serve", "--workers", "2").stderr
