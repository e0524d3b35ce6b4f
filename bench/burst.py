"""A burst: hundreds of contacts and activities saved at once, beside the least time that Pipedrive's windows allow.

Meanwhile Bob saves a contact and an activity, one after the other, as he would on any other day: nobody waits behind
another's import.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from bench.figures import Figure, Promise, Result, least_seconds, percentile
from bench.rig import BenchError, Json, Kind, Lab, Member, Sandbox, call_with, is_create, lead

CONTACTS, EMPLOYERS, ACTIVITIES_EACH = 300, 150, 2
CREATES = EMPLOYERS + CONTACTS * (1 + ACTIVITIES_EACH)
LONGEST_WINDOW = 10.0  # seconds
BOBS_PAUSE = 2.0
PATIENCE = 400.0
CREATE_TOKENS, LOOK_TOKENS = 5, 20
MADE: tuple[Kind, ...] = ("persons", "organizations", "activities")
NOTE = (
    f"Alice brings in {CONTACTS} contacts of {EMPLOYERS} new organizations, and logs {ACTIVITIES_EACH} activities with "
    "each; it is drained when her last record is committed. Share of the window: the least time for all calls that "
    "were made, over the time from the first one to the last commit. A look is allowed for Alice's import and for each "
    "of Bob's contacts."
)


@dataclass
class Saved:
    """What a member saved: when each save was answered, in unix seconds by the record's id in Pipedrive."""

    contacts: dict[int, float] = field(default_factory=dict)
    activities: dict[int, float] = field(default_factory=dict)


def measure(lab: Lab) -> Result:
    """Measure one burst, with another member at work in the middle of it."""
    with lab.sandbox() as sandbox, lab.warmline(sandbox.url) as warmline, ThreadPoolExecutor(1) as thread:
        alice, bob = warmline.member("alice"), warmline.member("bob")
        for member, name in ((alice, "Robin Vale"), (bob, "Kim Castell")):
            member.click("/contacts", lead(name))  # the account and its owners are known from now on
        time.sleep(LONGEST_WINDOW)  # so that the windows are empty when it begins
        began = time.time()
        ids = alice.bring_in(leads("Alder", CONTACTS, EMPLOYERS))
        drained = thread.submit(drain, alice, ids)
        bobs = work_meanwhile(bob, drained)
        drained.result()
        return Result("Burst", NOTE, _figures(sandbox, began, bobs))


def leads(name: str, contacts: int, employers: int) -> list[Json]:
    """Return contacts that share a number of new organizations."""
    return [lead(f"{name} {number}", employer=f"{name} Mills {number % employers}") for number in range(contacts)]


def drain(member: Member, contact_ids: list[int]) -> None:
    """Log activities with each contact, and wait until everything of the member's is in Pipedrive.

    Raises:
        BenchError: It takes too long.
    """
    for contact_id in contact_ids:
        for _ in range(ACTIVITIES_EACH):
            member.save("/activities", call_with(contact_id))
    end = time.time() + PATIENCE
    while member.left():
        if time.time() > end:
            raise BenchError(f"the burst is not drained after {PATIENCE:.0f} s")
        time.sleep(0.5)


def work_meanwhile(bob: Member, drained: "Future[None]") -> Saved:
    """Save a contact, then an activity with it, again and again until the burst is over."""
    saved, number = Saved(), 0
    while not drained.done():
        number += 1
        moment, contact = bob.click("/contacts", lead(f"Finch {number}"))
        saved.contacts[contact["pipedrive_person_id"]] = moment
        moment, activity = bob.click("/activities", call_with(contact["id"]))
        saved.activities[activity["pipedrive_activity_id"]] = moment
        time.sleep(BOBS_PAUSE)
    return saved


def _figures(sandbox: Sandbox, began: float, bobs: Saved) -> list[Figure]:
    persons, activities = sandbox.arrivals("persons"), sandbox.arrivals("activities")
    hers = [at for person_id, at in persons.items() if person_id not in bobs.contacts]
    hers += [at for activity_id, at in activities.items() if activity_id not in bobs.activities]
    taken = max(hers) - began
    calls = sandbox.calls(began)
    in_time = [call for call in calls if call["at"] <= began + taken]
    share = 100 * least_seconds(len(in_time)) / (max(hers) - min(call["at"] for call in in_time))
    refused = sum(call["status"] == httpx.codes.TOO_MANY_REQUESTS for call in calls)
    return [
        Figure("time to drain", taken, "s", least_seconds(CREATES), f"the window's least for {CREATES} creates"),
        Figure("share of the window used", share, "%", 100, "all of it", Promise("at least 95 %", 95, at_least=True)),
        Figure("calls beyond the creates", len(in_time) - _count(in_time, _made), "calls", len(in_time), "all calls"),
        Figure("429s", refused, "calls", promise=Promise("none", 0)),
        *_waits("Bob's contacts", bobs.contacts, persons, 5),
        *_waits("Bob's activities", bobs.activities, activities, 3),
        _tokens(calls, waves=1 + len(bobs.contacts)),
    ]


def _waits(what: str, answered: dict[int, float], arrivals: dict[int, float], promised: float) -> list[Figure]:
    waits = [arrivals[record_id] - moment for record_id, moment in answered.items()]
    promise = Promise(f"within {promised:g} s", promised)
    return [
        Figure(f"{what}, p50 of {len(waits)}", percentile(waits, 50), "s"),
        Figure(f"{what}, the longest", max(waits), "s", promised, "promised", promise),
    ]


def _tokens(calls: list[Json], waves: int) -> Figure:
    floor = CREATE_TOKENS * _count(calls, _made)
    limit = 1.05 * floor + LOOK_TOKENS * waves
    promise = Promise(f"1.05 x floor + {LOOK_TOKENS} for each of {waves} looks", limit)
    return Figure("tokens, Bob's too", sum(call["tokens"] for call in calls), "tokens", floor, "5 a create", promise)


def _made(call: Json) -> bool:
    return any(is_create(call, kind) for kind in MADE)


def _count(calls: list[Json], meant: Callable[[Json], bool]) -> int:
    return sum(meant(call) for call in calls)
