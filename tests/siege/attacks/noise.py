"""Strangers who send what makes a server log: the log stays short, and holds no secret."""

import socket
import time
from itertools import cycle

from siege.attack import Attack, Said
from siege.ground import Ground

MOST = 3000  # requests
SECRET = "MQ/cxyz12-0123456789abcdef"  # of a one-time link
FIELDS = "&".join(f"f{number}=1" for number in range(1200))


def _form(path: str, body: str, more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


COOKIE = "Cookie: csrftoken=" + "a" * 32 + "\r\n"
NOISE: tuple[bytes, ...] = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS spoken to a plain port
    b"GET / HTTP/1.1\r\nHost: stranger.example.net\r\nConnection: close\r\n\r\n",
    b"GET /%ff%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    _form("/sign-in", FIELDS, COOKIE),
    _form("/sign-in", "a=b"),
    _form(f"/one-time/{SECRET}", "a=b"),
    _form("/api/contacts", "{", "Authorization: Bearer wl_nobody\r\n"),
)


def _noise(place: Ground, seconds: float) -> Said:
    end, sent = time.monotonic() + seconds, 0
    for request in cycle(NOISE):
        if sent >= MOST or time.monotonic() > end:
            break
        _send(place.port, request, reads=bool(sent % 3))
        sent += 1
    said = Said(f"{sent} requests of {len(NOISE)} kinds")
    if SECRET.rpartition("/")[2] in place.logged():
        said.breaches.append("a one-time link is in the log")
    return said


def _send(port: int, request: bytes, *, reads: bool) -> None:
    """Send a request, and read the answer or go without waiting for it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request)
            if reads:
                connection.recv(1000)
    except OSError:
        return  # the server hung up first


ATTACKS = (Attack("noise for the log", _noise, slower=8.0, log=8_000),)
