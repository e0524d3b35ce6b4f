"""Pipedrive's API as methods: one per call that is needed, typed records in and out.

API v2 wherever it has the call; v1 only for users, activity types, and one fallback. No method tries again, and
none looks before it creates: what is safe to repeat is for the caller to know.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from warmline.pipedrive import lists, responses
from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock
from warmline.pipedrive.connection import Connection, Query
from warmline.pipedrive.errors import Rejected, Unavailable
from warmline.pipedrive.limiter import Limiter, Usage
from warmline.pipedrive.lists import Page, Unreadable
from warmline.pipedrive.records import (
    Activity,
    ActivityChanges,
    ActivityType,
    Field,
    FieldV1,
    FoundOrganization,
    FoundPerson,
    NewActivity,
    NewOrganization,
    NewPerson,
    Option,
    Organization,
    OrganizationChanges,
    Person,
    PersonChanges,
    User,
)
from warmline.pipedrive.responses import Call, Record

PAGE = 500  # The most that a page can hold; the price is per page.

# Published prices in tokens. The price of the v1 fields is that of any v1 list and update.
GET_ONE, WRITE, LIST, SEARCH = 1, 5, 10, 20
GET_ONE_V1, WRITE_V1, LIST_V1 = 2, 10, 20

LABEL_FIELD = "label_ids"
LABEL_FIELDS_V1 = (LABEL_FIELD, "label")


class Pipedrive:
    """One Pipedrive company, as one of its users sees it. Safe to share between threads.

    Every method that calls Pipedrive raises the errors of `warmline.pipedrive.errors` and no others: those that
    read never raise Uncertain, those that create or update may.

    Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        limiter: Limiter | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare, without calling.

        Args:
            base_url: Scheme, host and port only, as `https://api.pipedrive.com`.
            token: The user's API token; it travels in the header `x-api-token` and nowhere else.
            limiter: What keeps the token's rate limits; share one between all clients of a token. None for a
                limiter of one's own with Pipedrive's smallest limits.
            transport: What carries the requests; None for the network.
            timeout: Seconds allowed to each of: getting a connection, connecting, sending, waiting for the
                answer, and reading the whole of its body.
            clock: What tells the time.

        Raises:
            ValueError: The address or the token cannot be one.
        """
        self._limiter = limiter or Limiter(clock=clock)
        self._line = Connection(
            base_url,
            token,
            limiter=self._limiter,
            transport=transport,
            timeout=timeout,
            clock=clock,
        )
        self._clock = clock
        self._is_batch = False
        self._own: list[User] = []  # filled once, and shared by the twins

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._line.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._line.close()

    def in_batch(self) -> Self:
        """Return the same client for work that nobody waits for: its calls go after those of this one."""
        return self._twin(is_batch=True)

    def for_people(self) -> Self:
        """Return the same client for what somebody may wait for, whoever asks: the reverse of `in_batch`."""
        return self._twin(is_batch=False)

    def before_each_write(self, deed: Callable[[], object]) -> AbstractContextManager[None]:
        """Have something done before each write of this thread while a block runs: its turn has come, it is not sent.

        What is written down then tells when the write was sent, however long it had to wait for its turn.

        Args:
            deed: What is done. If it raises, nothing is sent.
        """
        return self._line.before_each_write(deed)

    def usage(self) -> Usage:
        """Return how much of the token's limits is used at this moment."""
        return self._limiter.usage()

    def paused_for(self) -> float:
        """Return for how many seconds from now Pipedrive wants no calls, as far as it said."""
        return self._limiter.paused_for()

    def has_tokens_for_batch(self) -> bool:
        """Tell whether the day's tokens allow for work that nobody waits for."""
        return self._limiter.has_tokens_for_batch()

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._line.base_url

    @property
    def tokens_spent(self) -> int:
        """Tokens spent by this client, counted per call made by the published prices."""
        return self._line.tokens_spent

    def server_time(self) -> datetime:
        """Return the time by Pipedrive's clock; makes one call of `me` if there was no answer yet.

        It goes on by our monotonic clock from one answer to the next, so setting this machine's clock does not move it.

        Returns:
            Aware, UTC. Never ahead of Pipedrive's clock, so it can safely become an `updated_since`.
        """
        with self._line.learning_time:  # one asks, and the others wait for the answer
            if self._line.server_time() is None:
                self.for_people().me()
        return self._line.server_time() or self._clock.now()

    def me(self) -> User:
        """Return the token's own user, with the company's id, name and domain."""
        me = self._one(Call("GET", "/api/v1/users/me", GET_ONE_V1), User)
        self._own[:] = [me]
        return me

    def own_user(self) -> User:
        """Return the token's own user as it was told last; asks only if it never was. A token never changes hands."""
        return self._own[0] if self._own else self.me()

    def users(self) -> list[User]:
        """Return all users of the company, inactive ones included."""
        return self._list(Call("GET", "/api/v1/users", LIST_V1), User)

    def activity_types(self) -> list[ActivityType]:
        """Return all activity types, inactive ones included."""
        return self._list(Call("GET", "/api/v1/activityTypes", LIST_V1), ActivityType)

    def person(self, person_id: int) -> Person:
        """Return one person, who may be marked as deleted.

        Raises:
            NotFound: There is no such person (any more).
        """
        return self._one(Call("GET", f"/api/v2/persons/{person_id}", GET_ONE), Person)

    def persons(
        self, *, updated_since: datetime | None = None, unreadable: list[Unreadable] | None = None
    ) -> list[Person]:
        """Return all persons.

        Args:
            updated_since: Only those changed then or later (inclusive, whole seconds); aware.
            unreadable: What takes those that cannot be read; None where that is an error.
        """
        return self._pages(Call("GET", "/api/v2/persons", LIST), Person, _since(updated_since), unreadable)

    def persons_page(self, cursor: str | None) -> Page[Person]:
        """Return one page of all persons, for whoever must be able to go on another day.

        Args:
            cursor: The `next_cursor` of the page before; None for the first one.
        """
        return self._page(Call("GET", "/api/v2/persons", LIST), Person, cursor)

    def search_persons(self, term: str, *, field: str = "email") -> list[FoundPerson]:
        """Return the persons found under an e-mail address, in any case.

        Args:
            term: The whole address, or the whole value of another field.
            field: Where to look: `email`, or `custom_fields` for all of those.

        Returns:
            What the search knows. Nothing is promised of how soon a new person is found, so an empty list
            doesn't prove that there is none.
        """
        call = Call("GET", "/api/v2/persons/search", SEARCH, search=True)
        return self._search(call, FoundPerson, {"term": term, "fields": field})

    def create_person(self, new: NewPerson) -> Person:
        """Create a person and return it."""
        return self._one(Call("POST", "/api/v2/persons", WRITE), Person, new.body())

    def update_person(self, person_id: int, changes: PersonChanges) -> Person:
        """Change the fields that are set and return the person as it is now.

        Raises:
            NotFound: There is no such person (any more).
        """
        return self._one(Call("PATCH", f"/api/v2/persons/{person_id}", WRITE), Person, changes.body())

    def organization(self, organization_id: int) -> Organization:
        """Return one organization, which may be marked as deleted.

        Raises:
            NotFound: There is no such organization (any more).
        """
        return self._one(Call("GET", f"/api/v2/organizations/{organization_id}", GET_ONE), Organization)

    def organizations(
        self, *, updated_since: datetime | None = None, unreadable: list[Unreadable] | None = None
    ) -> list[Organization]:
        """Return all organizations.

        Args:
            updated_since: As in `persons`.
            unreadable: As in `persons`.
        """
        call = Call("GET", "/api/v2/organizations", LIST)
        return self._pages(call, Organization, _since(updated_since), unreadable)

    def search_organizations(self, term: str, *, field: str = "name") -> list[FoundOrganization]:
        """Return the organizations found under a name, in any case.

        Args:
            term: The whole name, or the whole value of another field.
            field: Where to look: `name`, or `custom_fields` for all of those.

        Returns:
            As in `search_persons`: an empty list doesn't prove that there is none.
        """
        call = Call("GET", "/api/v2/organizations/search", SEARCH, search=True)
        return self._search(call, FoundOrganization, {"term": term, "fields": field})

    def organizations_page(self, cursor: str | None) -> Page[Organization]:
        """Return one page of all organizations; see `persons_page`."""
        return self._page(Call("GET", "/api/v2/organizations", LIST), Organization, cursor)

    def create_organization(self, new: NewOrganization) -> Organization:
        """Create an organization and return it."""
        return self._one(Call("POST", "/api/v2/organizations", WRITE), Organization, new.body())

    def update_organization(self, organization_id: int, changes: OrganizationChanges) -> Organization:
        """Change the fields that are set and return the organization as it is now.

        Raises:
            NotFound: There is no such organization (any more).
        """
        call = Call("PATCH", f"/api/v2/organizations/{organization_id}", WRITE)
        return self._one(call, Organization, changes.body())

    def activity(self, activity_id: int) -> Activity:
        """Return one activity, which may be marked as deleted.

        Raises:
            NotFound: There is no such activity (any more).
        """
        return self._one(Call("GET", f"/api/v2/activities/{activity_id}", GET_ONE), Activity)

    def activities(
        self,
        *,
        person_id: int | None = None,
        updated_since: datetime | None = None,
        unreadable: list[Unreadable] | None = None,
    ) -> list[Activity]:
        """Return all activities.

        Args:
            person_id: Only those whose primary participant this person is.
            updated_since: As in `persons`.
            unreadable: As in `persons`.
        """
        params = _since(updated_since)
        if person_id is not None:
            params["person_id"] = person_id
        return self._pages(Call("GET", "/api/v2/activities", LIST), Activity, params, unreadable)

    def create_activity(self, new: NewActivity) -> Activity:
        """Create an activity and return it."""
        return self._one(Call("POST", "/api/v2/activities", WRITE), Activity, new.body())

    def update_activity(self, activity_id: int, changes: ActivityChanges) -> Activity:
        """Change the fields that are set and return the activity as it is now.

        Raises:
            NotFound: There is no such activity (any more).
        """
        return self._one(Call("PATCH", f"/api/v2/activities/{activity_id}", WRITE), Activity, changes.body())

    def person_fields(self) -> list[Field]:
        """Return all fields of persons, with their options."""
        return self._pages(Call("GET", "/api/v2/personFields", LIST), Field, {})

    def organization_fields(self) -> list[Field]:
        """Return all fields of organizations, with their options."""
        return self._pages(Call("GET", "/api/v2/organizationFields", LIST), Field, {})

    def create_person_field(self, name: str, field_type: str) -> Field:
        """Create a custom field of persons; see `create_organization_field`."""
        call = Call("POST", "/api/v2/personFields", WRITE)
        return self._one(call, Field, {"field_name": name, "field_type": field_type})

    def create_organization_field(self, name: str, field_type: str) -> Field:
        """Create a custom field of organizations; a second one of the same name is a second field.

        Args:
            name: What people see.
            field_type: Pipedrive's type, as `varchar` (255 characters) or `text`.

        Returns:
            The field with the code that Pipedrive gave it.
        """
        call = Call("POST", "/api/v2/organizationFields", WRITE)
        return self._one(call, Field, {"field_name": name, "field_type": field_type})

    def add_person_label(self, label: str) -> Option:
        """Add an option to the labels of persons.

        Args:
            label: What people see.

        Returns:
            The new option.

        Raises:
            Rejected: Among others: the account takes no options for a built-in field here, of which the
                document doesn't speak. `add_person_label_v1` is the other way.
        """
        call = Call("POST", f"/api/v2/personFields/{LABEL_FIELD}/options", WRITE)
        options = self._list(call, Option, [{"label": label}])
        return _labelled(call, options, label)

    def add_person_label_v1(self, label: str) -> Option:
        """Add an option to the labels of persons, the old way: by writing all of them anew.

        Args:
            label: What people see.

        Returns:
            The new option, or the one that had this label already.

        Raises:
            Rejected: Among others: there is no field of labels.
        """
        listing = Call("GET", "/api/v1/personFields", LIST_V1)
        fields = self._list(listing, FieldV1, params={"limit": PAGE})
        field = next((field for field in fields if field.key in LABEL_FIELDS_V1), None)
        if field is None:
            raise Rejected("Persons have no label field.", call=str(listing), field=LABEL_FIELD)
        if present := [option for option in field.options if option.label.split() == label.split()]:
            return present[0]
        options = [option.model_dump() for option in field.options]
        call = Call("PUT", f"/api/v1/personFields/{field.id}", WRITE_V1)
        written = self._one(call, FieldV1, {"options": [*options, {"label": label}]})
        return _labelled(call, written.options, label)

    def _ask(self, call: Call, *, params: Query | None = None, json: Any = None) -> dict[str, Any]:
        return self._line.ask(call, params=params, json=json, batch=self._is_batch)

    def _twin(self, *, is_batch: bool) -> Self:
        twin = copy.copy(self)
        twin._is_batch = is_batch  # noqa: SLF001 -- its own class
        return twin

    def _page(self, call: Call, model: type[Record], cursor: str | None) -> Page[Record]:
        said = self._ask(call, params={"limit": PAGE, **({} if cursor is None else {"cursor": cursor})})
        unreadable: list[Unreadable] = []
        records = lists.records(call, model, responses.rows(call, said), unreadable)
        return Page(records, responses.next_cursor(said), tuple(unreadable))

    def _one(self, call: Call, model: type[Record], body: Any = None) -> Record:
        """Make a call that is answered with one record."""
        return responses.record(call, model, self._ask(call, json=body).get("data"))

    def _list(self, call: Call, model: type[Record], body: Any = None, params: Query | None = None) -> list[Record]:
        """Make a call that is answered with a whole list."""
        said = self._ask(call, params=params, json=body)
        return lists.records(call, model, responses.rows(call, said))

    def _pages(
        self, call: Call, model: type[Record], params: Query, unreadable: list[Unreadable] | None = None
    ) -> list[Record]:
        """Read a list to its end."""
        return lists.records(call, model, self._walk(call, params, responses.rows), unreadable)

    def _search(self, call: Call, model: type[Record], params: Query) -> list[Record]:
        """Read the hits of an exact search to their end."""
        exact: Query = {**params, "exact_match": True}
        return lists.records(call, model, self._walk(call, exact, responses.hits))

    def _walk(self, call: Call, params: Query, items: Callable[[Call, Mapping[str, Any]], list[Any]]) -> Iterator[Any]:
        """Follow the cursors of a list, and stop at one that leads in a circle."""
        followed: set[str] = set()
        cursor: Query = {}
        while True:
            said = self._ask(call, params={**params, "limit": PAGE, **cursor})
            yield from items(call, said)
            following = responses.next_cursor(said)
            if following is None:
                return
            if following in followed:
                raise Unavailable("The list never ends: a cursor was repeated.", call=str(call))
            followed.add(following)
            cursor = {"cursor": following}


def _since(moment: datetime | None) -> Query:
    """Return the query for what has changed since; a part of a second is rounded down, to miss nothing."""
    if moment is None:
        return {}
    if moment.tzinfo is None:
        raise ValueError("A time without a zone could be any time.")
    return {"updated_since": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _labelled(call: Call, options: list[Option] | tuple[Option, ...], label: str) -> Option:
    """Return the option of a label from the answer to its making."""
    # The newest comes last; another's option of the same label may stand before it.
    for option in reversed(options):
        if option.label.split() == label.split():  # a server may have cleaned it
            return option
    raise responses.unclear(call, "The answer does not show the new label.")
