"""Warmline's API for programs in Python: typed, small, and safe to use on a network that loses things.

Every call is tried again when the connection breaks, or the server is busy or asks to wait. What changes something
carries an idempotency key, or names a row by the program's own id, so trying again does it once. It needs httpx, and
nothing else of Warmline; a test checks it against the API's own document.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict
from urllib.parse import quote

import httpx

Kind = Literal["contacts", "organizations", "activities"]

TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds
TRY_AGAIN = {429, 500, 502, 503, 504}
KEY_IN_USE = "key_in_use"  # the first try of the same call still runs
ON_A_PAGE = 500
IN_A_BATCH = 1000


class ExternalId(TypedDict):
    """What another program calls a row."""

    source: str
    id: str


class Problem(TypedDict):
    """Why something could not be done: a code for programs, and what to do in words."""

    code: str
    message: str
    field: str | None


class Sync(TypedDict):
    """How far a row is on its way to Pipedrive."""

    state: Literal["not_wanted", "wanted", "in_progress", "synced", "failed"]
    attempts: int
    last_attempt_at: str | None
    next_attempt_at: str | None
    error: Problem | None
    candidates: list[dict[str, Any]]


class Owner(TypedDict):
    """Whose a contact is."""

    id: int
    name: str
    email: str


class OrganizationPart(TypedDict):
    """An organization as told beside its contact."""

    id: int
    name: str
    sector: str | None
    country: str | None
    pipedrive_org_id: int | None


class Organization(OrganizationPart):
    """An organization."""

    external_ids: list[ExternalId]
    sync: Sync


class LabelledValue(TypedDict):
    """An e-mail or a phone. Its label is work, mobile, home or other."""

    value: str
    label: str


class Contact(TypedDict):
    """A contact. Its `email` and `phone` are the first of `emails` and `phones`."""

    id: int
    name: str
    email: str | None
    phone: str | None
    emails: list[LabelledValue]
    phones: list[LabelledValue]
    warmness_score: int
    owner: Owner
    pipedrive_person_id: int | None
    organization: OrganizationPart | None
    external_ids: list[ExternalId]
    sync: Sync


class Activity(TypedDict):
    """An activity."""

    id: int
    contact_id: int
    type: str
    subject: str
    note: str | None
    due_date: str | None
    due_time: str | None
    done: bool
    pipedrive_activity_id: int | None
    replicated_to_pipedrive: bool
    pipedrive_sync_attempts: int
    last_pipedrive_sync_attempt: str | None
    external_ids: list[ExternalId]
    sync: Sync


class NewOrganization(TypedDict):
    """An organization as it is sent."""

    name: str
    sector: NotRequired[str | None]
    country: NotRequired[str | None]


class NewValue(TypedDict):
    """An e-mail or a phone as it is sent."""

    value: str
    label: NotRequired[str]


class NewContact(TypedDict):
    """A contact as it is sent, with its primary `email` or all `emails`.

    Only admins and programs can name its `owner`, by e-mail.
    """

    name: str
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    emails: NotRequired[list[NewValue]]
    phones: NotRequired[list[NewValue]]
    warmness_score: NotRequired[int]
    organization: NotRequired[NewOrganization | None]
    owner: NotRequired[str]


class NewActivity(TypedDict):
    """An activity as it is sent. Its contact is named by `contact_id` or by `contact_external`."""

    type: str
    contact_id: NotRequired[int]
    contact_external: NotRequired[ExternalId]
    subject: NotRequired[str | None]
    note: NotRequired[str | None]
    due_date: NotRequired[str | None]
    due_time: NotRequired[str | None]
    done: NotRequired[bool]


class Call(TypedDict):
    """One call of a batch."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: NotRequired[Mapping[str, Any]]


class Outcome(TypedDict):
    """What one call of a batch was answered."""

    status: int
    body: Any


class WarmlineError(Exception):
    """Warmline did not do what it was asked for."""


class RefusedError(WarmlineError):
    """It refused: the same call would be refused again.

    Attributes:
        status: HTTP's.
        code, field: For programs; which field is meant, or None.
    """

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem["message"])
        self.status = status
        self.code, self.field = problem["code"], problem["field"]


class UnreachableError(WarmlineError):
    """It did not answer, or not in a useful way, however often it was asked. The call may have been done or not."""


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
        """Make many calls, some hundred in each request.

        Args:
            calls: What to do, in order.
            key: The same key and the same calls do it once, also by another process within a day; None makes one.

        Yields:
            The outcomes, in order. One that was refused harms no other.
        """
        key = key or str(uuid.uuid4())
        whole = list(calls)
        for start in range(0, len(whole), IN_A_BATCH):
            body = {"items": whole[start : start + IN_A_BATCH]}
            yield from self.call("POST", "/api/batch", body, key=f"{key}-{start}")["items"]

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
            wait = min(FIRST_WAIT * 2**number, LONGEST_WAIT) * (0.5 + random.random() / 2)  # noqa: S311 (spreads calls)
            try:
                response = self._http.request(method, path, json=body, params=query, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if not _is_passing(response):
                    return _result(response)
                last, wait = f"HTTP {response.status_code}", max(wait, _asked_to_wait(response))
            if number + 1 < self._tries:
                self._sleep(wait)
        raise UnreachableError(f"Warmline did not answer {method} {path} in {self._tries} tries ({last}).")

    def _put(self, kind: Kind, source: str, id: str, body: Mapping[str, Any]) -> Any:
        return self.call("PUT", _external(kind, source, id), body)


def _external(kind: Kind, source: str, id: str) -> str:
    return f"/api/{kind}/external/{quote(source, safe='')}/{quote(id, safe='')}"


def _is_passing(response: httpx.Response) -> bool:
    """Tell whether the same call may be answered otherwise later."""
    if response.status_code in TRY_AGAIN:
        return True
    return response.status_code == 409 and _problem(response)["code"] == KEY_IN_USE  # noqa: PLR2004 (HTTP's conflict)


def _asked_to_wait(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return min(float(said), 10 * LONGEST_WAIT) if said.isdigit() else 0.0


def _result(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    raise RefusedError(response.status_code, _problem(response))


def _problem(response: httpx.Response) -> Problem:
    try:
        problem: Problem = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        problem = {"code": "unknown", "message": f"It answered HTTP {response.status_code}.", "field": None}
    return problem
