"""A flood at the door for Pipedrive's reports: it answers in time, and those who save hardly notice."""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from http import HTTPStatus

from siege.attack import Attack, Said
from siege.ground import Ground

EVENTS, LONGEST = 1_000, 10.0  # reports, and seconds for all of them
CALLERS = 10  # connections that Pipedrive keeps open
WITHIN = 0.05  # seconds for 95 % of the answers
RECORDS = 500


def _flood(place: Ground, seconds: float) -> Said:
    taken, refused = asyncio.run(_send(place, min(seconds, LONGEST)))
    slow = sorted(taken)[len(taken) * 95 // 100]
    said = Said(f"{EVENTS} reports in {min(seconds, LONGEST):.0f} s, p95 {1000 * slow:.0f} ms")
    if slow > place.within(WITHIN):
        said.breaches.append(f"95 % of the reports were answered within {slow:.3f} s")
    if refused:
        said.breaches.append(f"reports were answered with {sorted(set(refused))}")
    return said


async def _send(place: Ground, seconds: float) -> tuple[list[float], list[int]]:
    """Send all reports evenly; return how long each answer took, and the statuses that were not 200."""
    key = (place.folder / "secret-key").read_text().strip()
    password = hmac.digest(key.encode(), b"the door for Pipedrive's reports", "sha256").hex()
    pair = b64encode(f"warmline:{password}".encode()).decode()
    taken: list[float] = []
    refused: list[int] = []
    began = time.perf_counter()

    async def caller(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
        for number in range(first, EVENTS, CALLERS):
            await asyncio.sleep(began + seconds * number / EVENTS - time.perf_counter())
            sent = time.perf_counter()
            writer.write(_event(number, pair))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            taken.append(time.perf_counter() - sent)
            if (status := int(head.split()[1])) != HTTPStatus.OK:
                refused.append(status)
        writer.close()

    await asyncio.gather(*map(caller, range(CALLERS)))
    return taken, refused


def _event(number: int, pair: str) -> bytes:
    record_id = number % RECORDS + 1
    meta = {"action": "change", "entity": "person", "entity_id": str(record_id), "id": f"{number}", "webhook_id": "1"}
    data = {"id": record_id, "name": f"Birch {number}", "emails": [{"value": f"birch{number}@example.org"}]}
    body = json.dumps({"meta": meta, "data": data, "previous": {"name": "Birch"}}).encode()
    head = (
        f"POST /events/pipedrive HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {pair}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


ATTACKS = (Attack("a flood of reports", _flood, slower=3.0),)
