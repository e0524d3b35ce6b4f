"""How each kind of call is made: one record, a whole list, a list page by page, a search.

The calls themselves are in `client.py`.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import httpx

from warmline.pipedrive import error_responses, lists
from warmline.pipedrive.bearer import TokenSource
from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock
from warmline.pipedrive.error_responses import Call, Record
from warmline.pipedrive.errors import Unavailable
from warmline.pipedrive.http_session import Heard, HttpSession, Query
from warmline.pipedrive.limiter import Limiter, Usage
from warmline.pipedrive.lists import Page, Unreadable
from warmline.pipedrive.records import User

PAGE_SIZE = 500  # the largest that there is; each page costs the same


class Calls:
    """What `Pipedrive` is built on: everything but the calls themselves. Safe to share between threads.

    Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        base_url: str,
        token: str | TokenSource,
        *,
        limiter: Limiter | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
        heard: Heard = lambda *_: None,
    ) -> None:
        """Prepare, without calling.

        Args:
            base_url: Scheme, host and port only, such as `https://api.pipedrive.com`.
            token: The user's API token, which is sent in the header `x-api-token` and nowhere else; or a source of
                OAuth tokens, which then also says which address is called.
            limiter: Keeps the token's rate limits; share one between all clients of a token. None for a limiter of its
                own, with Pipedrive's lowest limits.
            transport: Carries the requests; None for the network.
            timeout: Seconds allowed for each of these: getting a connection, connecting, sending, waiting for the
                response, and reading its whole body.
            clock: Tells the time.
            heard: Is told of each call when it is over: method, path with `{id}` for ids, status (0 for none), tokens.

        Raises:
            ValueError: The address or the token is not valid.
        """
        self._limiter = limiter or Limiter(clock=clock)
        self._session = HttpSession(
            base_url,
            token,
            limiter=self._limiter,
            transport=transport,
            timeout=timeout,
            clock=clock,
            heard=heard,
        )
        self._clock = clock
        self._is_background = False
        self._own: list[User] = []  # the token's own user, once known; shared by the client's copies

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def in_background(self) -> Self:
        """Return the same client for work that nobody waits for: its calls go after everybody else's."""
        return self._copy(is_background=True)

    def for_people(self) -> Self:
        """Return the same client for what somebody may wait for: the reverse of `in_background`."""
        return self._copy(is_background=False)

    def before_each_write(self, deed: Callable[[], object]) -> AbstractContextManager[None]:
        """Do something right before each write of this thread while a block runs: its turn has come, it is sent next.

        So a record made there says when the write was sent, however long it had to wait for its turn.

        Args:
            deed: What to do. If it raises, nothing is sent.
        """
        return self._session.before_each_write(deed)

    def usage(self) -> Usage:
        """Return how much of the token's limits is in use."""
        return self._limiter.usage()

    def told_limit(self) -> int | None:
        """Return how many calls fit in a window, as Pipedrive's headers said last; None if they never did."""
        return self._limiter.told

    def paused_for(self) -> float:
        """Return for how many seconds from now Pipedrive has asked for a pause; 0 for none."""
        return self._limiter.paused_for()

    def has_tokens_for_background(self) -> bool:
        """Tell whether there are enough of the day's tokens left for background work."""
        return self._limiter.has_tokens_for_background()

    @property
    def base_url(self) -> str:
        """The address that is called."""
        return self._session.base_url

    @property
    def tokens_spent(self) -> int:
        """Tokens spent by this client's calls, by the published prices."""
        return self._session.tokens_spent

    def _ask(self, call: Call, *, params: Query | None = None, json: Any = None) -> dict[str, Any]:
        return self._session.ask(call, params=params, json=json, background=self._is_background)

    def _copy(self, *, is_background: bool) -> Self:
        copied = copy.copy(self)
        copied._is_background = is_background  # noqa: SLF001 -- its own class
        return copied

    def _page(self, call: Call, model: type[Record], cursor: str | None, more: Query | None = None) -> Page[Record]:
        at: Query = {} if cursor is None else {"cursor": cursor}
        said = self._ask(call, params={"limit": PAGE_SIZE, **(more or {}), **at})
        unreadable: list[Unreadable] = []
        records = lists.records(call, model, error_responses.rows(call, said), unreadable)
        return Page(records, error_responses.next_cursor(said), tuple(unreadable))

    def _one(self, call: Call, model: type[Record], body: Any = None) -> Record:
        """Make a call that returns one record."""
        return error_responses.record(call, model, self._ask(call, json=body).get("data"))

    def _list(self, call: Call, model: type[Record], body: Any = None, params: Query | None = None) -> list[Record]:
        """Make a call that returns a whole list; see `lists.readable`."""
        said = self._ask(call, params=params, json=body)
        return lists.readable(call, model, error_responses.rows(call, said))

    def _fields(self, call: Call, model: type[Record]) -> list[Record]:
        """Read a list of fields to its end; see `lists.readable`."""
        return lists.readable(call, model, self._walk(call, {}, error_responses.rows))

    def _pages(
        self, call: Call, model: type[Record], params: Query, unreadable: list[Unreadable] | None = None
    ) -> list[Record]:
        """Read a list to its end."""
        return lists.records(call, model, self._walk(call, params, error_responses.rows), unreadable)

    def _search(self, call: Call, model: type[Record], params: Query) -> list[Record]:
        """Read the hits of an exact search to their end."""
        exact: Query = {**params, "exact_match": True}
        return lists.records(call, model, self._walk(call, exact, error_responses.hits))

    def _walk(self, call: Call, params: Query, items: Callable[[Call, Mapping[str, Any]], list[Any]]) -> Iterator[Any]:
        """Follow the cursors of a list; raise Unavailable if one comes twice, or the same page under a new one."""
        followed: set[str] = set()
        before: list[Any] | None = None
        cursor: Query = {}
        while True:
            said = self._ask(call, params={**params, "limit": PAGE_SIZE, **cursor})
            page = items(call, said)
            if page == before:
                raise Unavailable("The list never ends: a page was repeated.", call=str(call))
            yield from page
            before = page
            following = error_responses.next_cursor(said)
            if following is None:
                return
            if following in followed:
                raise Unavailable("The list never ends: a cursor was repeated.", call=str(call))
            followed.add(following)
            cursor = {"cursor": following}
