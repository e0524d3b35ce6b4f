"""Growth: the same local figures, and click to Pipedrive, with 1,000, 10,000 and 100,000 contacts, beside the smallest.

One server for each size, asked in turn, so that all meet the same machine. Alice sees a tenth of the rows; Carol, an
admin, all of them.
"""

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

from bench.figures import Figure, Promise, Result, percentile
from bench.rig import Lab, Member, Sandbox, Warmline, call_with, lead

SIZES = (1_000, 10_000, 100_000)
SMALLEST, LARGEST = SIZES[0], SIZES[-1]
WITHIN, MEGABYTES = 1.5, 250
SAMPLES, FEWEST, SECONDS = 60, 5, 4.0  # of each figure and size; fewer where they take longer than so many seconds
CLICKS = 25
STATES = ("not_wanted", "wanted", "in_progress", "synced", "failed")
READS = {
    "contacts": "/contacts",
    "contacts, a page in the middle": "/contacts?cursor={middle}",
    "contacts, warm": "/contacts?limit=10&warm=true",
    "contacts, cold": "/contacts?limit=10&warm=false",
    "contacts, searched by name": "/contacts?limit=10&search=person%2077",
    "contacts, searched by organization": "/contacts?limit=10&search=mills%205",
    "contacts, searched in vain": "/contacts?limit=10&search=nobody",
    **{f"contacts, {state}": f"/contacts?limit=10&state={state}" for state in STATES},
    "activities": "/activities",
    "activities of a contact": "/activities?limit=10&contact_id={contact}",
    **{f"activities, {state}": f"/activities?limit=10&state={state}" for state in STATES},
    "organizations": "/organizations",
    "organizations, searched": "/organizations?limit=10&search=mills%205",
    "organizations, searched in vain": "/organizations?limit=10&search=nobody",
    **{f"organizations, {state}": f"/organizations?limit=10&state={state}" for state in STATES},
    "how far everything is": "/sync",
}
NOTE = (
    "Five activities a contact, nine in ten contacts cold; lists of 50, with a filter or a search of 10. Each line: "
    "the largest beside the smallest, at p95; behind it p50 and p95 at each size: "
    f"{', '.join(f'{size:,}' for size in SIZES)} contacts."
)

Times = dict[int, list[float]]
Ask = Callable[[int, Member], None]


def measure(lab: Lab) -> Result:
    """Measure all figures at all sizes."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(lab.sandbox())
        servers = {size: stack.enter_context(lab.warmline(sandbox.url, data=lab.filled_data(size))) for size in SIZES}
        figures = []
        for name, what in (("alice", "a tenth"), ("carol", "all")):
            members = {size: server.member(name) for size, server in servers.items()}
            for label, ask in _asks(members):
                figures.append(_beside(f"{label} ({what})", _in_turn(members, ask)))
        figures.append(_beside("click to Pipedrive, contact", _clicks(servers, sandbox)))
        figures += _memory(servers)
    return Result("Growth", NOTE, figures)


def _asks(members: dict[int, Member]) -> Iterator[tuple[str, Ask]]:
    """Yield what is asked of each server, with its name."""
    numbers = count()
    contact = {size: member.api.get("/contacts?limit=1").json()["items"][0]["id"] for size, member in members.items()}

    def save(_size: int, member: Member) -> None:
        member.save("/contacts", lead(f"Robin Vale {next(numbers)} {id(members)}") | {"warmness_score": 1})

    def log(size: int, member: Member) -> None:
        member.save("/activities", call_with(contact[size]))

    def reading(path: str) -> Ask:
        def read(size: int, member: Member) -> None:
            member.api.get(path.format(middle=size // 2, contact=contact[size])).raise_for_status()

        return read

    yield "saving a contact", save
    yield "logging an activity", log
    for label, path in READS.items():
        yield label, reading(path)


def _in_turn(members: dict[int, Member], ask: Ask) -> Times:
    """Return how long it took at each size, in milliseconds; the first time is not counted."""
    times: Times = {size: [] for size in members}
    end = time.perf_counter() + SECONDS
    for sample in range(SAMPLES + 1):
        if sample > FEWEST and time.perf_counter() > end:
            break
        for size in random.sample(SIZES, len(SIZES)):
            began = time.perf_counter()
            ask(size, members[size])
            if sample:
                times[size].append(1000 * (time.perf_counter() - began))
    return times


def _clicks(servers: dict[int, Warmline], sandbox: Sandbox) -> Times:
    """Return how long it took from the answer until the person was in Pipedrive, in milliseconds."""
    members = {size: server.member("alice") for size, server in servers.items()}
    answered: dict[int, tuple[int, float]] = {}
    for number in range(CLICKS + 1):
        for size in random.sample(SIZES, len(SIZES)):
            moment, contact = members[size].click("/contacts", lead(f"Kim Castell {size} {number}"))
            if number:  # the first one learns the account
                answered[contact["pipedrive_person_id"]] = size, moment
            time.sleep(random.uniform(0.1, 0.3))
    arrivals = sandbox.arrivals("persons")
    times: Times = {size: [] for size in servers}
    for person_id, (size, moment) in answered.items():
        times[size].append(1000 * (arrivals[person_id] - moment))
    return times


def _beside(what: str, times: Times) -> Figure:
    largest, smallest = (percentile(times[size], 95) for size in (LARGEST, SMALLEST))
    detail = "; ".join(" ".join(f"{percentile(its, percent):.1f}" for percent in (50, 95)) for its in times.values())
    promise = Promise(f"{WITHIN} x", WITHIN * smallest)
    return Figure(what, largest, "ms", smallest, f"{SMALLEST:,} contacts", promise, detail)


def _memory(servers: dict[int, Warmline]) -> Iterator[Figure]:
    used = {}
    for size, server in servers.items():
        # Its group: pages and engine are two processes.
        said = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=True)
        pairs = [line.split() for line in said.stdout.splitlines()]
        used[size] = sum(int(rss) for group, rss in pairs if int(group) == server.pid) / 1024
    promise = Promise(f"under {MEGABYTES} MB", MEGABYTES)
    for size, megabytes in used.items():
        yield Figure(f"memory at {size:,}", megabytes, "MB", used[SMALLEST], f"{SMALLEST:,} contacts", promise)
