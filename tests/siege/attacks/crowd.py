"""Many who save at once: whom Warmline takes it serves soon, and the others are told at once to come again."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic

from siege.attack import MEGABYTE, Attack, Said
from siege.caller import calling
from siege.ground import Ground, Saves

CLIENTS = 200
IN_TIME = 3.0  # seconds, for 95 % of those who are taken


@dataclass
class _Crowd:
    """What the crowd was answered.

    Attributes:
        taken: How long the accepted saves took, and their ids.
        refused: How long it took to be refused.
        wrong: What else was answered.
    """

    taken: Saves = field(default_factory=Saves)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def _saves(place: Ground, seconds: float) -> Said:
    crowd = _Crowd()
    asyncio.run(_all(place, crowd, monotonic() + seconds))
    said = Said(f"{CLIENTS} clients, {len(crowd.taken.ids)} saved, {len(crowd.refused)} refused")
    said.breaches += sorted(set(crowd.wrong))
    if crowd.taken.percentile(95) > place.within(IN_TIME):
        said.breaches.append(f"p95 of those who were taken: {crowd.taken.percentile(95):.1f} s")
    if crowd.refused and sorted(crowd.refused)[len(crowd.refused) // 2] > place.within(1.0):
        said.breaches.append("half of the refusals took longer than a second")
    said.breaches += _lost(place, crowd.taken.ids)
    return said


async def _all(place: Ground, crowd: _Crowd, end: float) -> None:
    await asyncio.gather(*(_one(place, crowd, end) for _ in range(CLIENTS)))


async def _one(place: Ground, crowd: _Crowd, end: float) -> None:
    async with calling(place.port, place.token) as caller:
        while (began := monotonic()) < end:
            status, headers, body = await caller.call("POST", "/api/contacts", {**place.lead(), "warmness_score": 1})
            took = monotonic() - began
            if status == HTTPStatus.CREATED:
                crowd.taken.seconds.append(took)
                crowd.taken.ids.append(int(body.split(b'"id": ', 1)[1].split(b",", 1)[0]))
            elif status == HTTPStatus.SERVICE_UNAVAILABLE and b'"busy"' in body and "retry-after" in headers:
                crowd.refused.append(took)
                await asyncio.sleep(float(headers["retry-after"]))
            else:
                crowd.wrong.append(f"status {status}")


def _reads(place: Ground, seconds: float) -> Said:
    answers = asyncio.run(_all_read(place, monotonic() + seconds))
    said = Said(f"{CLIENTS} clients, {answers[HTTPStatus.OK]} pages")
    known = {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
    said.breaches += [f"status {status}" for status in answers if status not in known]
    return said


async def _all_read(place: Ground, end: float) -> "Counter[int]":
    return sum(await asyncio.gather(*(_reader(place, number, end) for number in range(CLIENTS))), Counter[int]())


async def _reader(place: Ground, number: int, end: float) -> "Counter[int]":
    answers: Counter[int] = Counter()
    path = ("/api/organizations", "/api/contacts", "/api/sync")[number % 3]
    async with calling(place.port, place.token) as caller:
        while monotonic() < end:
            status, headers, _ = await caller.call("GET", path)
            answers[status] += 1
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                await asyncio.sleep(float(headers["retry-after"]))
    return answers


def _lost(place: Ground, ids: list[int]) -> list[str]:
    """Look whether what was acknowledged is there, and once."""
    if len(set(ids)) != len(ids):
        return ["an id was given twice"]
    missing = [row_id for row_id in ids[:: max(1, len(ids) // 50)] if not _is_there(place, row_id)]
    return [f"{len(missing)} of what was acknowledged are lost"] if missing else []


def _is_there(place: Ground, row_id: int) -> bool:
    return place.ask("GET", f"/api/contacts/{row_id}")[0] == HTTPStatus.OK


ATTACKS = (
    # In turn with all others: nobody waits for longer than if each of them went first once.
    Attack("a crowd saves", _saves, slower=float(CLIENTS), memory=300 * MEGABYTE, refuses=True),
    Attack("a crowd reads", _reads, slower=20.0),
)
