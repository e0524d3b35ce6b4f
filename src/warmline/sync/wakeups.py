"""Wake-ups: what changes makes the engine and the pages look at once, after the commit and never before.

A wake-up says only "look"; what to do is in the rows. Losing one costs a second, until the sweep looks anyway. On
SQLite `serve` runs two processes, and a relay carries the wake-ups of each to the other. On PostgreSQL a deferrer makes
jobs of them, in the transaction of what changed, and workers on any machine take those (see jobs/).
"""

import logging
from collections.abc import Callable

from django.db import transaction
from django.db.models import Model

log = logging.getLogger(__name__)

_listeners: list[Callable[[], None]] = []
_relays: list[Callable[[], None]] = []
_deferrers: list[Callable[[Model | None], None]] = []


def listen(listener: Callable[[], None]) -> None:
    """Have a function called at each wake-up; it must return at once."""
    _listeners.append(listener)


def stop_listening(listener: Callable[[], None]) -> None:
    """Undo `listen`."""
    _listeners.remove(listener)


def relay(carry: Callable[[], None]) -> None:
    """Have a function carry each wake-up of this process to another one; it must return at once."""
    _relays.append(carry)


def stop_relaying(carry: Callable[[], None]) -> None:
    """Undo `relay`."""
    _relays.remove(carry)


def defer_by(deferrer: Callable[[Model | None], None]) -> None:
    """Have a function called for each wake-up, within the transaction of what changed.

    It is given the row (see `after_commit`). What it raises is the caller's: nothing is saved then.
    """
    _deferrers.append(deferrer)


def now() -> None:
    """Wake whoever listens, in this process and in the one beside it."""
    _call((*_listeners, *_relays))


def hear() -> None:
    """Wake whoever listens in this process: a wake-up came from the other one."""
    _call(tuple(_listeners))


def after_commit(row: Model | None = None) -> None:
    """Wake them as soon as the transaction is committed; at once when there is none.

    Args:
        row: The one that was saved; None when any may be due by now.
    """
    for deferrer in _deferrers:
        deferrer(row)
    transaction.on_commit(now)


def _call(listeners: tuple[Callable[[], None], ...]) -> None:
    # Whoever saved has saved, and whoever listens looks by themselves within a second: no failure here is theirs.
    for listener in listeners:
        try:
            listener()
        except Exception:
            log.exception("wake.lost")
