"""What the acceptance tests of restoring do: a team at work, a backup in the middle of it, and what must hold then."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from programs import free_port, new_token, warmline
from waiting import until

from warmline.sandbox import Sandbox
from warmline.sandbox.merging import merge

TYPES = ("CALL", "MEETING", "EMAIL")
CREATES = ("persons", "organizations", "activities")


@dataclass
class Installation:
    """A Warmline with its programs.

    Attributes:
        env: Of its programs.
        sandbox: Its Pipedrive.
        run: Has it run on a port while a block does.
        token: Alice's, of the API.
    """

    env: dict[str, str]
    sandbox: Sandbox
    run: Callable[[int, tuple[str, ...]], Any]
    token: str = ""

    @contextmanager
    def running(self, *options: str) -> Iterator[httpx.Client]:
        """Run it while the block does; yield a caller of its API."""
        port = free_port()
        with self.run(port, options):
            headers = {"Authorization": f"Bearer {self.token}"}
            url = f"http://127.0.0.1:{port}/api"
            with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=120) as api:
                yield api

    def command(self, *arguments: str) -> str:
        """Run a command that goes well, and return what it says."""
        done = warmline(self.env, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def begin(self) -> None:
        """Add Alice."""
        self.token = new_token(self.env, "alice@example.com", "--admin")


@dataclass
class Team:
    """People at work, who draw what they do from a seed."""

    api: httpx.Client
    sandbox: Sandbox
    chance: random.Random
    contacts: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)

    def add(self, *, score: int = 7) -> None:
        """Add a contact; every third has no e-mail, and most have an organization."""
        number = self.chance.getrandbits(40)
        body: dict[str, Any] = {"name": f"Person {number}", "warmness_score": score}
        if number % 3:
            body["email"] = f"{number}@example.com"
        if number % 4:
            body["organization"] = {"name": f"Mills {number % 50}"}
        self.contacts.append(self._sent("POST", "/contacts", body))

    def log(self) -> None:
        """Log an activity."""
        contact = self.chance.choice(self.contacts)
        number = self.chance.getrandbits(40)
        body = {
            "type": self.chance.choice(TYPES),
            "subject": f"About {number}",
            "note": "Grüße\n\n zwei",
            "done": False,
        }
        self.activities.append(self._sent("POST", "/activities", {**body, "contact_id": contact["id"]}))

    def edit(self) -> None:
        """Change a contact or an activity."""
        number = self.chance.getrandbits(40)
        if self.chance.random() < 0.5 or not self.activities:
            contact = self.chance.choice(self.contacts)
            self._sent("PATCH", f"/contacts/{contact['id']}", {"phone": f"+49 {number}"})
            return
        activity = self.chance.choice(self.activities)
        change: Any = self.chance.choice([{"done": True}, {"note": f"Later {number}"}, {"due_date": "2027-03-01"}])
        self._sent("PATCH", f"/activities/{activity['id']}", change)

    def warm(self) -> None:
        """Have a cold contact become warm, with what was logged with it."""
        cold = [each for each in self.contacts if each["warmness_score"] < 4]
        if cold:
            contact = self.chance.choice(cold)
            contact["warmness_score"] = 8
            self._sent("PATCH", f"/contacts/{contact['id']}", {"warmness_score": 8})

    def meddle(self) -> None:
        """Have colleagues tick off an activity, or merge a person with one of theirs, in Pipedrive."""
        world = self.sandbox.world
        there = [each for each in world.activities.values() if not each["is_deleted"]]
        if self.chance.random() < 0.7 and there:
            self.chance.choice(there)["done"] = True
            return
        persons = [each for each in world.persons.values() if not each["is_deleted"] and each["emails"]]
        if persons:
            one = self.chance.choice(persons)
            other = self.sandbox.add("persons", name=one["name"], emails=one["emails"])
            merge(world, "persons", one["id"], other["id"])

    def change(self, number: int) -> None:
        """Make so many changes, of all kinds."""
        deeds = (self.add, self.log, self.log, self.edit, self.edit, self.warm, self.meddle)
        for _ in range(number):
            self.chance.choice(deeds)()

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


def at_rest(api: httpx.Client) -> Callable[[], bool]:
    """Return what tells that nothing is on its way."""

    def is_so() -> bool:
        found = api.get("/sync").raise_for_status().json()
        check = found["link_check"]
        return not found["wanted"] and not found["in_progress"] and (check is None or check["ended_at"] is not None)

    return is_so


def doubles(sandbox: Sandbox) -> list[str]:
    """Return what is in Pipedrive twice: a mark, a name of ours, or a subject, each of which is there once."""
    world = sandbox.world
    persons = [each for each in world.persons.values() if not each["is_deleted"]]
    organizations = [each for each in world.organizations.values() if not each["is_deleted"]]
    activities = [each for each in world.activities.values() if not each["is_deleted"]]
    marks = [mark for each in (*persons, *organizations) for mark in each["custom_fields"].values() if mark]
    names = [each["name"] for each in (*persons, *organizations)]
    subjects = [each["subject"] for each in activities]
    return [key for some in (marks, names, subjects) for key, number in Counter(some).items() if number > 1]


def made(sandbox: Sandbox) -> Counter[str]:
    """Return how many creates there were of each kind of record."""
    paths = [call.path.rpartition("/")[2] for call in sandbox.world.calls if call.method == "POST"]
    return Counter(path for path in paths if path in CREATES)


def linked(api: httpx.Client) -> dict[tuple[str, int], int]:
    """Return the ids in Pipedrive of all rows that have one."""
    found: dict[tuple[str, int], int] = {}
    for kind, link in (
        ("contacts", "pipedrive_person_id"),
        ("organizations", "pipedrive_org_id"),
        ("activities", "pipedrive_activity_id"),
    ):
        after = ""
        while True:
            page = (
                api.get(f"/{kind}", params={"limit": 200, "cursor": after} if after else {"limit": 200})
                .raise_for_status()
                .json()
            )
            found |= {(kind, row["id"]): row[link] for row in page["items"] if row[link] is not None}
            after = page["next"]
            if not after:
                break
    return found


def acceptance(old: Installation, new: Installation, file: Path, *, changes: int) -> None:
    """Work, back up while others save, make many further changes, lose all, and restore in another place."""
    old.begin()
    chance = random.Random(20261127)
    with old.running() as api:
        team = Team(api, old.sandbox, chance)
        for _ in range(40):
            team.add(score=chance.choice([1, 7]))
        team.change(150)
        said = old.command("backup", str(file))  # what the last of these need is still on its way
        assert "The secret key is not in it." in said
        known = {each["id"] for each in team.contacts}
        team.change(changes)
        until(at_rest(api), within=600)
    assert doubles(old.sandbox) == []
    before = made(old.sandbox)

    new.token = old.token
    said = new.command("restore", str(file), *(() if new.env is not old.env else ("--replace",)))
    assert "Warmline checks every link" in said
    new.sandbox.world.calls.clear()
    with new.running() as api:
        until(lambda: api.get("/sync").json()["link_check"]["ended_at"], within=300)
        check = api.get("/sync").json()["link_check"]
        assert check["checked"] == check["total"] > 0
        until(at_rest(api), within=600)
        # What the backup knows as cold was warm before the disaster, and becomes so again.
        for contact in [each for each in team.contacts if each["id"] in known]:
            api.patch(f"/contacts/{contact['id']}", json={"warmness_score": 8}).raise_for_status()
        until(at_rest(api), within=600)
        links = linked(api)
        state = api.get("/sync").json()
    assert doubles(new.sandbox) == []
    assert state["failed"] == 0
    world = new.sandbox.world
    for (kind, row_id), record_id in links.items():
        record = world.records[kind.replace("contacts", "persons")][record_id]
        assert not record["is_deleted"], (kind, row_id)
    assert {row_id for kind, row_id in links if kind == "contacts"} == known
    told = new.command("sync", "status")
    assert "links were right" in told
    assert "that Warmline created and does not know any more" in told
    assert sum(before.values()) > 0
