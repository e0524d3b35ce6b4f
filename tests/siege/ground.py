"""Where an attack takes place: a Warmline of its own with a sandbox Pipedrive, on loopback, and what is measured there.

Nothing outside of this machine is ever called. Memory is the most that both processes together have held; what they
share counts once.
"""

import http.client
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import httpx
from programs import PASSWORD, environment, free_port, new_token, serving_warmline

from warmline.sandbox import Sandbox, World, serving

MEMBER = "alice@example.com"
PACE = 0.1  # seconds between two saves of a member while an attack goes on; without any they would be the attack
NO_PAUSE = {"WARMLINE_LIMITS": "1000/2", "WARMLINE_SEARCH_LIMIT": "1000/2", "WARMLINE_PLAN": "ultimate"}


@dataclass
class Saves:
    """How a member's saves went.

    Attributes:
        seconds: How long each answer took.
        refused: How many were told to come again.
        errors: What else came, in short.
        ids: Of the contacts that were acknowledged.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Return how long the slowest of so many percent took, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


@dataclass
class Ground:
    """A Warmline that runs, and its sandbox.

    Attributes:
        port: Where it listens on 127.0.0.1.
        token: The API token of an admin, who saves while the attack goes on.
        env: Its environment, for commands.
        folder: Its data folder.
        log: The file that it logs to.
        pid: Its first process; the second one is in the same group.
        world: What its Pipedrive holds.
        sandbox: Its Pipedrive, to break.
        quiet: How saves went before the attack.
    """

    port: int
    token: str
    env: dict[str, str]
    folder: Path
    log: Path
    pid: int
    world: World
    sandbox: Sandbox
    quiet: Saves = field(default_factory=Saves)
    _numbers: "count[int]" = field(default_factory=count)

    def within(self, seconds: float) -> float:
        """Return how long something may take on this machine, as busy as it is, that takes so long on a quiet one."""
        return seconds + 20 * self.quiet.percentile(95)

    def lead(self) -> dict[str, Any]:
        """Return a warm contact, another one each time."""
        number = next(self._numbers)
        return {"name": f"Ames {number}", "email": f"ames{number}@example.org", "warmness_score": 6}

    def ask(self, method: str, path: str, body: object = None, *, token: str = "") -> tuple[int, Any]:
        """Make one call of the API on a connection of its own.

        Args:
            method: Of the call.
            path: Of the call, such as "/api/sync".
            body: Sent as JSON.
            token: Whose; the admin's if left out.

        Returns:
            The status, and the answer's JSON.
        """
        with _connection(self.port) as connection:
            return _call(connection, method, path, body, token or self.token)

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """Sign the admin in, and have their browser while the block runs."""
        url = f"http://127.0.0.1:{self.port}"
        with httpx.Client(base_url=url, timeout=180, trust_env=False, follow_redirects=True) as browser:
            browser.get("/sign-in")
            fields = {"username": MEMBER, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            browser.post("/sign-in", data=fields).raise_for_status()
            yield browser

    def save(self, saves: int) -> Saves:
        """Save so many contacts one after the other, as a person would who is quick."""
        result = Saves()
        with _connection(self.port) as connection:
            for _ in range(saves):
                self._save_one(connection, result)
        return result

    def save_until(self, over: Event) -> Saves:
        """Save contacts one after the other until something is over."""
        result = Saves()
        with _connection(self.port) as connection:
            while not over.wait(PACE):
                self._save_one(connection, result)
        return result

    def memory(self) -> int:
        """Return the most bytes that the processes have held together; 0 where the system does not tell.

        The pages of programs and libraries count once, because the processes share them.
        """
        pids = processes(self.pid)
        shared = [_bytes(pid, "RssFile") for pid in pids]
        return sum(_bytes(pid, "VmHWM") for pid in pids) - sum(shared) + max(shared, default=0)

    def logged(self) -> str:
        """Return what was logged so far."""
        return self.log.read_text(errors="replace")

    def _save_one(self, connection: http.client.HTTPConnection, result: Saves) -> None:
        began = time.perf_counter()
        try:
            status, said = _call(connection, "POST", "/api/contacts", self.lead(), self.token)
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next call opens it anew
            result.errors.append(type(error).__name__)
            return
        if status == HTTPStatus.CREATED:
            result.seconds.append(time.perf_counter() - began)
            result.ids.append(said["id"])
        elif status == HTTPStatus.SERVICE_UNAVAILABLE:
            result.refused += 1
        else:
            result.errors.append(str(status))


@contextmanager
def ground(
    folder: Path,
    more: dict[str, str],
    *,
    data: Path | None = None,
    before: Callable[[str], AbstractContextManager[str]] = nullcontext,
) -> Iterator[Ground]:
    """Run a Warmline and its sandbox while the block runs.

    Args:
        folder: An empty one, for the logs.
        more: Further variables of its environment.
        data: Its data folder; one within the other if left out.
        before: Stands before the sandbox, whose address it is given, and tells its own.
    """
    world = World.sample(token="sandbox-token")
    world.settings.burst = world.settings.searches = 1000
    sandbox, port, log = Sandbox(world), free_port(), folder / "warmline.log"
    data = data or folder / "data"
    with serving(sandbox, latency=0.01) as url, before(url) as pipedrive_url:
        env = environment(data, pipedrive_url, **{**NO_PAUSE, **more})
        token = new_token(env, MEMBER, "--admin")
        with serving_warmline(env, port, log=log) as program:
            yield Ground(port, token, env, data, log, program.pid, world, sandbox)


def processes(group: int) -> list[int]:
    """Return the processes of a group; none where the system has no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        try:
            if os.getpgid(pid) == group:
                found.append(pid)
        except ProcessLookupError:
            continue
    return found


def _bytes(pid: int, name: str) -> int:
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


@contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=180)
    try:
        yield connection
    finally:
        connection.close()


def _call(connection: http.client.HTTPConnection, method: str, path: str, body: object, token: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    is_json = answer.headers.get_content_type() == "application/json"
    return answer.status, json.loads(said) if is_json else said.decode(errors="replace")
