"""A cache of the account's users, activity types and fields, and of when they were asked for.

Asking costs 60 tokens in all, so the answers serve everyone for a day. One worker asks and the others wait (see
single_flight.py), and what we create there ourselves is added. If Pipedrive refuses a create, an answer may be
outdated: `renew` then drops those that are older than a minute, and the create is tried once more. An answer dated in
the future, because a clock was wrong, counts as old.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from django.db.models import Q
from pydantic import BaseModel

from warmline.pipedrive import ActivityType, Clock, Field, Option, Pipedrive, User
from warmline.sync.company import storing
from warmline.sync.leases import PATIENCE, Leases
from warmline.sync.models import Remembered
from warmline.sync.pending import END_OF_TIME
from warmline.sync.single_flight import ask_key, one_asks

Record = TypeVar("Record", bound=BaseModel)

GOOD_FOR = timedelta(days=1)
REFUSAL_GOOD_FOR = timedelta(hours=1)
TOO_FRESH_TO_RENEW = timedelta(minutes=1)
NAME_LENGTH = 300
FUTURE = timedelta(minutes=1)  # a moment further ahead than this can only come from a clock that was wrong


class Catalog:
    """The account's users, activity types and fields, for one piece of work.

    Args:
        pipedrive: The client. Its calls have people's priority, because others may be waiting for the same answer.
        clock: Decides how old an answer is.
    """

    def __init__(self, pipedrive: Pipedrive, clock: Clock) -> None:
        self._pipedrive = pipedrive.for_people()
        self._clock = clock
        self._leases = Leases(clock)
        self._questions: dict[str, tuple[type[BaseModel], Callable[[], Sequence[BaseModel]]]] = {
            "me": (User, lambda: [self._pipedrive.own_user()]),
            "users": (User, self._pipedrive.users),
            "activity_types": (ActivityType, self._pipedrive.activity_types),
            "person_fields": (Field, self._pipedrive.person_fields),
            "organization_fields": (Field, self._pipedrive.organization_fields),
        }
        self._relied_on: dict[str, datetime] = {}  # the answers that this work has used, and when they were given
        self._alone_with: dict[str, list[Any]] = {}

    def me(self) -> User:
        """Return the token's user."""
        return cast("User", self._remember("me")[0])

    def users(self) -> list[User]:
        """Return the account's users, inactive ones included."""
        return self._remember("users")

    def activity_types(self) -> list[ActivityType]:
        """Return the account's activity types, deactivated ones included."""
        return self._remember("activity_types")

    def person_fields(self) -> list[Field]:
        """Return the fields of persons, with their options."""
        return self._remember("person_fields")

    def organization_fields(self) -> list[Field]:
        """Return the fields of organizations, with their options."""
        return self._remember("organization_fields")

    def forget(self, name: str) -> None:
        """Drop one answer, so that the next caller asks again.

        Args:
            name: The name of the method that returns it.
        """
        Remembered.objects.filter(name=name).delete()

    def renew(self) -> bool:
        """Drop every answer that is older than a minute.

        Returns:
            Whether this work has used one that is not the newest any more, so that trying again may help.
        """
        Remembered.objects.filter(self._is_older(TOO_FRESH_TO_RENEW)).delete()
        return any(not self._is_newest(name) for name in self._relied_on)

    def forget_if_older(self, name: str, age: timedelta = TOO_FRESH_TO_RENEW) -> bool:
        """Drop an answer if it is older than a given age.

        Args:
            name: The name of the method that returns it.
            age: The age.

        Returns:
            Whether this work has used one that is not the newest any more, so that asking again may help.
        """
        Remembered.objects.filter(self._is_older(age), name=name).delete()
        return not self._is_newest(name)

    @contextmanager
    def alone_with(self, name: str, *, anew: bool) -> Iterator[None]:
        """Let nobody else ask for an answer, or add to it, while the block runs, so that nothing we created is missing.

        Args:
            name: The name of the method that returns it.
            anew: Whether to ask again in any case, and not only if the answer is older than a minute.

        Raises:
            BusyError: When another worker does the same and takes too long.
        """
        record, ask = self._questions[name]
        with self._leases.hold(ask_key(name), patience=PATIENCE):
            values = None if anew else self._read(name, TOO_FRESH_TO_RENEW)
            if values is None:
                values = self._dumped(ask())
                self._store(name, values)
            self._alone_with[name] = [record.model_validate(value) for value in values]
            try:
                yield
            finally:
                del self._alone_with[name]

    def add_option(self, code: str, option: Option) -> None:
        """Add an option that we have just created to a field of persons. Call it within `alone_with`."""

        def added(field: Field) -> Field:
            return field.model_copy(update={"options": (*field.options, option)}) if field.code == code else field

        self._amend("person_fields", lambda fields: [added(field) for field in fields])

    def add_field(self, name: str, field: Field) -> None:
        """Add a field that we have just created. Call it within `alone_with`.

        Args:
            name: The name of the method that returns the fields.
            field: The new field.
        """
        self._amend(name, lambda fields: [*fields, field])

    def remember_refusal(self, what: str) -> None:
        """Remember that the account refused to create something, so that not every record tries again.

        Args:
            what: Its lease's key.
        """
        self._write(f"refused {what}"[:NAME_LENGTH], [])

    def was_refused(self, what: str) -> bool:
        """Tell whether the account refused to create something in the last hour."""
        return self._read(f"refused {what}"[:NAME_LENGTH], REFUSAL_GOOD_FOR) is not None

    def _remember(self, name: str) -> list[Any]:
        if name in self._alone_with:
            return self._alone_with[name]
        record, ask = self._questions[name]
        values = one_asks(
            name,
            clock=self._clock,
            known=lambda: self._read(name),
            ask=lambda: self._dumped(ask()),
            store=lambda values: self._write(name, values),
        )
        return [record.model_validate(value) for value in values]

    def _read(self, name: str, good_for: timedelta = GOOD_FOR) -> list[Any] | None:
        row = Remembered.objects.filter(name=name).exclude(self._is_older(good_for)).first()
        if row is None:
            return None
        self._relied_on[name] = row.at
        return list(row.value)

    def _write(self, name: str, value: list[Any]) -> None:
        now = self._clock.now()
        with storing():
            Remembered.objects.update_or_create(name=name, defaults={"value": value, "at": now})
        self._relied_on[name] = now

    def _amend(self, name: str, change: Callable[[list[Field]], list[Field]]) -> None:
        self._alone_with[name] = change(self._alone_with[name])
        self._store(name, self._dumped(self._alone_with[name]))

    def _store(self, name: str, values: list[Any]) -> None:
        self._leases.while_held(lambda: self._write(name, values))

    @staticmethod
    def _dumped(answers: Sequence[BaseModel]) -> list[Any]:
        return [one.model_dump(mode="json") for one in answers]

    def _is_older(self, age: timedelta) -> Q:
        now = self._clock.now()
        return Q(at__lte=now - age) | Q(at__gt=now + FUTURE, at__lt=END_OF_TIME)

    def _is_newest(self, name: str) -> bool:
        relied_on = self._relied_on.get(name)
        return relied_on is not None and Remembered.objects.filter(name=name, at=relied_on).exists()


def remember_own_user(me: User, now: datetime) -> None:
    """Store the user of the token in use, as a probe returned it.

    Args:
        me: The token's user.
        now: The present moment, aware.
    """
    Remembered.objects.update_or_create(name="me", defaults={"value": [me.model_dump(mode="json")], "at": now})


def remembered(name: str, record: type[Record]) -> list[Record] | None:
    """Return a stored answer at any age, without asking; None if there is none.

    Args:
        name: The name of the method of Catalog that returns it.
        record: The class of its items.
    """
    row = Remembered.objects.filter(name=name).first()
    return None if row is None else [record.model_validate(value) for value in row.value]
