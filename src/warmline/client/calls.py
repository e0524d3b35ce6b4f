"""The calls: each is tried again where that can help, and does what it does once."""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from warmline.client.errors import RefusedError, UnreachableError
from warmline.client.shapes import (
    Activity,
    Call,
    Contact,
    NewActivity,
    NewContact,
    NewOrganization,
    Organization,
    Outcome,
    Problem,
)

Kind = Literal["contacts", "organizations", "activities"]

TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds
TRY_AGAIN = {429, 500, 502, 503, 504}
KEY_IN_USE = "key_in_use"  # the first try of the same call still runs
ON_A_PAGE = 500
IN_A_BATCH, BYTES_OF_A_BATCH = 1000, 900_000  # a server takes 1,000 calls and 1 MB


@dataclass(frozen=True)
class Changes:
    """What has changed.

    Attributes:
        rows: The rows as they are now, of the kind that was asked for.
        gone: The ids of those that were deleted, or handed over to somebody else.
        until: What to ask with the next time.
    """

    rows: list[Any]
    gone: list[int]
    until: str


class Warmline:
    """A Warmline, as a program calls it. Use it in a `with` block, or close it; threads can share one.

    Args:
        url: Where it is, such as `https://crm.example.com`.
        token: An API token.
        timeout: Seconds that one try may take.
        tries: How often a call is tried in all.
        transport: Another way to reach it than the network.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = 30.0,
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._tries, self._sleep = tries, sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def put_contact(self, source: str, id: str, contact: NewContact) -> Contact:
        """Add a contact under the program's own id, or change it; what is left out stays."""
        found: Contact = self._put("contacts", source, id, contact)
        return found

    def put_organization(self, source: str, id: str, organization: NewOrganization) -> Organization:
        """Add an organization under the program's own id, or change it; what is left out stays."""
        found: Organization = self._put("organizations", source, id, organization)
        return found

    def put_activity(self, source: str, id: str, activity: NewActivity) -> Activity:
        """Log an activity under the program's own id, or change it; what is left out stays."""
        found: Activity = self._put("activities", source, id, activity)
        return found

    def add_contact(self, contact: NewContact, *, key: str | None = None) -> Contact:
        """Add a contact.

        Args:
            contact: What it is.
            key: The same key adds it once, also by another process within a day; None makes one for this call.
        """
        found: Contact = self.call("POST", "/api/contacts", contact, key=key)
        return found

    def log_activity(self, activity: NewActivity, *, key: str | None = None) -> Activity:
        """Log an activity; for the key see `add_contact`."""
        found: Activity = self.call("POST", "/api/activities", activity, key=key)
        return found

    def read_contact(self, source: str, id: str) -> Contact:
        """Return the contact that has the program's id."""
        found: Contact = self.call("GET", _external("contacts", source, id))
        return found

    def changes(self, kind: Kind, since: str = "0") -> Changes:
        """Return what has changed: `since` is the `until` of the last time, or `0` for everything."""
        rows: list[Any] = []
        gone: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            query = {"updated_since": since, "limit": str(ON_A_PAGE), **cursor}
            page = self.call("GET", f"/api/{kind}", query=query)
            gone += [item["id"] for item in page["items"] if "deleted" in item]
            rows += [item for item in page["items"] if "deleted" not in item]
            if page["next"] is None:
                return Changes(rows, gone, page["until"])
            cursor = {"cursor": page["next"]}

    def batch(self, calls: Iterable[Call], *, key: str | None = None) -> Iterator[Outcome]:
        """Make many calls, some hundred in each request; again as long as some could not be made for a passing reason.

        Args:
            calls: What to do, in order.
            key: The same key and the same calls do it once, also by another process within a day; None makes one.

        Yields:
            The outcomes, in order. One that was refused harms no other.
        """
        key = key or str(uuid.uuid4())
        start = 0
        for some in _pieces(calls):
            yield from self._outcomes(some, f"{key}-{start}")
            start += len(some)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Any:
        """Make any call of the API, again where that can help.

        Args:
            method: HTTP's.
            path: Beginning with `/api/`, percent-encoded.
            body: As JSON.
            query: What follows the `?`.
            key: Of a POST; None makes one.

        Returns:
            The answer's JSON.

        Raises:
            RefusedError: When it was refused.
            UnreachableError: When it was tried often enough.
        """
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if method == "POST" else {}
        last = "no answer"
        for number in range(self._tries):
            wait = _wait(number)
            try:
                response = self._http.request(method, path, json=body, params=query, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if not response.is_success and not _is_passing(response.status_code, _problem(response)):
                    raise RefusedError(response.status_code, _problem(response))
                with suppress(ValueError):  # of a network that answers itself, with a page to sign in
                    if response.is_success:
                        return response.json() if response.content else None
                last = "no JSON" if response.is_success else f"HTTP {response.status_code}"
                wait = max(wait, _asked_to_wait(response))
            if number + 1 < self._tries:
                self._sleep(wait)
        raise UnreachableError(f"Warmline did not answer {method} {path} in {self._tries} tries ({last}).")

    def _outcomes(self, calls: list[Call], key: str) -> list[Outcome]:
        """Return what became of the calls of a batch. What was done is answered as before when it is sent again."""
        for number in range(self._tries):
            outcomes: list[Outcome] = self.call("POST", "/api/batch", {"items": calls}, key=key)["items"]
            refused = [one for one in outcomes if one["status"] >= 400]  # noqa: PLR2004 (HTTP's first error)
            if not any(_is_passing(one["status"], one["body"]["error"]) for one in refused):
                break
            if number + 1 < self._tries:
                self._sleep(_wait(number))
        return outcomes

    def _put(self, kind: Kind, source: str, id: str, body: Mapping[str, Any]) -> Any:
        return self.call("PUT", _external(kind, source, id), body)


def _pieces(calls: Iterable[Call]) -> Iterator[list[Call]]:
    """Cut calls into batches that a server takes, always at the same places."""
    piece: list[Call] = []
    size = 0
    for each in calls:
        length = len(json.dumps(each)) + 2
        if piece and (len(piece) == IN_A_BATCH or size + length > BYTES_OF_A_BATCH):
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += length
    if piece:
        yield piece


def _external(kind: Kind, source: str, id: str) -> str:
    last = quote(id, safe="").replace(".", "%2E") if id in {".", ".."} else quote(id, safe="")  # no step in a path
    return f"/api/{kind}/external/{quote(source, safe='')}/{last}"


def _is_passing(status: int, problem: Problem) -> bool:
    """Tell whether the same call may be answered otherwise later."""
    return status in TRY_AGAIN or (status == 409 and problem["code"] == KEY_IN_USE)  # noqa: PLR2004 (HTTP's conflict)


def _wait(number: int) -> float:
    """Return the seconds after the first, second, ... try, which is number 0, 1, ..."""
    wait: float = min(FIRST_WAIT * 2**number, LONGEST_WAIT) * (0.5 + random.random() / 2)  # noqa: S311 (spreads calls)
    return wait


def _asked_to_wait(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return min(float(said), 10 * LONGEST_WAIT) if said.isdigit() else 0.0


def _problem(response: httpx.Response) -> Problem:
    try:
        problem: Problem = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        problem = {"code": "unknown", "message": f"It answered HTTP {response.status_code}.", "field": None}
    return problem
