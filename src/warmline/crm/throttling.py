"""Guesses at secrets, and mails that strangers can have sent: how many, and how long one waits for the next.

A guess counts for who is guessed, for the place that it comes from, and for both together. The first ones are free,
then the waits double; no wait is long, because it may be a stranger who makes a user wait. Where a user has signed in
before, only what was guessed there counts, so that nobody is kept out by others.

Nothing that was guessed is stored, and of names and addresses only a keyed digest. A moment that lies in the future,
because the clock was wrong, counts for nothing, and is forgotten before the clock gets there.
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
MOST = 20_000  # guesses that are kept; who makes more loses only the oldest
KEPT = timedelta(days=90)  # how long a place is familiar after the latest signing in
MOST_PLACES = 50  # familiar ones of a user
A_SKEW = timedelta(seconds=2)  # by which the clocks of two servers may differ
A_SITE = 64  # bits: what one subscriber of IPv6 has, and can change the rest of at will


@dataclass(frozen=True)
class Limit:
    """How many guesses are free, and how many seconds one waits after more of them: each time twice as long.

    Attributes:
        free: So many in an hour wait for nothing.
        longest: No wait is longer.
        first: The first wait.
    """

    free: int
    longest: int
    first: int = 1

    def wait(self, made: int) -> int:
        """Return how many seconds lie between the latest of so many guesses and the next one."""
        return 0 if made < self.free else min(self.longest, self.first * 2 ** min(made - self.free, 30))


TOGETHER = Limit(free=5, longest=300)  # one user at one place
USER = Limit(free=10, longest=60)
PLACE = Limit(free=20, longest=60)
MAIL_TOGETHER = Limit(free=1, longest=300, first=300)
MAIL_USER = Limit(free=6, longest=3600, first=3600)  # six in any hour

Counted = Mapping[str, Limit]  # under which keys a guess counts


class TooManyGuessesError(Exception):
    """There were too many guesses.

    Args:
        seconds: How long to wait for the next one.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many guesses; wait for {seconds} s.")
        self.seconds = seconds


class Guess(models.Model):
    """One guess, under one of the keys that it counts for."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        # How many there were lately under a key, and when the latest was.
        indexes = [models.Index(fields=["key", "at"], name="guess_lately")]

    def __str__(self) -> str:
        return self.key


class Familiar(models.Model):
    """A place, a network or a browser, in which a user has signed in."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    place = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "place"], name="familiar_place_once")]

    def __str__(self) -> str:
        return self.place


class Attempt:
    """A guess that is being made. It counts as wrong from the beginning, so that many at once are no way around."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        _refuse(counted)
        self._rows = Guess.objects.bulk_create([Guess(key=key, at=database_time.now()) for key in counted])
        newest = max(row.pk for row in self._rows)
        try:
            _refuse(counted, but=self._rows)  # others were made in this moment, too
        except TooManyGuessesError:
            self.forget()
            raise
        Guess.objects.filter(pk__lte=newest - MOST).delete()
        Guess.objects.filter(key__in=counted, at__gt=database_time.now() + A_SKEW).delete()

    def was_right(self) -> None:
        """Count it as no guess, and forget the wrong ones that were made in the same place at the same user."""
        self.forget()
        Guess.objects.filter(key__in=[key for key, limit in self._counted.items() if limit is TOGETHER]).delete()

    def forget(self) -> None:
        """Count it as none."""
        Guess.objects.filter(pk__in=[row.pk for row in self._rows]).delete()


def at_password(email: str, address: str, browser: str) -> Attempt:
    """Begin a guess at a user's password.

    Args:
        email: The user's, however it is written, or whatever was given as one.
        address: The IP address that it comes from.
        browser: The id that the browser was given when somebody signed in there; may be empty.

    Raises:
        TooManyGuessesError: When it has to wait.
    """
    user = User.objects.known_as(email).first()
    places = [] if user is None else _places(user, address, browser)
    known = set(Familiar.objects.filter(user=user, place__in=places).values_list("place", flat=True)) if user else ()
    if familiar := next((place for place in places if place in known), None):
        return Attempt({familiar: TOGETHER})
    return Attempt(_counted("password", _key(email, user), address))


def at_secret(kind: str, whose: str, address: str) -> None:
    """Count a wrong guess at a secret too long to be guessed: a right one is never refused, whatever was tried before.

    Args:
        kind: Of secret; guesses at others do not count.
        whose: Who or what it would open.
        address: The IP address that it comes from.

    Raises:
        TooManyGuessesError: When there were too many.
    """
    Attempt(_counted(kind, whose, address))


def at_mailbox(email: str, address: str) -> Attempt:
    """Count an e-mail that somebody wants sent, whether or not a user has that address: the time must not tell.

    Args:
        email: Where to, however it is written.
        address: The IP address of who asks for it.

    Returns:
        What to forget when it could not be sent.

    Raises:
        TooManyGuessesError: When there were enough; others elsewhere cannot use up what one asks for oneself.
    """
    key = _key(email, User.objects.known_as(email).first())
    together, alone = _digest("mail", key, network(address)), _digest("mail", "user", key)
    return Attempt({together: MAIL_TOGETHER, alone: MAIL_USER})


def remember(user: User, address: str, browser: str) -> None:
    """Note that a user has signed in at an address and in a browser, where nobody else's guesses matter from now on.

    Args:
        user: With the password that holds from now on; another one makes all places strange again.
        address: See `at_password`.
        browser: See `at_password`.
    """
    for place in _places(user, address, browser):
        Familiar.objects.update_or_create(user=user, place=place, defaults={"at": database_time.now()})
    places = Familiar.objects.filter(user=user)
    kept = places.order_by("-at").values_list("pk", flat=True)[:MOST_PLACES]
    places.exclude(pk__in=list(kept)).delete()


def outdated(now: datetime) -> Iterable[models.QuerySet[Guess] | models.QuerySet[Familiar]]:
    """Return what counts no more, and what a clock that was wrong has left behind."""
    latest = max(now, database_time.now()) + WINDOW  # `now` may be that of a clock that was behind when it began
    for model, kept in ((Guess, WINDOW), (Familiar, KEPT)):
        yield model._default_manager.exclude(at__range=(now - kept, latest))  # noqa: SLF001 (documented as public)


def network(address: str) -> str:
    """Return what of an address its owner cannot change at will: all of IPv4, and of IPv6 the first 64 bits."""
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
    together = {_digest(kind, whose, place): TOGETHER} if whose else {}
    user = {_digest(kind, "user", whose): USER} if whose else {}
    return {**together, **user, _digest(kind, "place", place): PLACE}


def _places(user: User, address: str, browser: str) -> list[str]:
    names = (("browser", browser), ("network", network(address)))
    return [_digest(kind, str(user.pk), user.password, name) for kind, name in names if name]


def _digest(*parts: str) -> str:
    return salted_hmac("warmline.crm.throttling", "\0".join(parts), algorithm="sha256").hexdigest()
