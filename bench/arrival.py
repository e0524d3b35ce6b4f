"""Click to Pipedrive: how long after the answer to a save its record is there, beside the unavoidable round trips.

One save after the other, with nothing else to do. After each one the same round trips are timed with a bare client,
so that both meet the same machine.
"""

import random
import time
from datetime import UTC, datetime, timedelta

import httpx
from bench.figures import Figure, Promise, Result, drawn_sums, percentile
from bench.rig import SANDBOX_TOKEN, Json, Lab, Member, Sandbox, call_with, lead

CONTACTS, ACTIVITIES = 40, 80
NOTE = (
    "A record is there when the sandbox commits it, half a latency before its answer. Unavoidable for a contact: one "
    "look, one create, and the way there of another create; for an activity the way there of one. Sums are drawn from "
    f"the single round trips. {CONTACTS} contacts, {ACTIVITIES} activities."
)


class Trips:
    """Single round trips to a sandbox with an open connection, in seconds.

    Args:
        sandbox: Which one. They come with OAuth, so that they have a rate window of their own.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
        self._api = httpx.Client(base_url=f"{sandbox.url}/api/v2", headers=headers, trust_env=False)
        self.looks: list[float] = []
        self.creates: list[float] = []
        self.sent: dict[int, float] = {}

    def look(self) -> None:
        """Time a look at what changed."""
        since = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        began = time.perf_counter()
        self._api.get("/persons", params={"updated_since": since, "limit": 500}).raise_for_status()
        self.looks.append(time.perf_counter() - began)

    def create(self, path: str, body: Json) -> None:
        """Time a create, and note when it was sent."""
        sent, began = time.time(), time.perf_counter()
        made = self._api.post(path, json=body).raise_for_status()
        self.creates.append(time.perf_counter() - began)
        self.sent[made.json()["data"]["id"]] = sent

    def ways_there(self, arrivals: dict[int, float]) -> list[float]:
        """Return how long the creates of one kind were on their way."""
        return [arrivals[record_id] - sent for record_id, sent in self.sent.items()]


def measure(lab: Lab) -> Result:
    """Measure contacts with a new organization, then activities."""
    with lab.sandbox() as sandbox, lab.warmline(sandbox.url) as warmline:
        alice = warmline.member("alice")
        _, known = alice.click("/contacts", lead("Robin Vale"))
        alice.click("/activities", call_with(known["id"]))  # users, fields and types are known from now on
        figures = _contacts(alice, sandbox)
        figures += _activities(alice, sandbox, known["id"])
    return Result("Click to Pipedrive", NOTE, figures)


def _contacts(alice: Member, sandbox: Sandbox) -> list[Figure]:
    organizations, persons = Trips(sandbox), Trips(sandbox)
    answered = {}
    for number in range(CONTACTS):
        _pause()
        moment, contact = alice.click("/contacts", lead(f"Kim Castell {number}"))
        answered[contact["pipedrive_person_id"]] = moment
        persons.look()
        organizations.create("/organizations", {"name": f"Bare Mills {number}"})
        persons.create("/persons", {"name": f"Bare Person {number}"})
    arrivals = sandbox.arrivals("persons")
    waits = [arrivals[person_id] - moment for person_id, moment in answered.items()]
    least = drawn_sums(persons.looks, organizations.creates, persons.ways_there(arrivals))
    return _figures("contact with a new organization", waits, least)


def _activities(alice: Member, sandbox: Sandbox, contact_id: int) -> list[Figure]:
    trips, answered = Trips(sandbox), {}
    for number in range(ACTIVITIES):
        _pause()
        moment, activity = alice.click("/activities", call_with(contact_id))
        answered[activity["pipedrive_activity_id"]] = moment
        trips.create("/activities", {"subject": f"Bare call {number}", "type": "call"})
    arrivals = sandbox.arrivals("activities")
    waits = [arrivals[activity_id] - moment for activity_id, moment in answered.items()]
    return _figures("activity", waits, trips.ways_there(arrivals))


def _figures(what: str, waits: list[float], least: list[float]) -> list[Figure]:
    figures = []
    for percent in (50, 95, 99):
        took, bound = (1000 * percentile(values, percent) for values in (waits, least))
        promise = Promise("1.25 x unavoidable + 100 ms", 1.25 * bound + 100) if percent == 95 else None  # noqa: PLR2004 (the percentile that is promised)
        figures.append(Figure(f"{what}, p{percent}", took, "ms", bound, "unavoidable", promise))
    return figures


def _pause() -> None:
    """Wait a moment: people do not save in step with anything that Warmline does by itself."""
    time.sleep(random.uniform(0.2, 0.5))
