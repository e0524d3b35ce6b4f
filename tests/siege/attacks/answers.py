"""Somebody stands in Pipedrive's place and answers without end: it costs little memory, and nothing is lost by it."""

import gzip
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from siege.attack import MEGABYTE, Attack, Said
from siege.ground import Ground

PACKED = gzip.compress(bytes(200 * MEGABYTE), 1)
WARM = 12  # contacts that the engine tries to bring over


class _Stranger(socketserver.StreamRequestHandler):
    """Answers each call with another kind of too much."""

    calls = count()

    def handle(self) -> None:
        """Read the head of a request, and answer."""
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


@contextmanager
def stranger() -> Iterator[str]:
    """Stand in Pipedrive's place while the block runs; yield where."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Stranger) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _answers(place: Ground, seconds: float) -> Said:
    said = Said(f"200 MB, a gzip bomb and an endless body, {WARM} contacts")
    saved = place.save(WARM)
    time.sleep(seconds)
    for row_id in saved.ids:
        row = place.ask("GET", f"/api/contacts/{row_id}")[1]
        if row["pipedrive_person_id"] is not None:
            said.breaches.append(f"contact {row_id} is taken to be linked")
    return said


ATTACKS = (Attack("endless answers", _answers, slower=8.0, memory=360 * MEGABYTE, pipedrive=stranger),)
