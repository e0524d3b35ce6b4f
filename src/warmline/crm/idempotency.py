"""What is sent twice is done once: forms and calls of the API carry a key, and what came of it is kept under the key.

Key, change and answer are one transaction, so a change without its answer is never stored, nor the other way round.
Whoever presses twice, or again because no answer came, is told what the first time came to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User

SavedRow = TypeVar("SavedRow", Activity, Contact)

REMEMBERED_FOR = timedelta(days=1)  # what came of a call of the API
# And of a form, which a browser may hand in much later: it offers what could not be sent for 30 days (see outbox.js).
FORM_REMEMBERED_FOR = timedelta(days=60)
FORMS = "user:"  # with which the scopes of forms begin
KEY_LENGTH = 300  # characters of a key of the API's, with the index of an item in a batch

_lock = Lock()
_running: set[tuple[str, str]] = set()  # in this process; see `running`


class KeyReusedError(Exception):
    """The key was used for something else."""


class KeyInUseError(Exception):
    """What the key was first used for is not done yet."""


class KeptAnswer(models.Model):
    """What came of something that was sent with a key.

    Attributes:
        scope: Whose key it is: `user:12` for a form, `token:12` for a call of the API.
        request: A digest of what was sent; empty for a form, whose key is its own.
        answer: What it came to; None only within the transaction in which it is done.
    """

    scope = models.CharField(max_length=40)
    key = models.CharField(max_length=KEY_LENGTH)
    request = models.CharField(max_length=64, blank=True, default="")
    answer = models.JSONField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="kept_answer_once")]
        # Which of a scope's are old, and which of all.
        indexes = [
            models.Index(fields=["scope", "at"], name="kept_answer_of_scope"),
            models.Index(fields=["at"], name="kept_answer_at"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


@contextmanager
def claimed(scope: str, key: str, request: str = "") -> Iterator[KeptAnswer]:
    """Have a key in one transaction with what the block does; whatever the block raises frees the key again.

    Args:
        scope: See `KeptAnswer`.
        key: At most KEY_LENGTH characters.
        request: See `KeptAnswer`.

    Yields:
        What is kept. If its `answer` is None, the block does what was asked for, and sets the answer.

    Raises:
        KeyReusedError: When the key was used for another request, and that is remembered.
    """
    now = timezone.now()
    oldest = now - (FORM_REMEMBERED_FOR if scope.startswith(FORMS) else REMEMBERED_FOR)
    with transaction.atomic():
        # Never this one: the clock may have been set ahead between two presses.
        KeptAnswer.objects.filter(scope=scope, at__lt=oldest).exclude(key=key).delete()
        # A second one that comes meanwhile waits here for the first one's end.
        kept, _ = KeptAnswer.objects.get_or_create(scope=scope, key=key, defaults={"request": request, "at": now})
        if kept.request != request:
            if kept.at >= oldest:
                raise KeyReusedError
            kept.request, kept.at, kept.answer = request, now, None
        yield kept
        kept.save()


@contextmanager
def running(scope: str, key: str) -> Iterator[None]:
    """Note that something is being done with a key while the block runs.

    Servers that share a PostgreSQL see each other's: the block must begin its transaction with `hold`. Those that share
    a SQLite file wait for each other instead, as there all who write take turns.

    Raises:
        KeyInUseError: When it is noted already.
    """
    with _lock:
        if (scope, key) in _running:
            raise KeyInUseError
        _running.add((scope, key))
    try:
        yield
    finally:
        with _lock:
            _running.discard((scope, key))


def hold(scope: str, key: str) -> None:
    """Hold a key until the end of the transaction, where several servers share the database.

    Raises:
        KeyInUseError: When another one holds it.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{scope} {key}"])
        if not cursor.fetchone()[0]:
            raise KeyInUseError


def scope_of(user: User) -> str:
    """Return the scope of the keys of a user's forms."""
    return f"{FORMS}{user.pk}"


def save_once(model: type[SavedRow], user: User, key: UUID | None, make: Callable[[], SavedRow]) -> SavedRow | None:
    """Make a row, unless the same form has made it already.

    Args:
        model: What is made.
        user: Whose form it is.
        key: The form's; None for one without, which is always done.
        make: Makes and stores the row; what it raises is raised, and the key is free again.

    Returns:
        The row; None when it was made before and has been deleted since.
    """
    if key is None:
        return make()
    kind = str(model._meta.model_name)  # noqa: SLF001 (documented as public)
    with claimed(scope_of(user), str(key)) as kept:
        if kept.answer is not None:
            if kept.answer.get("kind", kind) != kind:
                return None  # somebody plays with keys: what the other row is, the key does not tell
            return model._default_manager.filter(pk=kept.answer["row_id"]).first()  # noqa: SLF001 (documented as public)
        row = make()
        kept.answer = {"row_id": row.pk, "kind": kind}
    return row


def outdated(now: datetime) -> tuple[models.QuerySet[KeptAnswer], ...]:
    """Return what was kept for long enough: of forms, and of calls.

    Args:
        now: Tells how old it is.
    """
    forms = KeptAnswer.objects.filter(at__lt=now - FORM_REMEMBERED_FOR)
    calls = KeptAnswer.objects.filter(at__lt=now - REMEMBERED_FOR).exclude(scope__startswith=FORMS)
    return forms.order_by("at"), calls.order_by("at")
