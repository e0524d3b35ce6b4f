"""`warmline serve` as a real process: both features through the JSON API alone, and the commands beside it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pytest
from programs import environment, free_port, new_token, serving_warmline, warmline
from waiting import until

from warmline.sandbox import Fault, Sandbox, World, serving

PATIENCE = 60  # seconds, on a machine that is busy with other things
PROMPT = 20  # seconds for a stop, in the middle of a call of a minute; two to four where nothing else runs
TOKEN = "sandbox-token"


@dataclass(frozen=True)
class House:
    """A served Warmline with Alice in it, and the Pipedrive that it knows."""

    env: dict[str, str]
    api: httpx.Client
    sandbox: Sandbox

    @property
    def world(self) -> World:
        """What Pipedrive holds."""
        return self.sandbox.world

    def add(self, **contact: Any) -> Any:
        """Add a contact."""
        return self.api.post("/contacts", json=contact).raise_for_status().json()

    def until(self, path: str, state: str) -> Any:
        """Return a row when it has come to a state."""

        def row() -> Any:
            found = self.api.get(path).raise_for_status().json()
            return found if found["sync"]["state"] == state else None

        return until(row)


def client(port: int, token: str) -> httpx.Client:
    """Return a caller of the API."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, trust_env=False, timeout=PATIENCE)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Serve a Warmline whose rows fail at the first attempt."""
    sandbox, folder, port = Sandbox(World.sample(token=TOKEN)), tmp_path_factory.mktemp("served"), free_port()
    with serving(sandbox) as url:
        env = environment(folder, url, WARMLINE_ATTEMPTS="1")
        token = new_token(env, "alice@example.com", "--admin")
        with serving_warmline(env, port, log=folder / "log"), client(port, token) as api:
            yield House(env, api, sandbox)
    log = (folder / "log").read_text(encoding="utf-8")
    assert log.startswith(f"Warmline listens on http://127.0.0.1:{port} (API: /api/docs)\n")
    assert "Traceback" not in log
    assert TOKEN not in log


@pytest.fixture
def failed(house: House) -> Iterator[Any]:
    """Return a warm contact that Pipedrive could not take."""
    house.sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons"))
    contact = house.add(name="Kim Castell", warmness_score=9)
    yield house.until(f"/contacts/{contact['id']}", "failed")
    house.sandbox.faults.clear()


def test_the_document_and_its_page(house: House) -> None:
    """Open to all; the page loads its script from Warmline itself. The front door is for people: they sign in."""
    front = str(house.api.base_url).removesuffix("/api/")
    look = partial(httpx.get, timeout=PATIENCE, trust_env=False)
    door = look(front, follow_redirects=True).raise_for_status()
    assert door.url.path == "/sign-in"
    page = look(f"{front}/api/docs").raise_for_status()
    assert "https://" not in page.text.replace("https://127.0.0.1", "")
    scripts = [part.split('"')[0] for part in page.text.split('src="')[1:]]
    assert scripts
    assert all(look(f"{front}{script}").is_success for script in scripts)
    document = look(f"{front}/api/openapi.json").raise_for_status().json()
    assert "/api/contacts" in document["paths"]


def test_a_warm_contact_and_its_activity_arrive(house: House) -> None:
    """Feature one and feature two, with nothing but calls of the API; Pipedrive holds what the API says."""
    contact = house.add(
        name="Jordan Ames",
        email="jordan@example.com",
        organization={"name": "Larkspur Mills", "country": "Germany"},
        warmness_score=7,
    )
    contact = house.until(f"/contacts/{contact['id']}", "synced")
    body = {"contact_id": contact["id"], "type": "MEETING", "due_date": "2027-01-12", "due_time": "10:30"}
    logged = house.api.post("/activities", json=body).raise_for_status().json()
    activity = house.until(f"/activities/{logged['id']}", "synced")

    person = house.world.persons[contact["pipedrive_person_id"]]
    assert (person["name"], person["org_id"]) == ("Jordan Ames", contact["organization"]["pipedrive_org_id"])
    theirs = house.world.activities[activity["pipedrive_activity_id"]]
    assert (theirs["subject"], theirs["type"], theirs["done"]) == ("Meeting with Jordan Ames", "meeting", False)
    assert len(house.world.persons) == len(house.world.organizations) == len(house.world.activities) == 1

    said = warmline(house.env, "explain", "contact", str(contact["id"]))
    there = "In Pipedrive, with all changes made here."
    assert said.stdout.splitlines() == [
        f"Jordan Ames (contact {contact['id']}): {there} Linked to person {person['id']}.",
        f"Organization Larkspur Mills: {there} Linked to organization {person['org_id']}.",
        "Activities in Pipedrive: 1 of 1.",
    ]


