"""The state of the simulated company: its users, records, fields, settings, and the log of calls.

It contains no rules, which are in `records`, `fields`, `search` and `accounts`, and no HTTP. Time comes from the clock
that is passed in, so that a simulation can run a day in a second.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, Self

from warmline.sandbox.answers import Json
from warmline.sandbox.seed_data import ACTIVITY_TYPES, FIELDS
from warmline.sandbox.settings import Plan, Settings

DAY = 86_400
COMPANIES = {1: ("Alder & Finch Consulting", "alderfinch"), 2: ("Birch & Wren Partners", "birchwren")}


@dataclass(frozen=True)
class User:
    """A colleague with a seat in the company."""

    id: int
    name: str
    email: str
    active: bool
    admin: bool


@dataclass(frozen=True)
class Actor:
    """Who is changing the world at the moment, as events tell it.

    Attributes:
        user_id: The user; 0 for nobody in particular.
        source: A person in Pipedrive's own app, or a program.
        is_bulk_edit: Whether many records are changed at once.
        correlation_id: The same for everything that one deed changes.
    """

    user_id: int = 0
    source: Literal["app", "api"] = "app"
    is_bulk_edit: bool = False
    correlation_id: str = ""


@dataclass(frozen=True)
class Call:
    """One call that came in, whatever became of it.

    Attributes:
        at: Unix seconds.
        method: In capitals.
        path: Without the query, which can hold a person's e-mail.
        status: HTTP status of the answer; 0 when there was none.
        tokens: What it cost; a call that was turned away costs nothing.
        user_id: Whose token it was; none when there was no good one.
        fault: The kind of the fault that struck it, if one did.
    """

    at: float
    method: str
    path: str
    status: int
    tokens: int
    user_id: int | None
    fault: str = ""


class World:
    """One company's Pipedrive. Not safe for threads by itself: `Sandbox` holds the lock.

    Args:
        clock: Returns unix seconds.
        plan: Sets the burst limits; `settings` can change them later.
        search_delay: Seconds until search sees a new or changed record.
        daily_budget: Tokens until midnight UTC; none is as many as you like.
        company: Its name; left out, one that goes with its id.
        domain: The first part of its own host name; likewise.
        company_id: Its id. The ids of records and users begin at 1 in every company, so those of two overlap.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        plan: Plan = Plan.LITE,
        search_delay: float = 0.0,
        daily_budget: int | None = None,
        company: str = "",
        domain: str = "",
        company_id: int = 1,
    ) -> None:
        self.now = clock
        self.company_id = company_id
        name, host = COMPANIES.get(company_id, (f"Company {company_id}", f"company{company_id}"))
        self.company = company or name
        self.domain = domain or host
        self.random = Random(f"{company_id} {clock()}")  # noqa: S311 (ids and tokens of a toy)
        self.users: dict[int, User] = {}
        self.tokens: dict[str, int] = {}
        burst, oauth_burst = plan.value
        self._first_settings = Settings(
            search_delay=search_delay, daily_budget=daily_budget, burst=burst, oauth_burst=oauth_burst
        )
        self.reset()

    @classmethod
    def sample(
        cls,
        clock: Callable[[], float] = time.time,
        *,
        token: str = "sandbox-token",  # noqa: S107 - it opens nothing but the sandbox
        **how: Any,
    ) -> Self:
        """Return a company with three users, ready to try things out.

        Another company than the first has a user before these, so the same user ids are other people there.

        Args:
            clock: Returns unix seconds.
            token: The first user's API token: Alice's, in another company Charlie's.
            **how: As for `World`.
        """
        world = cls(clock, **how)
        if world.company_id != 1:
            world.add_user("Charlie Wren", "charlie@example.com", admin=True, token=token)
            world.add_user("Alice Alder", "alice@example.com")
            world.add_user("Bob Finch", "bob@example.com")
            return world
        world.add_user("Alice Alder", "alice@example.com", admin=True, token=token)
        world.add_user("Bob Finch", "bob@example.com")
        world.add_user("Carol Reed", "carol@example.com", active=False)
        return world

    def reset(self) -> None:
        """Go back to the first day: no records, built-in fields only, the first settings. Users and tokens stay."""
        self.settings = self._first_settings.model_copy()
        self.records: dict[str, dict[int, Json]] = {"persons": {}, "organizations": {}, "activities": {}}
        self.fields: dict[str, list[Json]] = {kind: [_built(field) for field in FIELDS[kind]] for kind in FIELDS}
        self.activity_types: list[Json] = [_activity_type(order, key) for order, key in enumerate(ACTIVITY_TYPES, 1)]
        self.versions: dict[tuple[str, int], tuple[float, Json | None]] = {}
        self.calls: list[Call] = []
        self.spent: dict[int, int] = {}
        self.actor = Actor()
        # Each is what its module makes of it: notes, webhooks and what they are told, and what OAuth has given out.
        self.notes: dict[int, Json] = {}
        self.webhooks: dict[int, Any] = {}
        self.events: list[Json] = []
        self.outgoing: list[Any] = []
        self.grants: list[Any] = []
        self.codes: dict[str, Any] = {}
        self.exchanged: set[str] = set()
        self._last_ids: dict[str, int] = {}

    def add_user(
        self, name: str, email: str, *, active: bool = True, admin: bool = False, token: str | None = None
    ) -> User:
        """Give a colleague a seat.

        Args:
            name: As shown.
            email: Theirs.
            active: Whether they may own records and use their token.
            admin: Whether they are an administrator.
            token: Their API token, if they have one. It serves as an OAuth access token, too.
        """
        user = User(self.next_id("user"), name, email, active, admin)
        self.users[user.id] = user
        if token is not None:
            self.tokens[token] = user.id
        return user

    def set_user_active(self, user_id: int, *, active: bool) -> None:
        """Let a user in, or shut them out."""
        self.users[user_id] = replace(self.users[user_id], active=active)

    def set_activity_type_active(self, key: str, *, active: bool) -> None:
        """Switch an activity type on or off by its key, e.g. "lunch"."""
        next(kind for kind in self.activity_types if kind["key_string"] == key)["active_flag"] = active

    def next_id(self, counter: str) -> int:
        """Return the next number of a counter; ids never come twice."""
        counted = len(self.users) if counter == "user" else self._last_ids.get(counter, 0)
        self._last_ids[counter] = counted + 1
        return counted + 1

    @contextmanager
    def at(self, moment: float) -> Iterator[None]:
        """Let everything inside happen at a moment (unix seconds) that is not now."""
        clock, self.now = self.now, lambda: moment
        try:
            yield
        finally:
            self.now = clock

    @contextmanager
    def acting(self, user_id: int, source: Literal["app", "api"], *, is_bulk_edit: bool = False) -> Iterator[None]:
        """Let everything inside be somebody's deed."""
        before, self.actor = self.actor, Actor(user_id, source, is_bulk_edit, f"{self.random.getrandbits(64):016x}")
        try:
            yield
        finally:
            self.actor = before

    def stamp(self) -> str:
        """Return the time in whole seconds, as v2 writes it."""
        return datetime.fromtimestamp(int(self.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def alive(self, kind: str, record_id: object) -> bool:
        """Say whether a record is there and not deleted."""
        record = self.records[kind].get(record_id) if isinstance(record_id, int) else None
        return record is not None and not record["is_deleted"]

    @property
    def persons(self) -> dict[int, Json]:
        """Every person by id, deleted ones too."""
        return self.records["persons"]

    @property
    def organizations(self) -> dict[int, Json]:
        """Every organization by id, deleted ones too."""
        return self.records["organizations"]

    @property
    def activities(self) -> dict[int, Json]:
        """Every activity by id, deleted ones too."""
        return self.records["activities"]

    @property
    def tokens_spent(self) -> int:
        """What all calls cost together, by the published prices."""
        return sum(self.spent.values())

    @property
    def tokens_left(self) -> int | None:
        """What is left of today's budget; none without a budget."""
        budget = self.settings.daily_budget
        return None if budget is None else max(0, budget - self.spent.get(int(self.now() // DAY), 0))

    def spend(self, tokens: int) -> None:
        """Take tokens from the budget of the day in UTC."""
        today = int(self.now() // DAY)
        self.spent[today] = self.spent.get(today, 0) + tokens


def _built(field: Json) -> Json:
    options = field["options"]
    return field | {"options": None if options is None else [dict(option) for option in options]}


def _activity_type(order: int, key: str) -> Json:
    return {
        "id": order,
        "order_nr": order,
        "name": key.capitalize(),
        "key_string": key,
        "icon_key": key,
        "active_flag": True,
        "color": "FFFFFF",
        "is_custom_flag": False,
        "add_time": "2024-01-01 08:00:00",
        "update_time": "2024-01-01 08:00:00",
    }
