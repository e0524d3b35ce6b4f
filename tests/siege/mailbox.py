"""A mail server on loopback that keeps what it is sent: the little of SMTP that one client speaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread


class Mailbox:
    """Takes every mail, from anybody to anybody."""

    def __init__(self) -> None:
        self._mails: Queue[str] = Queue()

    def received(self, *, within: float) -> list[str]:
        """Return the mails that have come, and wait for the first one.

        Args:
            within: Seconds to wait at the most.
        """
        mails = []
        try:
            mails.append(self._mails.get(timeout=within))
            while True:
                mails.append(self._mails.get(timeout=1))
        except Empty:
            return mails

    @contextmanager
    def open(self) -> Iterator[dict[str, str]]:
        """Run the server while the block runs; yield the setting by which Warmline finds it."""
        mails = self._mails

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 mailbox")
                while line := self.rfile.readline():
                    command = line[:4].upper()
                    if command == b"QUIT":
                        self._say("221 bye")
                        return
                    if command == b"DATA":
                        self._say("354 go on")
                        mails.put(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                    self._say("250 ok")

            def _say(self, words: str) -> None:
                self.wfile.write(f"{words}\r\n".encode())

        with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                port = server.server_address[1]
                yield {"WARMLINE_EMAIL_URL": f"smtp://127.0.0.1:{port}?from=warmline@example.com"}
            finally:
                server.shutdown()
