"""Rate limits for guesses at secrets, and for e-mails that strangers can make us send.

A guess counts for the user, for the place that it comes from, and for both together. The first ones are free, then the
waits double. No wait is long, because a stranger could otherwise lock a user out. Where a user has signed in before,
only guesses from that place count, so nobody is locked out by others.

Guesses themselves are not stored, and names and addresses only as keyed digests. Times in the future, written while the
clock was wrong, do not count and are deleted before the clock gets there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil

from django.db import models
from django.db.models import Count, Max
from django.utils.crypto import salted_hmac

from warmline import database_time
from warmline.crm.keys import email_key
from warmline.crm.users import User

WINDOW = timedelta(hours=1)  # how long a guess counts
MOST_GUESSES = 20_000  # stored guesses; beyond that, the oldest are deleted
FAMILIAR_FOR = timedelta(days=90)  # how long a place is familiar after the last sign-in there
MOST_PLACES = 50  # familiar places of a user
A_SKEW = timedelta(seconds=2)  # by which the clocks of two servers may differ
A_SITE = 64  # bits of an IPv6 address that identify a subscriber, who can choose the others freely


@dataclass(frozen=True)
class Limit:
    """How many guesses are free, and the waits after more of them, which double each time.

    Attributes:
        free: The number of guesses per hour without a wait.
        longest: The longest wait, in seconds.
        first: The first wait, in seconds.
    """

    free: int
    longest: int
    first: int = 1

    def wait(self, made: int) -> int:
        """Return the seconds to wait after a number of guesses, from the latest one on."""
        return 0 if made < self.free else min(self.longest, self.first * 2 ** min(made - self.free, 30))


USER_AT_PLACE = Limit(free=5, longest=300)  # guesses at one user from one place
USER = Limit(free=10, longest=60)
PLACE = Limit(free=20, longest=60)
MAIL_FROM_PLACE = Limit(free=1, longest=300, first=300)
MAIL_USER = Limit(free=6, longest=3600, first=3600)  # six in any hour

Counted = Mapping[str, Limit]  # the keys under which a guess counts, with their limits


class TooManyGuessesError(Exception):
    """There were too many guesses.

    Args:
        seconds: How long to wait before the next one.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many guesses; wait for {seconds} s.")
        self.seconds = seconds


class Guess(models.Model):
    """One guess, under one of the keys for which it counts."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        # The number of recent guesses under a key, and the latest of them.
        indexes = [models.Index(fields=["key", "at"], name="guess_lately")]

    def __str__(self) -> str:
        return self.key


class Familiar(models.Model):
    """A place (a network or a browser) where a user has signed in."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    place = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "place"], name="familiar_place_once")]

    def __str__(self) -> str:
        return self.place


