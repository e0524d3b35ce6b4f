"""The sandbox's HTTP server, including the control API.

It writes no access log and stops quickly. If a call gets no answer, its connection is cut; for this, `Cuttable` passes
the connection to the app in the ASGI scope's extensions.
"""

import asyncio
import contextlib
import random
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from warmline.sandbox.answers import Request
from warmline.sandbox.control import routes
from warmline.sandbox.faults import Reset, Silence
from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.outgoing_http import carrying
from warmline.sandbox.world import World

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def app(sandbox: Sandbox, *, latency: float = 0.0, latency_jitter: float = 0.0) -> Starlette:
    """Return the sandbox as an ASGI application.

    Args:
        sandbox: Who answers.
        latency: Seconds that a call is under way: half of them before it is counted and committed, half after.
        latency_jitter: Up to so many seconds more, at random; half of them on each way.
    """
    chance = random.Random()  # noqa: S311 - spreads calls, guards nothing

    def one_way() -> float:
        return (latency + (latency_jitter and chance.uniform(0, latency_jitter))) / 2

    async def api(request: HttpRequest) -> HttpResponse:
        call = Request(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
        )
        if seconds := one_way():
            await asyncio.sleep(seconds)  # what is sent arrives, whether the caller waits or hangs up
        try:
            answer = sandbox.answer(call)
        except Silence as silence:
            request.scope["extensions"]["sandbox.cut"](reset=isinstance(silence, Reset))
            await request.receive()
            return HttpResponse()
        if seconds := answer.delay + one_way():
            with contextlib.suppress(TimeoutError):
                # Nothing more is received but that the caller has hung up, and then nobody waits.
                await asyncio.wait_for(request.receive(), seconds)
        return HttpResponse(answer.body, answer.status, dict(answer.headers))

    async def nobody(_request: HttpRequest, _error: Exception) -> HttpResponse:
        return HttpResponse()  # the caller hung up in the middle of the request

    return Starlette(
        routes=[*routes(sandbox), Route("/{path:path}", api, methods=METHODS)],
        exception_handlers={ClientDisconnect: nobody},
    )


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 9000,
    token: str = "sandbox-token",  # noqa: S107 - it opens nothing but the sandbox
    search_delay: float = 0.0,
    latency: float = 0.0,
    latency_jitter: float = 0.0,
    company_id: int = 1,
) -> None:
    """Run the sandbox with a sample company until SIGINT or SIGTERM; prints its URL in one line.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 picks a free one.
        token: The API token to call it with.
        search_delay: Seconds until search sees a new or changed record.
        latency: Seconds that each call is under way, half of them on the way there.
        latency_jitter: Up to so many seconds more, at random.
        company_id: Which company to play; each has its own name, users and records, whose ids overlap.
    """
    sandbox = Sandbox(World.sample(token=token, search_delay=search_delay, company_id=company_id))
    with _listening(host, port) as (sock, url):
        sys.stdout.write(f"Sandbox listens on {url}\n")
        sys.stdout.flush()
        server = _server(app(sandbox, latency=latency, latency_jitter=latency_jitter))
        with contextlib.suppress(KeyboardInterrupt), carrying(sandbox):
            server.run(sockets=[sock])


@contextlib.contextmanager
def serving(sandbox: Sandbox, *, latency: float = 0.0, latency_jitter: float = 0.0) -> Iterator[str]:
    """Run the HTTP server in a thread, for a test or a demo, on a free port of this machine.

    Args:
        sandbox: Who answers.
        latency: Seconds that each call is under way, half of them on the way there.
        latency_jitter: Up to so many seconds more, at random.

    Yields:
        The base URL, without a slash at the end.
    """
    with _listening("127.0.0.1", 0) as (sock, url):
        server = _server(app(sandbox, latency=latency, latency_jitter=latency_jitter))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="sandbox")
        thread.start()
        try:
            with carrying(sandbox):
                yield url
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as sock:
        # Its connections inherit this; asyncio sets it only on sockets that it made itself. Without it the second half
        # of each answer waits some 40 ms for the caller's delayed acknowledgement of the first.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown = f"[{host}]" if ":" in host else host
        yield sock, f"http://{shown}:{sock.getsockname()[1]}"


def _server(application: Starlette) -> Any:
    # Only the HTTP server needs uvicorn; a test in process does not pay for its import.
    import uvicorn  # noqa: PLC0415 - see above
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 - see above

    class Cuttable(H11Protocol):
        """A connection that the app can cut without answering."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            inner = self.app

            def cut(*, reset: bool) -> None:
                if reset:
                    # Closed with nothing lingering, a connection ends in a reset instead of an orderly goodbye.
                    transport.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                transport.abort()

            async def with_cut(scope: Any, receive: Any, send: Any) -> None:
                scope["extensions"] = {**scope.get("extensions", {}), "sandbox.cut": cut}
                await inner(scope, receive, send)

            self.app = with_cut

    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=Cuttable,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
