"""What the account is made of: its users, activity types and fields, asked for once and remembered with an age.

Asking costs 60 tokens in all, so the answers serve everyone for a day. Whatever refuses a create may be out of date
here; then `renew` forgets what is older than a minute, and the create is tried once more with fresh answers.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from warmline.pipedrive import ActivityType, Clock, Field, Pipedrive, User
from warmline.sync.company import storing
from warmline.sync.models import Remembered

Record = TypeVar("Record", bound=BaseModel)

GOOD_FOR = timedelta(days=1)
REFUSAL_GOOD_FOR = timedelta(hours=1)
TOO_FRESH_TO_RENEW = timedelta(minutes=1)
NAME_LENGTH = 300


class Catalog:
    """The account's users, activity types and fields.

    Args:
        pipedrive: Who is asked.
        clock: Tells the age of an answer.
    """

    def __init__(self, pipedrive: Pipedrive, clock: Clock) -> None:
        self._pipedrive = pipedrive
        self._clock = clock

    def me(self) -> User:
        """Return the user to whom the token belongs."""
        return self._remember("me", User, lambda: [self._pipedrive.own_user()])[0]

    def users(self) -> list[User]:
        """Return the account's users, inactive ones included."""
        return self._remember("users", User, self._pipedrive.users)

    def activity_types(self) -> list[ActivityType]:
        """Return the account's activity types, deactivated ones included."""
        return self._remember("activity_types", ActivityType, self._pipedrive.activity_types)

    def person_fields(self) -> list[Field]:
        """Return the fields of persons, with their options."""
        return self._remember("person_fields", Field, self._pipedrive.person_fields)

    def organization_fields(self) -> list[Field]:
        """Return the fields of organizations, with their options."""
        return self._remember("organization_fields", Field, self._pipedrive.organization_fields)

    def forget(self, name: str) -> None:
        """Forget one answer, because we have just changed what it tells.

        Args:
            name: As the method that returns it.
        """
        Remembered.objects.filter(name=name).delete()

    def renew(self) -> bool:
        """Forget every answer that is older than a minute.

        Returns:
            Whether there was one, so that trying again may help.
        """
        old = Remembered.objects.filter(at__lte=self._clock.now() - TOO_FRESH_TO_RENEW)
        return old.delete()[0] > 0

    def forget_if_older(self, name: str, age: timedelta) -> bool:
        """Forget an answer that is older than this.

        Returns:
            Whether it was, so that asking again may help.
        """
        return Remembered.objects.filter(name=name, at__lte=self._clock.now() - age).delete()[0] > 0

    def remember_refusal(self, what: str) -> None:
        """Remember that the account refused to make a thing, so that not every record asks again.

        Args:
            what: Its claim's key.
        """
        self._write(f"refused {what}"[:NAME_LENGTH], [])

    def was_refused(self, what: str) -> bool:
        """Tell whether the account refused, in the last hour, to make a thing."""
        return self._read(f"refused {what}"[:NAME_LENGTH], REFUSAL_GOOD_FOR) is not None

    def _remember(self, name: str, record: type[Record], ask: Callable[[], Sequence[Record]]) -> list[Record]:
        known = self._read(name)
        if known is not None:
            return [record.model_validate(value) for value in known]
        answers = list(ask())
        self._write(name, [answer.model_dump(mode="json") for answer in answers])
        return answers

    def _read(self, name: str, good_for: timedelta = GOOD_FOR) -> list[Any] | None:
        row = Remembered.objects.filter(name=name, at__gt=self._clock.now() - good_for).first()
        return row.value if row else None

    def _write(self, name: str, value: list[Any]) -> None:
        with storing():
            Remembered.objects.update_or_create(name=name, defaults={"value": value, "at": self._clock.now()})


def remember_own_user(me: User, now: datetime) -> None:
    """Remember whose token is in use, as it was told when the connection was tried.

    Args:
        me: Whose.
        now: When.
    """
    Remembered.objects.update_or_create(name="me", defaults={"value": [me.model_dump(mode="json")], "at": now})


def remembered(name: str, record: type[Record]) -> list[Record] | None:
    """Return an answer of the account at any age, without asking; None when it was never given.

    Args:
        name: As the method of Catalog that asks.
        record: What it consists of.
    """
    row = Remembered.objects.filter(name=name).first()
    return None if row is None else [record.model_validate(value) for value in row.value]
