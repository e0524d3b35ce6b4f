"""An httpx transport for calling the sandbox in the same process, without a socket.

A missing answer becomes the httpx error that a client would get from a real server. Nothing really waits: time is the
world's, and a slow answer only advances the clock if the caller passes a way to do so.
"""

from collections.abc import Callable

import httpx

from warmline.sandbox.answers import Request
from warmline.sandbox.faults import NoAnswer, NotReached, Reset, ResetWhileSending, Silence
from warmline.sandbox.gateway import Sandbox

SILENCES: dict[type[Silence], tuple[type[httpx.TransportError], str]] = {
    NotReached: (httpx.ConnectError, "The sandbox refuses connections"),
    NoAnswer: (httpx.ReadTimeout, "The sandbox does not answer"),
    ResetWhileSending: (httpx.WriteError, "The sandbox reset the connection before the call was in"),
    Reset: (httpx.ReadError, "The sandbox reset the connection before the answer was out"),
}


class SandboxTransport(httpx.BaseTransport):
    """Hand this to `httpx.Client(transport=...)`.

    Args:
        sandbox: The sandbox to call.
        sleep: Advances the caller's clock by some seconds, for slow answers; without it they take no time.
    """

    def __init__(self, sandbox: Sandbox, *, sleep: Callable[[float], None] | None = None) -> None:
        self.sandbox = sandbox
        self._sleep = sleep or (lambda _seconds: None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.TransportError: A fault has it that no answer comes; `SILENCES` says which error it is. Also for an
                answer that is slower than the request's read timeout.
        """
        call = Request(
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        try:
            response = self.sandbox.answer(call)
        except Silence as silence:
            error, message = SILENCES[type(silence)]
            raise error(message, request=request) from None
        self._wait(response.delay, request)
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)

    def _wait(self, seconds: float, request: httpx.Request) -> None:
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and seconds > patience:
            self._sleep(patience)
            raise httpx.ReadTimeout("The sandbox is too slow", request=request)
        if seconds:
            self._sleep(seconds)
