"""A program that listens to webhooks: it verifies each with the library, and answers as a test wants it to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

Behaviour = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One delivery, as it comes in."""

    server: "_Server"
    body: bytes

    def do_POST(self) -> None:
        """Verify it, note it and answer."""
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.receiver.take(self)

    def answer(self, status: int, text: str = "ok", **headers: str) -> None:
        """Answer it."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: "Receiver"

    def handle_error(self, *_: Any) -> None:
        """Say nothing: Warmline hangs up on who is late."""


@dataclass
class Receiver:
    """What listens.

    Attributes:
        secret: What signatures are verified with; set once the endpoint is added.
        behave: Answers a delivery.
        seen: What came, verified, in order: the message's id and what it says.
        good: What of it was answered well.
        bad: How many had no valid signature.
    """

    port: int = 0
    secret: str = ""
    behave: Behaviour = lambda request: request.answer(204, "")
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    good: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    bad: int = 0

    def take(self, request: Request) -> None:
        """Verify a delivery, note it and answer it."""
        try:
            payload = Webhook(self.secret).verify(request.body, dict(request.headers))
        except WebhookVerificationError:
            self.bad += 1
            request.answer(401)
            return
        told = (request.headers["webhook-id"], payload)
        self.seen.append(told)
        self.behave(request)
        self.good.append(told)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook?team=1"

    @property
    def events(self) -> list[tuple[str, int | None]]:
        """What was answered well, each once: the event, and the id of what it is about."""
        told = {key: (payload["type"], payload["data"].get("id")) for key, payload in self.good}
        return list(told.values())


@contextmanager
def listening(receiver: Receiver) -> Iterator[Receiver]:
    """Have it listen while the block runs, at the same port as before if it did before."""
    server = _Server(("127.0.0.1", receiver.port), Request)
    server.receiver = receiver
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def drip(request: Request) -> None:
    """Answer a byte now and then, without end."""
    try:
        for _ in range(10_000):
            request.wfile.write(b"H")
            request.wfile.flush()
            time.sleep(0.01)
    except OSError:
        raise ConnectionAbortedError from None


def body_of(told: tuple[str, dict[str, Any]]) -> str:
    """Return what was said, to compare."""
    return json.dumps(told[1], sort_keys=True)
