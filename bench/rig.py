"""A rig: a sandbox Pipedrive and a Warmline as real processes on this machine, and the people who work with them.

Everything goes over HTTP. When a record arrived is what the sandbox says: it knows when it committed, and all processes
share this machine's clock.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import httpx

from warmline import programs

LATENCY = ("--latency", "0.04", "--jitter", "0.08")  # 80 ms, give or take 40
SANDBOX_TOKEN = "sandbox-token"
PASSWORD = "a-long-enough-password"
MEMBERS = {"alice": (), "bob": (), "carol": ("--admin",)}
POLL = 0.05  # seconds between looks whether a row is synced; when it arrived is not told by these
FILL_IN_TIME = 300.0
PATIENCE = 200.0  # seconds for one row; whatever is promised, a slow one is measured

Kind = Literal["persons", "organizations", "activities"]
Json = dict[str, Any]


class BenchError(Exception):
    """A section could not be measured; the message says why."""


@dataclass(frozen=True)
class Team:
    """The members of a new installation, each rig beginning with a copy of it.

    Attributes:
        folder: Its data folder.
        tokens: Each member's API token, by first name in lower case.
    """

    folder: Path
    tokens: dict[str, str]

    @classmethod
    def gather(cls, folder: Path) -> "Team":
        """Set up a new installation with the command line, as an administrator does.

        Args:
            folder: Its data folder, which is not there yet.

        Raises:
            BenchError: A command failed.
        """
        env = programs.environment(folder, "http://127.0.0.1:9", "")
        tokens = {}
        for name, options in MEMBERS.items():
            email = f"{name}@example.com"
            _run(env, "user", "add", email, "--name", name.title(), *options, typed=PASSWORD)
            tokens[name] = _run(env, "token", email)
        return cls(folder, tokens)


class Sandbox:
    """A sandbox that runs, seen through its control API.

    Args:
        url: Where it answers.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._door = httpx.Client(base_url=f"{url}/sandbox", timeout=60, trust_env=False)

    def calls(self, since: float = 0.0) -> list[Json]:
        """Return the calls that came in, in their order.

        Args:
            since: Unix seconds of the first one.
        """
        made: list[Json] = self._door.get("/calls").raise_for_status().json()["calls"]
        return [call for call in made if call["at"] >= since]

    def arrivals(self, kind: Kind) -> dict[int, float]:
        """Return when each record was committed, in unix seconds by id.

        Ids are given in the order of the creates, which is that of the log.
        """
        moments = [call["at"] for call in self.calls() if is_create(call, kind)]
        ids = sorted(record["id"] for record in self._door.get("/world").raise_for_status().json()[kind])
        return dict(zip(ids, moments, strict=True))

    def break_with(self, **fault: Any) -> None:
        """Put a rule of what goes wrong in force; see the sandbox's README."""
        self._door.post("/faults", json=fault).raise_for_status()


