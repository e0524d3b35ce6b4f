"""Limits how many requests are served at once. The others wait, and whoever would wait too long is refused right away.

All requests share one interpreter and one disk, so admitting a crowd at once would make everyone wait for everyone.
Saving, reading and passwords have a queue each: readers never keep anyone from saving, and neither do strangers who
try passwords, which are slow to check on purpose.
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

PLACES = 8  # requests that save at once: enough for one to compute while others wait for the disk
LONGEST_WAIT = 2.0  # seconds that a request may wait, or be expected to wait
READ_PLACES, READ_LONGEST_WAIT = 8, 10.0  # a page takes a few hundredths of a second, and refusing one is annoying
PASSWORD_PLACES, PASSWORD_LONGEST_WAIT = 2, 10.0  # they are hashed one at a time (crm/password_hashing.py)
USUAL_PACE = 0.03  # seconds between two places becoming free, until it has been measured
PLACE_KEPT_FOR = 1.0  # seconds; a request that takes longer waits for Pipedrive or a mail server, and not for us
WEIGHT = 0.2  # of the latest measurement in the moving average of the pace
FULL = "warmline.full"  # key in a request's scope: whether there was no place for it
READ_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PASSWORDS = ("/sign-in", "/password", "/one-time/", "/welcome")


class FullError(Exception):
    """So many requests are waiting that this one would wait too long."""


class AdmissionQueue:
    """A number of places, handed out first come, first served. Belongs to one event loop.

    Args:
        places: How many requests may have one at the same time.
        longest: Seconds that a request may wait; LONGEST_WAIT if left out.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, places: int, longest: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = places
        self._longest = LONGEST_WAIT if longest is None else longest
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pace = USUAL_PACE  # seconds between two places becoming free while others wait
        self._freed_at = clock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place while the block runs, for at most PLACE_KEPT_FOR seconds.

        Raises:
            FullError: Right away when the expected wait is too long, or later when the real one was.
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
            self._freed_at = self._clock()  # nobody was waiting, so the time since the last release says nothing
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(self._longest):
                await mine
        except (TimeoutError, asyncio.CancelledError) as over:
            if mine.done() and not mine.cancelled():
                self._free_one()  # the place was handed over at the very last moment
            elif mine in self._waiting:
                self._waiting.remove(mine)
            if isinstance(over, TimeoutError):
                raise FullError from over  # the queue moved more slowly than expected
            raise

    def _free_one(self) -> None:
        now = self._clock()
        if self._waiting:
            self._pace += WEIGHT * (now - self._freed_at - self._pace)
        self._freed_at = now
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():  # otherwise its caller has gone
                next_one.set_result(None)
                return
        self._free += 1


class AdmissionControl:
    """ASGI middleware that passes on a few requests at a time.

    A request takes a place once its body has arrived completely, so a half-sent request blocks nobody. Until then, and
    while it waits, it occupies no thread.

    Args:
        app: The wrapped application.
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
    """Refuse requests for which there was no place (Django middleware)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not getattr(request, "scope", {}).get(FULL, False):
            return get_response(request)
        response = error_pages.not_stored(request, Matter.BUSY)
        response["Content-Length"] = str(len(response.content))  # Django's middleware for this sits further inside
        return response

    return middleware
