"""Strangers who send half a request and keep the connection: those who save do not notice."""

import http.client
import resource
import socket
import time
from contextlib import suppress
from itertools import cycle

from siege.attack import Attack, NotRunError, Said
from siege.ground import Ground

STRANGERS = 1200  # connections at a time: more than the program has descriptors
DESCRIPTORS = 1024  # of the program
MOST = 20_000  # connections in all
COME_BACK = 10  # of those that were cut off, every so many seconds:
PAUSE = 0.05
NEWCOMERS = 0.25  # seconds between two people who come meanwhile
HALVES = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ",
    b"",
    b"POST /api/contacts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 198.51.100.7\r\nContent-Length: 9\r\n\r\n",
    b"\r\n",
)


def _half(place: Ground, seconds: float) -> Said:
    if not hasattr(resource, "prlimit"):
        raise NotRunError("it cannot take descriptors away from another program")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < STRANGERS + 100:
        raise NotRunError(f"it has no {STRANGERS} descriptors")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * STRANGERS)), hard))
    raised = resource.prlimit(place.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))[0]
    began, made, halves = time.monotonic(), 0, cycle(HALVES)
    open_now: list[socket.socket] = []
    newcomers: list[float] = []
    try:
        while time.monotonic() < began + seconds:
            open_now = [each for each in open_now if _is_open(each)]
            come = min(STRANGERS - len(open_now), MOST - made, COME_BACK if made >= STRANGERS else STRANGERS)
            open_now += [_connect(place.port, next(halves)) for _ in range(come)]
            made += come
            if len(newcomers) < (time.monotonic() - began) / NEWCOMERS:
                newcomers.append(_as_newcomer(place))
            time.sleep(PAUSE)
    finally:
        for each in open_now:
            each.close()
    said = Said(f"{STRANGERS} at a time, {made} in all, {DESCRIPTORS} descriptors")
    newcomers.sort()
    if newcomers[len(newcomers) * 95 // 100] > place.within(1.0):
        said.breaches.append("a new connection was answered late, or not at all")
    if raised < min(hard, 8192):
        said.breaches.append(f"the limit of descriptors was left at {raised}")
    if "out of system resource" in place.logged():
        said.breaches.append("there were no descriptors left")
    return said


def _as_newcomer(place: Ground) -> float:
    """Read something on a new connection; return how long it took."""
    began = time.monotonic()
    try:
        place.ask("GET", "/healthz")
    except (OSError, http.client.HTTPException):
        return float("inf")
    return time.monotonic() - began


def _connect(port: int, half: bytes) -> socket.socket:
    """Send half a request, without waiting for anything."""
    made = socket.socket()
    made.settimeout(5)
    with suppress(OSError):  # it was cut off already
        made.connect(("127.0.0.1", port))
        made.sendall(half)
    made.setblocking(False)  # noqa: FBT003 (Python's own)
    return made


def _is_open(connection: socket.socket) -> bool:
    try:
        is_open = connection.recv(1000) != b""
    except BlockingIOError:
        return True
    except OSError:
        is_open = False
    if not is_open:
        connection.close()
    return is_open


ATTACKS = (Attack("half-sent requests", _half, slower=4.0, log=2_000),)
