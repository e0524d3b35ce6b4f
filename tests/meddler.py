"""Something that happens in the middle of a call: on the wire, between our client and the sandbox."""

import json
from collections.abc import Callable
from typing import Any

import httpx

Deed = Callable[[], httpx.Response | None]


class Meddler(httpx.BaseTransport):
    """Passes calls on, and once does something while one of them is on its way.

    Attributes:
        updates: The bodies of the updates that came by, as JSON.

    Args:
        inner: The transport that it stands before.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.updates: list[dict[str, Any]] = []
        self._waiting: tuple[str, str, Deed] | None = None
        self._stays = False

    def once(self, method: str, path: str, deed: Deed) -> None:
        """Do something when such a call comes next.

        Args:
            method: Of the call.
            path: Of the call.
            deed: What is done while the call is on its way. An answer that it returns is given in place of the
                sandbox's, which the call then never reaches.
        """
        self._waiting = (method, path, deed)
        self._stays = False

    def always(self, method: str, path: str, deed: Deed) -> None:
        """Do something whenever such a call comes, from now on; see `once`."""
        self._waiting = (method, path, deed)
        self._stays = True

    @property
    def is_done(self) -> bool:
        """Whether the awaited call has come."""
        return self._waiting is None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a call on."""
        if request.method == "PATCH":
            self.updates.append(json.loads(request.content))
        if self._waiting is None or self._waiting[:2] != (request.method, request.url.path):
            return self._inner.handle_request(request)
        deed = self._waiting[2]
        if not self._stays:
            self._waiting = None
        return deed() or self._inner.handle_request(request)
