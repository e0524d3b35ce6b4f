"""A member who opens far more streams than anybody has browsers: the newest stay, and they cost next to nothing."""

import re
import socket
import time
from contextlib import suppress
from pathlib import Path

from siege.attack import MEGABYTE, Attack, Said
from siege.ground import Ground

MOST = 2000  # streams
SIDE_BY_SIDE = 20  # that are asked for before the answers are looked at
WARM = 300  # streams, after which memory grows no more
ALLOWED = 20  # of one user
THREADS = 60  # of the first process
FLAT = 25 * MEGABYTE  # also for who saves meanwhile


def _listen(place: Ground, seconds: float) -> Said:
    end, opened, heard = time.monotonic() + seconds, 0, b""
    listening: list[socket.socket] = []
    most_threads, before = 0, 0
    with place.browser() as browser:
        cookie = f"sessionid={browser.cookies['sessionid']}"
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode()
    try:
        while opened < MOST and time.monotonic() < end:
            new = [_open(place.port, request) for _ in range(SIDE_BY_SIDE)]
            opened += len(new)
            before = before or (place.memory() if opened >= WARM else 0)
            for each in new:
                with suppress(OSError):
                    each.recv(20_000)  # it listens
            most_threads = max(most_threads, _threads(place.pid))
            listening, ended = _sorted([*listening, *new])
            heard += ended
        end = time.monotonic() + place.within(1.0)  # for the last ones to be told
        while len(listening) > ALLOWED and time.monotonic() < end:
            listening, ended = _sorted(listening)
            heard += ended
    finally:
        for each in listening:
            each.close()
    said = Said(f"{opened} streams, {len(listening)} stay, {most_threads} threads at most")
    said.breaches += ["more of them stay than are allowed"] if len(listening) > ALLOWED else []
    said.breaches += ["not even one of them stays"] if not listening else []
    said.breaches += ["they were not told to come back later"] if b"retry: 60000" not in heard else []
    said.breaches += ["threads are held for them"] if most_threads > THREADS else []
    said.breaches += ["memory is held for them"] if before and place.memory() - before > FLAT else []
    return said


def _open(port: int, request: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.sendall(request)
    return made


def _sorted(streams: list[socket.socket]) -> tuple[list[socket.socket], bytes]:
    """Return those that go on, and the last that was heard of the others."""
    going_on, heard = [], b""
    for each in streams:
        each.setblocking(False)  # noqa: FBT003 (Python's own)
        try:
            said = each.recv(20_000)
        except BlockingIOError:
            said = b": still here"
        except OSError:
            said = b""
        if said == b"" or b"0\r\n\r\n" in said:
            heard += said[-200:]
            each.close()
        else:
            going_on.append(each)
    return going_on, heard


def _threads(pid: int) -> int:
    try:
        found = re.search(r"Threads:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


ATTACKS = (Attack("streams of one member", _listen, slower=6.0),)
