"""One call over HTTP, from waiting for its turn to its response.

Owns the token and the HTTP connections. It waits for a turn, sends the request, reads the whole response in bounded
time, and learns from its headers. It knows nothing of records. It repeats a call only if an OAuth token was refused,
and otherwise never, because only the caller knows whether that is safe. It never follows a redirect, which would carry
the token elsewhere.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from warmline.pipedrive import error_responses
from warmline.pipedrive.bearer import Bearer, TokenSource
from warmline.pipedrive.clock import Clock, http_date
from warmline.pipedrive.error_responses import Answer, Call
from warmline.pipedrive.errors import Unavailable
from warmline.pipedrive.limit_headers import header_number, is_of_the_day, wait_seconds
from warmline.pipedrive.limiter import Limiter
from warmline.pipedrive.unpacking import unpacked

LONGEST_LIST, LONGEST_RECORD = 16 << 20, 2 << 20  # bytes of a response: a page has 500 records of a few kilobytes
ALONE = threading.Lock()  # held by the one call of this process that reads more than a record: memory suffices for one
Query = dict[str, str | int | bool]
Heard = Callable[[str, str, int, int], None]  # is told of each call: method, endpoint, status (0 for none), tokens

# Connections stay open between two calls, because a new one costs two more round trips. Servers and proxies commonly
# close them after a minute; a create that is sent at that very moment would have an unknown outcome.
POOL = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=50.0)
# A date further from ours cannot come from a clock, and arithmetic with one at the end of the calendar would overflow.
MOST_WRONG = timedelta(days=366 * 100)


class HttpSession:
    """Calls one Pipedrive company with one API token, or with what a source of OAuth tokens gives out. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        token: str | TokenSource,
        *,
        limiter: Limiter,
        transport: httpx.BaseTransport | None,
        timeout: float,
        clock: Clock,
        heard: Heard,
    ) -> None:
        """Prepare; no connection is opened before the first call. See `Calls` for the arguments.

        Raises:
            ValueError: The address or the token is not valid.
        """
        headers = {"accept": "application/json", "accept-encoding": "gzip"}
        if isinstance(token, str):
            # An illegal character would be quoted, token and all, in the error of the library below.
            if not can_be_token(token):
                raise ValueError("The Pipedrive token is empty, or has characters that no token has.")
            headers["x-api-token"] = token
        self._http = httpx.Client(
            base_url=checked_address(base_url),
            headers=headers,
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            limits=POOL,
        )
        self._token = SecretStr(token) if isinstance(token, str) else None
        self._source = None if isinstance(token, str) else token
        self._limiter = limiter
        self._timeout = timeout
        self._clock = clock
        self._heard_of = heard
        self._lock = threading.Lock()
        self._tokens_spent = 0
        self._of_thread = threading.local()
        # Pipedrive's time, and our monotonic seconds when we learned it; None before the first successful response. It
        # comes from the `Date` header, which has whole seconds and was written earlier, so it is never ahead.
        self._heard: tuple[datetime, float] | None = None
        self.learning_time = threading.Lock()  # held by whoever asks for it

    @property
    def base_url(self) -> str:
        """The address that is called."""
        return str(self._http.base_url)

    @property
    def tokens_spent(self) -> int:
        """Tokens spent so far, by the published prices."""
        return self._tokens_spent

    def server_time(self) -> datetime | None:
        """Return the time by Pipedrive's clock; None before the first successful response."""
        if self._heard is None:
            return None
        moment, heard_at = self._heard
        return moment + timedelta(seconds=self._clock.monotonic() - heard_at)

    @contextmanager
    def before_each_write(self, deed: Callable[[], object]) -> Iterator[None]:
        """Do something before each write of this thread while the block runs; see `Calls.before_each_write`."""
        outer = getattr(self._of_thread, "deed", None)
        self._of_thread.deed = deed
        try:
            yield
        finally:
            self._of_thread.deed = outer

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def ask(
        self, call: Call, *, params: Query | None = None, json: Any = None, background: bool = False
    ) -> dict[str, Any]:
        """Make one call.

        Args:
            call: The call to make.
            params: Its query.
            json: Its JSON body, None for no body.
            background: Whether nobody waits for it.

        Returns:
            Pipedrive's JSON object: `success`, `data` and perhaps `additional_data`.

        Raises:
            PipedriveError: The call was not done, or its outcome is unknown; the class says which.
        """
        bearer = None if self._source is None else self._source.bearer()
        answer, heard_at = self._in_turn(call, params, json, bearer, background=background)
        if answer.status == httpx.codes.UNAUTHORIZED and self._source is not None and bearer is not None:
            # What was refused is not done, so this one call may be repeated: its token ended while it waited.
            bearer = self._source.instead_of(bearer)
            answer, heard_at = self._in_turn(call, params, json, bearer, background=background)
        said = error_responses.content(call, answer)
        self._learn_time(answer, heard_at)
        return said

    def _in_turn(
        self, call: Call, params: Query | None, json: Any, bearer: Bearer | None, *, background: bool
    ) -> tuple[Answer, float]:
        """Wait for a turn and make one request; return the response, and the monotonic seconds when it came."""
        turn = self._limiter.acquire(search=call.search, tokens=call.tokens, background=background)
        with self._lock:
            self._tokens_spent += call.tokens
        deed = getattr(self._of_thread, "deed", None)
        if deed is not None and call.writes:
            deed()
        try:
            answer = self._exchange(call, params, json, bearer)
        except error_responses.FAILURES as failure:
            self._heard_of(call.method, call.endpoint, 0, call.tokens)
            error = error_responses.no_answer(call, failure)
            raise error from error_responses.without_frames(failure)
        heard_at = self._clock.monotonic()
        self._heard_of(call.method, call.endpoint, answer.status, call.tokens)
        self._learn_limits(call, answer, turn)
        return answer, heard_at

    def _exchange(self, call: Call, params: Query | None, json: Any, bearer: Bearer | None) -> Answer:
        """Send a request and read the whole response."""
        trace = {"trace": self._limit_delivery}
        path, headers = call.path, {}
        if bearer is not None:
            path = f"{bearer.base_url.rstrip('/')}{call.path}"
            headers["authorization"] = f"Bearer {bearer.token.get_secret_value()}"
        with self._http.stream(
            call.method, path, params=params, json=json, headers=headers, extensions=trace
        ) as response:
            try:
                body = self._whole(response, _room_for(call))
            except error_responses.FAILURES:
                if not response.is_client_error:
                    raise
                body = b""  # a refusal is a refusal, even if its body could not be read
        if not response.is_success:
            # A refusal that quotes the request must not carry the token into messages and logs.
            secret = self._token if bearer is None else bearer.token
            body = body.replace(secret.get_secret_value().encode() if secret else b"\0", b"***")
        return Answer(response.status_code, response.headers, body, self._clock.now())

    def _limit_delivery(self, event: str, about: dict[str, Any]) -> None:
        """Have the system give up what it cannot deliver on a new connection as soon as we do.

        Else it goes on for a quarter of an hour, although we have closed the connection, and a create that we gave up
        could be done long after another worker has looked for what it made, and made it again.
        """
        if event == "connection.connect_tcp.complete" and hasattr(socket, "TCP_USER_TIMEOUT"):
            own = about["return_value"].get_extra_info("socket")
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._timeout * 1000))

    def _whole(self, response: httpx.Response, most: int) -> bytes:
        """Read the body. A server that sends it slowly, or without end, must neither block us nor fill our memory."""
        deadline = self._clock.monotonic() + self._timeout
        if (header_number(response.headers, "content-length") or 0) > most:
            raise httpx.DecodingError("The answer is too long.", request=response.request)
        body = bytearray()
        with ExitStack() as place:
            # httpx would decompress each piece as a whole, however large that becomes.
            for part in unpacked(response, most):
                if len(body) <= LONGEST_RECORD < len(body) + len(part) <= most:
                    if not ALONE.acquire(timeout=max(0.0, deadline - self._clock.monotonic())):
                        raise httpx.ReadTimeout("Other long answers took all the time.", request=response.request)
                    place.callback(ALONE.release)
                body += part
                if len(body) > most:
                    raise httpx.DecodingError("The answer is too long.", request=response.request)
                if self._clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("The answer took too long to arrive.", request=response.request)
            return bytes(body)

    def _learn_limits(self, call: Call, answer: Answer, turn: float) -> None:
        """Learn what a response says about the limits, if that can be stored."""
        with suppress(Unavailable):
            self._limiter.learn(answer.headers, turn=turn, search=call.search)
            if answer.status == httpx.codes.TOO_MANY_REQUESTS:
                if not is_of_the_day(answer.headers, answer.at):
                    self._limiter.widen()
                self._limiter.pause(wait_seconds(answer.headers, answer.at))

    def _learn_time(self, answer: Answer, heard_at: float) -> None:
        """Learn Pipedrive's time. Without a date in the response, its clock is assumed to be equal to ours."""
        date = http_date(answer.headers.get("date", ""))
        if date is not None and abs(date - answer.at) <= MOST_WRONG:
            self._heard = date, heard_at
        elif self._heard is None:
            self._heard = answer.at, heard_at


def can_be_token(text: str) -> bool:
    """Tell whether a text can be an API token, so that it can be sent in a header."""
    return text.isascii() and text.isprintable() and bool(text) and not any(sign in text for sign in " \"'")


def can_be_address(base_url: str) -> bool:
    """Tell whether a text can be Pipedrive's address: scheme, host and port, and nothing else."""
    try:
        checked_address(base_url)
    except ValueError:
        return False
    return True


def _room_for(call: Call) -> int:
    is_list = call.method == "GET" and not call.path.rpartition("/")[2].isdigit()
    return LONGEST_LIST if is_list else LONGEST_RECORD


def checked_address(base_url: str) -> httpx.URL:
    """Return an address, which must be scheme, host and port only: each call brings its own path.

    Raises:
        ValueError: It is something else.
    """
    try:
        url = httpx.URL(base_url)
        url.raw_host.decode().encode("idna")  # as the socket will do; there it would not be reported as a network error
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL("")
    if (
        url.scheme not in ("http", "https")
        or not url.host
        or url.userinfo
        or url.query
        or url.fragment
        or url.path not in ("", "/")
    ):
        raise ValueError("Pipedrive's address must be a scheme, a host and perhaps a port, and nothing else.")
    return url
