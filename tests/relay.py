"""A way to a server on this machine that can be cut, as a cable that is pulled; what is on its way is then lost."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread


class Relay:
    """Passes connections on to a port of this machine.

    Args:
        port: Where the server listens.

    Attributes:
        url: Where the relay does.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = Lock()
        self._is_cut = False
        self._open: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Let nothing through any more."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                _shut(each)

    def mend(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._is_cut = False

    def accept(self) -> None:
        """Pass connections on until the relay is closed."""
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                self._threads.append(Thread(target=self._serve, args=(here,)))
                self._threads[-1].start()

    def close(self) -> None:
        """End, with all connections."""
        _shut(self._listener)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _serve(self, here: socket.socket) -> None:
        with here, socket.socket() as there:
            with self._lock:
                if self._is_cut:
                    return
                there.connect(("127.0.0.1", self._port))
                self._open |= {here, there}
            back = Thread(target=_pass_on, args=(there, here))
            back.start()
            _pass_on(here, there)
            back.join()
            with self._lock:
                self._open -= {here, there}


@contextmanager
def relaying(url: str) -> Iterator[Relay]:
    """Run a relay to a server while the block runs."""
    relay = Relay(int(url.rpartition(":")[2].strip("/")))
    accepting = Thread(target=relay.accept)
    accepting.start()
    try:
        yield relay
    finally:
        relay.close()
        accepting.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes until either side ends, and end both."""
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    _shut(one)
    _shut(other)


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
