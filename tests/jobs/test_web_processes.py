"""`warmline serve --workers 2`: several processes answer on one port, and each hears what others write."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import httpx
import pytest
from programs import PASSWORD, free_port
from programs_on_postgres import PATIENCE, Place, own_cluster, synced
from waiting import until

from warmline.sandbox import Sandbox, World, serving

STREAMS = 8  # so that each of two processes has some of them, but for one time in a hundred, which harms nothing
PROMPT = 20.0  # seconds for a stop
LISTENING = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
BROKEN = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return where the programs run."""
    with serving(Sandbox(World.sample(token="sandbox-token"))) as url, own_cluster() as database:
        yield Place(database, tmp_path_factory.mktemp("programs"), url)


def signed_in(port: int) -> httpx.Client:
    """Return Alice's browser."""
    browser = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE)
    page = browser.get("/sign-in").raise_for_status().text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "username": "alice@example.com", "password": PASSWORD}
    assert browser.post("/sign-in", data=fields).status_code == 302
    return browser


class Listening:
    """A page that listens."""

    def __init__(self, browser: httpx.Client) -> None:
        self.told: list[str] = []
        self.is_open = False
        self._browser = browser
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            with self._browser.stream("GET", "/events") as answer:
                last = ""
                for line in answer.iter_lines():
                    self.is_open = True
                    last = line if line.startswith("id:") else last
                    if line == "event: told":
                        self.told.append(last)
        except httpx.TransportError:
            pass  # the server has stopped


def children(pid: int) -> set[int]:
    """Return the processes that a process has started."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid=,stat="], capture_output=True, text=True, check=True).stdout
    lines = (line.split() for line in listed.splitlines())
    return {int(own) for parent, own, state in lines if int(parent) == pid and not state.startswith("Z")}


def test_several_processes_answer_hear_and_live(place: Place) -> None:
    """Each page is told once, also after its process lost the connection on which it listens; who dies is replaced."""
    port = free_port()
    with place.serving(port, "--workers", "2") as server, place.caller(port) as api, place.working():
        assert len(children(server.pid)) == 2
        with closing(signed_in(port)) as browser:
            pages = [Listening(browser) for _ in range(STREAMS)]
            until(lambda: all(page.is_open for page in pages))
            for number, name in enumerate(["Jordan Ames", "Kim Castell"], start=1):
                contact = api.post("/contacts", json={"name": name, "warmness_score": 7}).raise_for_status().json()
                until(synced(api, f"/contacts/{contact['id']}"))
                until(lambda: all(len(page.told) >= number for page in pages))  # noqa: B023 (called here)
                until(lambda: len(place.ask(LISTENING, "warmline listen")) == 2)  # after the last cut, they come back
                place.ask(BROKEN, "warmline listen")
            assert {tuple(page.told) for page in pages} == {tuple(pages[0].told)}
            assert len(set(pages[0].told)) == 2

        first = children(server.pid)
        os.kill(min(first), signal.SIGKILL)
        until(lambda: len(children(server.pid) - {min(first)}) == 2)
        until(lambda: api.get("/contacts").status_code == 200)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=PROMPT) == 0
        until(lambda: not children(server.pid))
