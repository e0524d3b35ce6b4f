"""Programs that send each lead up to five times, side by side, over connections that break, to a server that dies.

`make leads LEADS=1000` does it with as many as one likes. A lead is a contact under an id of its own, and a call with
it under a key of its own.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

import httpx
from chaos.breach import Breach
from chaos.installations import Installation, OnPostgres, OnSqlite
from chaos.killing import PATIENCE, Round, breaches, is_settled
from postgres_cluster import cluster
from programs import free_port, new_token
from waiting import found_in_time

from warmline.client import Warmline
from warmline.sandbox import Sandbox, World, serving

SENDERS, SENDINGS = 8, 5
CUT = 0.15  # of all requests: the connection is closed before the answer is read
TRIES = 60
EACH = 1.0  # seconds for a lead at the longest, on a machine that is busy with other things


class Cutting(httpx.BaseTransport):
    """A network on which connections break: some requests are sent, and their answers never read.

    Args:
        chance: Draws which.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._network = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make a request, or break off in the middle of it."""
        if self._chance.random() < CUT:
            request.extensions["timeout"] = {
                **request.extensions["timeout"],
                "read": self._chance.uniform(0.0001, 0.02),
            }
        return self._network.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._network.close()


def send_round(
    folder: Path, seed: int, *, leads: int, kills: int = 2, install: Callable[..., Installation] = OnSqlite
) -> Round:
    """Send leads again and again, kill the programs so many times on the way, and look what came of it.

    Args:
        folder: An empty one.
        seed: Draws how often each is sent, what breaks, and when the programs die.
        leads: How many.
        kills: How many.
        install: Makes the installation.
    """
    chance, result = Random(seed), Round()
    world = World.sample(token="sandbox-token")
    world.settings.burst = world.settings.searches = 1000
    port = free_port()
    with serving(Sandbox(world, seed=seed)) as pipedrive_url:
        limits = {"WARMLINE_LIMITS": "500/2", "WARMLINE_SEARCH_LIMIT": "500/2"}
        ours = install(folder, pipedrive_url, **limits)
        token = new_token(ours.env, "alice@example.com", "--admin")
        sendings = [number for number in range(leads) for _ in range(chance.randint(1, SENDINGS))]
        chance.shuffle(sendings)
        with ThreadPoolExecutor(SENDERS) as pool:
            parts = [sendings[start::SENDERS] for start in range(SENDERS)]
            sent = Event()
            work = [pool.submit(_send, port, token, seed + n, part, sent) for n, part in enumerate(parts)]
            for _ in range(kills):
                with ours.running(port) as kill:
                    sent.clear()
                    sent.wait(60)
                    Event().wait(chance.uniform(0.1, 0.6))  # the random moment itself
                    kill()
                    result.kills += 1
            with ours.running(port):
                result.breaches += _refusals(work)
                settled = found_in_time(partial(is_settled, port, token, world, leads), PATIENCE + EACH * leads)
    result.requests = len(sendings)
    result.breaches += breaches(world, ours, leads, settled=settled)
    return result


def _send(port: int, token: str, seed: int, numbers: Sequence[int], sent: Event) -> list[str]:
    """Send leads, each until it is answered; return what went wrong."""
    chance, wait = Random(seed), Event()
    wrong = []
    address = f"http://127.0.0.1:{port}"
    with Warmline(
        address, token, tries=TRIES, transport=Cutting(chance), sleep=lambda seconds: wait.wait(min(seconds, 1.0))
    ) as warmline:
        for number in numbers:
            name = f"ünlü/{number}"
            contact = warmline.put_contact(
                "form", name, {"name": f"Lead {number}", "email": f"lead{number}@example.com", "warmness_score": 5}
            )
            call = warmline.log_activity({"type": "CALL", "contact_id": contact["id"]}, key=f"call-{number}")
            if contact["external_ids"] != [{"source": "form", "id": name}] or call["contact_id"] != contact["id"]:
                wrong.append(f"lead {number} was answered with another one")
            sent.set()
    return wrong


def _refusals(work: Sequence["Future[list[str]]"]) -> list[Breach]:
    return [Breach("loss", text) for each in work for text in each.result()]


def main() -> int:
    """Do it with as many leads as the arguments ask for; return 0 when nothing was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warmline-leads-") as folder, ExitStack() as stack:
        on_postgres = asked.database == "postgres"
        install = partial(OnPostgres, stack.enter_context(cluster())) if on_postgres else OnSqlite
        result = send_round(Path(folder), asked.seed, leads=asked.leads, install=install)
    sys.stdout.write(f"{asked.leads} leads sent {result.requests} times, {result.kills} kills: {result.breaches}\n")
    return 1 if result.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