def test_a_cold_contact_explained(house: House) -> None:
    """It says the score, and the one that is needed."""
    contact = house.add(name="Robin Vale", warmness_score=3)
    said = warmline(house.env, "explain", "contact", str(contact["id"]))
    why = "Not sent: warmness is 3. From 4, it is sent to Pipedrive automatically as a Warm Lead."
    assert said.stdout.splitlines() == [
        f"Robin Vale (contact {contact['id']}): {why}",
        "The contact has no organization.",
        "No activities are logged.",
    ]


def test_a_failed_contact_explained_and_counted(house: House, failed: Any) -> None:
    """It says why, and when it is tried again; the status counts it."""
    said = warmline(house.env, "explain", "contact", str(failed["id"])).stdout.splitlines()[0]
    assert said.startswith(f"Kim Castell (contact {failed['id']}): It is not ")
    assert said.endswith(" UTC. `warmline sync retry` tries again now.")
    status = warmline(house.env, "sync", "status").stdout.splitlines()
    assert status[0] == "connection   ok: Pipedrive is responding."
    assert status[3].split() == ["failed", str(house.api.get("/sync").json()["failed"])]


def test_a_retry_from_another_process(house: House, failed: Any) -> None:
    """The server takes the failed rows up, long before their batch would, and everything is there once."""
    house.sandbox.faults.clear()
    number = house.api.get("/sync").json()["failed"]
    assert warmline(house.env, "sync", "retry").stdout == f"Retrying {number} row{'s' * (number != 1)}.\n"
    contact = house.until(f"/contacts/{failed['id']}", "synced")
    same = [person["id"] for person in house.world.persons.values() if person["name"] == "Kim Castell"]
    assert contact["pipedrive_person_id"] in same
    assert house.api.get("/sync").json()["failed"] == 0