class GuessInProgress:
    """A guess that is being checked. It counts as wrong from the start, so that parallel guesses are no way around."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        _refuse(counted)
        self._rows = Guess.objects.bulk_create([Guess(key=key, at=database_time.now()) for key in counted])
        newest = max(row.pk for row in self._rows)
        try:
            _refuse(counted, but=self._rows)  # checked again, because others may have come at the same moment
        except TooManyGuessesError:
            self.forget()
            raise
        Guess.objects.filter(pk__lte=newest - MOST_GUESSES).delete()
        Guess.objects.filter(key__in=counted, at__gt=database_time.now() + A_SKEW).delete()

    def was_right(self) -> None:
        """Remove the guess, and the wrong ones at the same user from the same place."""
        self.forget()
        Guess.objects.filter(key__in=[key for key, limit in self._counted.items() if limit is USER_AT_PLACE]).delete()

    def forget(self) -> None:
        """Remove the guess."""
        Guess.objects.filter(pk__in=[row.pk for row in self._rows]).delete()


def at_password(email: str, address: str, browser: str) -> GuessInProgress:
    """Start a guess at a user's password.

    Args:
        email: The user's e-mail in any spelling, or whatever was entered.
        address: The IP address that the guess comes from.
        browser: The browser's id, set when someone signed in there; may be empty.

    Raises:
        TooManyGuessesError: If the guess has to wait.
    """
    user = User.objects.known_as(email).first()
    places = [] if user is None else _places(user, address, browser)
    known = set(Familiar.objects.filter(user=user, place__in=places).values_list("place", flat=True)) if user else ()
    if familiar := next((place for place in places if place in known), None):
        return GuessInProgress({familiar: USER_AT_PLACE})
    return GuessInProgress(_counted("password", _key(email, user), address))


def at_secret(kind: str, whose: str, address: str) -> None:
    """Count a wrong guess at a secret that is too long to be guessed; the right one is never refused.

    Args:
        kind: The kind of secret; each kind is counted separately.
        whose: The user or thing that the secret belongs to.
        address: The IP address that the guess comes from.

    Raises:
        TooManyGuessesError: If there were too many.
    """
    GuessInProgress(_counted(kind, whose, address))


def at_mailbox(email: str, address: str) -> GuessInProgress:
    """Count an e-mail that someone asks us to send, in the same time whether or not a user has that address.

    Args:
        email: The recipient, in any spelling.
        address: The IP address of the request.

    Returns:
        The counted guess; call its `forget` if the e-mail could not be sent.

    Raises:
        TooManyGuessesError: If enough were sent. Requests from elsewhere do not use up a user's own allowance.
    """
    key = _key(email, User.objects.known_as(email).first())
    together, alone = _digest("mail", key, network(address)), _digest("mail", "user", key)
    return GuessInProgress({together: MAIL_FROM_PLACE, alone: MAIL_USER})


def remember(user: User, address: str, browser: str) -> None:
    """Remember that a user has signed in from an address and a browser, so that guesses elsewhere do not count there.

    Args:
        user: The user; a new password makes all places unfamiliar again.
        address: See `at_password`.
        browser: See `at_password`.
    """
    for place in _places(user, address, browser):
        Familiar.objects.update_or_create(user=user, place=place, defaults={"at": database_time.now()})
    places = Familiar.objects.filter(user=user)
    kept = places.order_by("-at").values_list("pk", flat=True)[:MOST_PLACES]
    places.exclude(pk__in=list(kept)).delete()


def outdated(now: datetime) -> Iterable[models.QuerySet[Guess] | models.QuerySet[Familiar]]:
    """Return rows that no longer count, including those written by a wrong clock."""
    latest = max(now, database_time.now()) + WINDOW  # `now` may come from a clock that was behind at its start
    for model, kept in ((Guess, WINDOW), (Familiar, FAMILIAR_FOR)):
        yield model._default_manager.exclude(at__range=(now - kept, latest))  # noqa: SLF001 (documented as public)


def network(address: str) -> str:
    """Return the part of an address that its owner cannot choose: all of IPv4, the first 64 bits of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Network((int(found), A_SITE), strict=False))
    return str(found)


def _refuse(counted: Counted, but: Iterable[Guess] = ()) -> None:
    now = database_time.now()
    lately = Guess.objects.filter(key__in=counted, at__range=(now - WINDOW, now))
    others = lately.exclude(pk__in=[row.pk for row in but]).order_by().values("key")
    waits = [
        (found["latest"] - now).total_seconds() + counted[found["key"]].wait(found["made"])
        for found in others.annotate(made=Count("pk"), latest=Max("at"))
    ]
    if (longest := max(waits, default=0)) > 0:
        raise TooManyGuessesError(ceil(longest))


def _key(email: str, user: User | None) -> str:
    return user.email_key if user else email_key(email)


def _counted(kind: str, whose: str, address: str) -> Counted:
    place = network(address)
    together = {_digest(kind, whose, place): USER_AT_PLACE} if whose else {}
    user = {_digest(kind, "user", whose): USER} if whose else {}
    return {**together, **user, _digest(kind, "place", place): PLACE}


def _places(user: User, address: str, browser: str) -> list[str]:
    names = (("browser", browser), ("network", network(address)))
    return [_digest(kind, str(user.pk), user.password, name) for kind, name in names if name]


def _digest(*parts: str) -> str:
    return salted_hmac("warmline.crm.guess_limits", "\0".join(parts), algorithm="sha256").hexdigest()
