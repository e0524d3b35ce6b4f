"""Somebody stands in Pipedrive's place and answers without end: it costs little memory, and nothing is lost by it.

At first they hand on what Pipedrive answers, so that the engine works with all its threads when they turn.
"""

import gzip
import select
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import httpx
from siege.attack import MEGABYTE, Attack, Said
from siege.ground import Ground

PACKED = gzip.compress(bytes(200 * MEGABYTE), 1)
PEOPLE, EACH = 12, 3  # people, and how many contacts each of them saves


class _Place(socketserver.ThreadingTCPServer):
    """Where Warmline believes Pipedrive to be."""

    daemon_threads = True
    pipedrive: tuple[str, int]
    turned = threading.Event()


class _Stranger(socketserver.StreamRequestHandler):
    """Answers each call with another kind of too much."""

    server: _Place
    calls = count()

    def handle(self) -> None:
        """Hand a connection on to Pipedrive, or read the head of a request, and answer."""
        if not self.server.turned.is_set():
            self._hand_on()
            return
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            del line
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        try:
            match next(self.calls) % 3:
                case 0:
                    self.wfile.write(head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED))
                    self.wfile.write(PACKED)
                case 1:
                    self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % (200 * MEGABYTE))
                    for _ in range(200):
                        self.wfile.write(bytes(MEGABYTE))
                case _:
                    self.wfile.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
                    while True:
                        self.wfile.write(b"100000\r\n" + bytes(MEGABYTE) + b"\r\n")
        except OSError:
            return  # the caller has had enough

    def _hand_on(self) -> None:
        """Hand on what either side says, until one of them closes or the stranger turns."""
        with socket.create_connection(self.server.pipedrive) as pipedrive:
            other = {pipedrive: self.connection, self.connection: pipedrive}
            while not self.server.turned.is_set():
                for side in select.select([*other], [], [], 0.05)[0]:
                    said = side.recv(1 << 16)
                    if not said:
                        return
                    other[side].sendall(said)


@contextmanager
def stranger(pipedrive: str) -> Iterator[str]:
    """Stand before a Pipedrive while the block runs; yield where."""
    with _Place(("127.0.0.1", 0), _Stranger) as place:
        url = httpx.URL(pipedrive)
        place.pipedrive = (url.host, url.port or 80)
        place.turned.clear()
        thread = threading.Thread(target=place.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.server_address[1]}"
        finally:
            place.shutdown()
            thread.join()


def _answers(place: Ground, seconds: float) -> Said:
    said = Said(f"200 MB, a gzip bomb and an endless body, {EACH * PEOPLE} contacts")
    with ThreadPoolExecutor(PEOPLE) as people:  # who all save in the same moment
        saving = [people.submit(place.save, EACH) for _ in range(PEOPLE)]
        time.sleep(0.3)
        _Place.turned.set()
    saved = [row_id for each in saving for row_id in each.result().ids]
    time.sleep(seconds)
    for row_id in saved:
        row = place.ask("GET", f"/api/contacts/{row_id}")[1]
        if row["pipedrive_person_id"] not in {None, *place.world.persons}:
            said.breaches.append(f"contact {row_id} is taken to be linked")
    return said


ATTACKS = (Attack("endless answers", _answers, slower=8.0, before=stranger),)