def test_without_a_token_everything_waits(tmp_path: Path) -> None:
    """The API works, the rows wait for a token and say so, and the server stops when it is told."""
    env, port = environment(tmp_path, "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN=""), free_port()
    token = new_token(env, "alice@example.com")
    with serving_warmline(env, port, log=tmp_path / "log") as server, client(port, token) as api:
        contact = api.post("/contacts", json={"name": "Jordan Ames", "warmness_score": 7}).raise_for_status().json()
        sync = api.get("/sync").raise_for_status().json()
        assert (contact["sync"]["state"], sync["wanted"]) == ("wanted", 1)
        assert sync["connection"]["state"] == "no_token"
        said = warmline(env, "explain", "contact", str(contact["id"])).stdout.splitlines()
        assert said[-1].startswith("Sending is paused. No Pipedrive API token is set.")
        stops_in_time(server)


@pytest.mark.parametrize("token", ["two words", "“quoted”", "bell\x07"])
def test_with_what_is_no_token_everything_else_goes_on(tmp_path: Path, token: str) -> None:
    """The engine's process lives, which imports files as well, and says so; with a good token everything follows."""
    (tmp_path / "token").write_text(f"{token}\n", encoding="utf-8")
    log, port = tmp_path / "log", free_port()
    with serving(Sandbox(World.sample(token=TOKEN))) as url:
        env = {
            **environment(tmp_path, url, PIPEDRIVE_API_TOKEN=""),
            "PIPEDRIVE_API_TOKEN_FILE": str(tmp_path / "token"),
        }
        own = new_token(env, "alice@example.com")
        with serving_warmline(env, port, log=log) as server, client(port, own) as api:
            contact = api.post("/contacts", json={"name": "Jordan Ames", "warmness_score": 7}).raise_for_status().json()
            (note,) = until(lambda: api.get("/notifications").json()["items"])
            assert note["kind"] == "connection_lost"
            connection = api.get("/sync").raise_for_status().json()["connection"]
            assert (connection["state"], connection["since"]) == ("invalid_token", note["at"])
            assert token not in connection["message"]
            engine = engine_of(server)
        assert engine
        assert len(log.read_text(encoding="utf-8").splitlines()) == 2  # where it listens, and that nothing is sent
        (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
        with serving_warmline(env, port, log=log), client(port, own) as api:
            until(lambda: api.get(f"/contacts/{contact['id']}").json()["sync"]["state"] == "synced")
            kinds = [note["kind"] for note in api.get("/notifications").json()["items"]]
            assert kinds[:2] == ["connection_lost", "connection_back"]


def test_a_restart_with_another_companys_token(tmp_path: Path) -> None:
    """The stranger with the same id gets nothing. Told to start anew, the running server brings all to the other."""
    old, new = (World.sample(token=TOKEN, company_id=number) for number in (1, 2))
    strangers, port = Sandbox(new), free_port()
    strangers.add("persons", name="Robin Vale")
    with serving(Sandbox(old)) as url, serving(strangers) as other_url:
        env = environment(tmp_path, url)
        own = new_token(env, "alice@example.com")
        with serving_warmline(env, port, log=tmp_path / "log"), client(port, own) as api:
            contact = api.post("/contacts", json={"name": "Jordan Ames", "warmness_score": 7}).raise_for_status().json()
            path = f"/contacts/{contact['id']}"
            until(lambda: api.get(path).json()["pipedrive_person_id"] == 1)
        env["PIPEDRIVE_BASE_URL"] = other_url
        with serving_warmline(env, port, log=tmp_path / "log"), client(port, own) as api:
            api.patch(path, json={"name": "Jordan Amesbury"}).raise_for_status()
            api.post("/activities", json={"contact_id": contact["id"], "type": "CALL"}).raise_for_status()
            until(lambda: api.get("/sync").json()["connection"]["state"] == "another_company")
            assert warmline(env, "sync", "status").stdout.startswith("connection   another_company: The API token ")
            assert {call.path for call in new.calls} == {"/api/v1/users/me"}
            assert warmline(env, "sync", "start-anew", "--yes").returncode == 0
            until(lambda: new.activities)
            until(lambda: api.get("/sync").json()["wanted"] == 0)
            assert api.get(path).json()["pipedrive_person_id"] == 2
    assert [person["name"] for person in old.persons.values()] == ["Jordan Ames"]
    assert [person["name"] for person in new.persons.values()] == ["Robin Vale", "Jordan Amesbury"]
    assert [activity["person_id"] for activity in new.activities.values()] == [2]


@pytest.mark.parametrize(("name", "delay"), [("SIGTERM", 0.05), ("SIGINT", 0.05), ("SIGTERM", 60)])
def test_a_server_stops_in_time(tmp_path: Path, name: str, delay: float) -> None:
    """In the middle of a call: what is under way is finished, or left to the next start; nobody complains."""
    world, port = World.sample(token=TOKEN), free_port()
    sandbox = Sandbox(world)
    sandbox.faults.add(Fault(kind="slow", delay=delay))
    with serving(sandbox) as url:
        env = environment(tmp_path, url)
        token = new_token(env, "alice@example.com")
        with serving_warmline(env, port, log=tmp_path / "log") as server, client(port, token) as api:
            api.post("/contacts", json={"name": "Jordan Ames", "warmness_score": 7}).raise_for_status()
            # What takes a minute has begun, or the last call of what can be finished.
            last = ("GET",) if delay > 1 else ("POST", "/api/v2/persons")
            until(lambda: any((call.method, call.path)[: len(last)] == last for call in world.calls), longest=0.02)
            stops_in_time(server, signal.Signals[name])
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 1
    status = warmline(env, "sync", "status").stdout
    assert delay > 1 or "in_progress  0" in status


def stops_in_time(server: "Popen[bytes]", how: signal.Signals = signal.SIGTERM) -> None:
    """Tell a server to stop, and look that it does so in time and in order."""
    server.send_signal(how)
    assert server.wait(timeout=PROMPT) == 0


def engine_of(server: "Popen[bytes]") -> int:
    """Return the process that a server has beside it; 0 while there is none."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
    pairs = (map(int, line.split()) for line in listed.splitlines())
    return next((pid for parent, pid in pairs if parent == server.pid), 0)


def is_gone(pid: int) -> bool:
    """Tell whether no process of this id is left, but for a dead one that nobody has asked about yet."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not listed.strip() or listed.strip().startswith("Z")


def test_an_engine_that_dies_is_started_again(tmp_path: Path) -> None:
    """The pages' process notices, says so in the log, and what is saved then goes over."""
    log = tmp_path / "warmline.log"
    with serving(Sandbox(World.sample(token=TOKEN))) as url:
        env, port = environment(tmp_path, url), free_port()
        token = new_token(env, "alice@example.com")
        with serving_warmline(env, port, log=log) as server:
            first = until(lambda: engine_of(server))
            os.kill(first, signal.SIGKILL)
            with client(port, token) as api:
                saved = api.post("/contacts", json={"name": "Jordan Ames", "warmness_score": 5}).json()
                until(lambda: api.get(f"/contacts/{saved['id']}").json()["sync"]["state"] == "synced")
            assert engine_of(server) != first
    assert "serve.engine_died status=-9" in log.read_text()


def test_an_engine_ends_with_its_server(tmp_path: Path) -> None:
    """A server that is killed leaves no process behind."""
    env, port = environment(tmp_path, "http://127.0.0.1:9"), free_port()
    with serving_warmline(env, port, log=tmp_path / "warmline.log") as server:
        engine = until(lambda: engine_of(server))
        server.kill()
        until(lambda: is_gone(engine))