class Member:
    """A member of the team, with a program of their own on Warmline's API.

    Args:
        url: Where Warmline answers.
        token: Theirs.
    """

    def __init__(self, url: str, token: str) -> None:
        self.api = httpx.Client(
            base_url=f"{url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        )

    def save(self, path: str, body: Json) -> Json:
        """Save a row, and return it as answered."""
        row: Json = self.api.post(path, json=body).raise_for_status().json()
        return row

    def bring_in(self, contacts: list[Json]) -> list[int]:
        """Import contacts, and return their ids."""
        return [outcome["contact_id"] for outcome in self.save("/contacts/import", {"contacts": contacts})["outcomes"]]

    def click(self, path: str, body: Json) -> tuple[float, Json]:
        """Save a row and wait until it is synced.

        Returns:
            When the save was answered, in unix seconds; and the row as it is then.

        Raises:
            BenchError: It does not get there.
        """
        row = self.save(path, body)
        answered = time.time()
        while row["sync"]["state"] != "synced":
            if row["sync"]["state"] == "failed" or time.time() > answered + PATIENCE:
                raise BenchError(f"{path}/{row['id']} is {row['sync']['state']}: {row['sync']['error']}")
            time.sleep(POLL)
            row = self.api.get(f"{path}/{row['id']}").raise_for_status().json()
        return answered, row

    def left(self) -> int:
        """Return how many of their rows are still on their way."""
        sync = self.api.get("/sync").raise_for_status().json()
        if sync["failed"]:
            raise BenchError(f"{sync['failed']} rows failed")
        return int(sync["wanted"] + sync["in_progress"])


class Browser:
    """A member at Warmline's pages: signed in, with cookies and one open connection, as a browser has.

    Args:
        url: Where Warmline answers.
        name: Their first name in lower case.

    Raises:
        BenchError: They could not sign in.
    """

    def __init__(self, url: str, name: str) -> None:
        self._pages = httpx.Client(base_url=url, timeout=60, trust_env=False, follow_redirects=True)
        self.get("/sign-in")
        came_to = self.post("/sign-in", {"username": f"{name}@example.com", "password": PASSWORD}).url.path
        if came_to != "/contacts":
            raise BenchError(f"{name} could not sign in")

    def get(self, path: str) -> str:
        """Return a page."""
        return self._pages.get(path).raise_for_status().text

    def post(self, path: str, fields: dict[str, str], file: bytes = b"") -> httpx.Response:
        """Send a form, and return the page that follows.

        Args:
            path: Where to.
            fields: Its fields.
            file: What a further one named "file" holds; empty for none.
        """
        headers = {"X-CSRFToken": self._pages.cookies["csrftoken"]}
        files = {"file": ("people.csv", file, "text/csv")} if file else None
        return self._pages.post(path, data=fields, files=files, headers=headers).raise_for_status()

    def link(self, path: str, pattern: str) -> str:
        """Return the first address on a page that fits a pattern.

        Raises:
            BenchError: There is none.
        """
        found = re.search(rf'href="({pattern})"', self.get(path))
        if found is None:
            raise BenchError(f"{path} has no link like {pattern}")
        return found[1].replace("&amp;", "&")


@dataclass(frozen=True)
class Warmline:
    """A Warmline that runs.

    Attributes:
        url: Where it answers.
        pid: Its process.
        tokens: The team's.
    """

    url: str
    pid: int
    tokens: dict[str, str]

    def member(self, name: str) -> Member:
        """Return a member of the team with a connection of their own, so each thread can have its own."""
        return Member(self.url, self.tokens[name])


class Lab:
    """Where rigs are put up.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self.team = Team.gather(folder / "team")

    def new_data(self) -> Path:
        """Return the data folder of a new installation that has its team."""
        return Path(shutil.copytree(self.team.folder, self._folder / f"data-{next(self._numbers)}"))

    def filled_data(self, contacts: int) -> Path:
        """Return the data folder of an installation with so many contacts, and with what `bench.fill` adds to them.

        Raises:
            BenchError: It could not be filled.
        """
        folder = self.new_data()
        env = programs.environment(folder, "http://127.0.0.1:9", "", DJANGO_SETTINGS_MODULE="warmline.settings")
        program = [
            sys.executable,
            "-c",
            f"import django; django.setup(); from bench.fill import fill; fill({contacts})",
        ]
        done = subprocess.run(program, env=env, capture_output=True, text=True, timeout=FILL_IN_TIME, check=False)
        if done.returncode:
            raise BenchError(done.stderr[-2000:])
        return folder

    @contextmanager
    def sandbox(self) -> Iterator[Sandbox]:
        """Run a sandbox while the block runs."""
        port = programs.free_port()
        url = f"http://127.0.0.1:{port}"
        env = programs.environment(self._folder, url, SANDBOX_TOKEN)
        arguments = ("sandbox", "--port", str(port), *LATENCY)
        with programs.running(env, *arguments, ready=f"{url}/sandbox/world", log=self._folder / "sandbox.log"):
            yield Sandbox(url)

    @contextmanager
    def warmline(
        self, pipedrive_url: str, *, token: str = SANDBOX_TOKEN, data: Path | None = None
    ) -> Iterator[Warmline]:
        """Run a Warmline while the block runs.

        Args:
            pipedrive_url: Where its Pipedrive answers.
            token: Its API token there; empty for none.
            data: Its data folder; a new installation's if left out.
        """
        port = programs.free_port()
        url = f"http://127.0.0.1:{port}"
        env = programs.environment(data or self.new_data(), pipedrive_url, token, WARMLINE_LOG_LEVEL="WARNING")
        arguments = ("serve", "--port", str(port))
        ready, log = f"{url}/api/openapi.json", self._folder / "warmline.log"
        with programs.running(env, *arguments, ready=ready, log=log) as program:
            yield Warmline(url, program.pid, self.team.tokens)


def is_create(call: Json, kind: Kind) -> bool:
    """Tell whether a call of the sandbox's log made a record of this kind."""
    return bool(call["method"] == "POST" and call["path"] == f"/api/v2/{kind}" and call["status"] == httpx.codes.OK)


def lead(name: str, *, employer: str = "") -> Json:
    """Return a warm contact of a made-up name, as the API takes it.

    Args:
        name: Of the contact; its e-mail is made of it.
        employer: Its organization's name; the contact's own is made of its name if left out.
    """
    return {
        "name": name,
        "email": f"{name.replace(' ', '.').lower()}@example.org",
        "phone": "+49 30 5550100",
        "organization": {"name": employer or f"{name} Mills", "sector": "Manufacturing"},
        "warmness_score": 6,
    }


def call_with(contact_id: int) -> Json:
    """Return an activity, as the API takes it."""
    return {"contact_id": contact_id, "type": "CALL", "note": "Asked for a quote for two mills."}


def _run(env: dict[str, str], *arguments: str, typed: str = "") -> str:
    done = programs.command(env, *arguments, typed=typed)
    if done.returncode:
        raise BenchError(done.stderr)
    return done.stdout.strip()
