"""How many requests are served at once: so many side by side, some wait, and who would wait too long is told at once.

A crowd that all came in would share one interpreter and one disk, and each of it would wait for all. Who saves, who
reads and who gives a password have a lane each: nobody who only looks keeps anyone from saving, nor do strangers at the
door, whose passwords take their time by intent.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from django.http import HttpRequest, HttpResponse

from warmline.http import error_pages
from warmline.http.asgi_types import App, Message, Receive, Send
from warmline.storage import Matter

PLACES = 8  # requests that save side by side: enough for one to compute while others wait for the disk
LONGEST_WAIT = 2.0  # seconds that one may wait, or be expected to
READ_PLACES, READ_LONGEST_WAIT = 8, 10.0  # a page costs some hundredths of a second, and nobody likes to be refused one
PASSWORD_PLACES, PASSWORD_LONGEST_WAIT = 2, 10.0  # one of them works (crm/passwords.py), for some tenths of a second
USUAL_PACE = 0.03  # seconds between two places, as long as nothing is known of it
PLACE_KEPT_FOR = (
    1.0  # seconds after which a request gives up its place: it waits for Pipedrive or a mail server, not for us
)
WEIGHT = 0.2  # of the latest pace in what is expected
FULL = "warmline.full"  # in the scope of a request: whether there was no place for it
READ_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PASSWORDS = ("/sign-in", "/password", "/one-time/", "/welcome")


class FullError(Exception):
    """There are so many before one that it would take too long."""


class AdmissionQueue:
    """Places that are given in the order in which they are asked for; for one event loop.

    Args:
        places: How many there are.
        longest: Seconds that one may wait; LONGEST_WAIT if left out.
        clock: Tells the seconds.
    """

    def __init__(
        self, places: int, longest: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = places
        self._longest = LONGEST_WAIT if longest is None else longest
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pace = USUAL_PACE  # seconds between two places that become free, while others wait for one
        self._freed_at = clock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Have a place while the block runs, for PLACE_KEPT_FOR seconds at the most.

        Raises:
            FullError: At once, when it would take too long; else, when it did.
        """
        await self._take()
        given_up = False

        def give_up() -> None:
            nonlocal given_up
            if not given_up:
                given_up = True
                self._free_one()

        timer = asyncio.get_running_loop().call_later(PLACE_KEPT_FOR, give_up)
        try:
            yield
        finally:
            timer.cancel()
            give_up()

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) * self._pace > self._longest:
            raise FullError
        if not self._waiting:
            self._freed_at = self._clock()  # nobody waited before, so what was freed then tells no pace
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(self._longest):
                await mine
        except (TimeoutError, asyncio.CancelledError) as over:
            if mine.done() and not mine.cancelled():
                self._free_one()  # it was given at the very last moment
            elif mine in self._waiting:
                self._waiting.remove(mine)
            if isinstance(over, TimeoutError):
                raise FullError from over  # it went more slowly than was expected
            raise

    def _free_one(self) -> None:
        now = self._clock()
        if self._waiting:
            self._pace += WEIGHT * (now - self._freed_at - self._pace)
        self._freed_at = now
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():  # else its caller has gone
                next_one.set_result(None)
                return
        self._free += 1


class AdmissionControl:
    """An ASGI application that hands requests to another one, a few at a time.

    A request takes its place when all of it is there, so that one which is only half sent takes none. Until then, and
    while it waits, it holds no thread.

    Args:
        app: The other one.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._saving, self._reading = AdmissionQueue(PLACES), AdmissionQueue(READ_PLACES, READ_LONGEST_WAIT)
        self._passwords = AdmissionQueue(PASSWORD_PLACES, PASSWORD_LONGEST_WAIT)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        lane = self._lane_of(scope)
        async with AsyncExitStack() as stack:
            is_whole = False

            async def in_turn() -> Message:
                nonlocal is_whole
                message = await receive()
                if not is_whole and message["type"] == "http.request" and not message.get("more_body", False):
                    is_whole = True
                    try:
                        await stack.enter_async_context(lane.place())
                    except FullError:
                        scope[FULL] = True
                return message

            await self._app(scope, in_turn, send)

    def _lane_of(self, scope: Message) -> AdmissionQueue:
        if scope["method"] in READ_METHODS:
            return self._reading
        return self._passwords if scope["path"].startswith(PASSWORDS) else self._saving


def refuse_when_full(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse requests for which there was no place (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not getattr(request, "scope", {}).get(FULL, False):
            return get_response(request)
        response = error_pages.not_stored(request, Matter.BUSY)
        response["Content-Length"] = str(len(response.content))  # Django's own middleware for it stands further in
        return response

    return middleware
