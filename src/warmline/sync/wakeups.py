"""Wake-ups: after a commit, the engine and the pages look at once what has changed.

A wake-up says only "look"; what to do is in the rows. A lost one costs a second, because the engine looks that often
anyway. On SQLite `serve` runs two processes, and a relay carries the wake-ups of each to the other. On PostgreSQL a
deferrer makes jobs of them, in the transaction of what changed, and workers on any machine take those (see jobs/).
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
    """Call a function at each wake-up; it must return immediately."""
    _listeners.append(listener)


def stop_listening(listener: Callable[[], None]) -> None:
    """Undo `listen`."""
    _listeners.remove(listener)


def relay(carry: Callable[[], None]) -> None:
    """Have a function carry each wake-up of this process to the other one; it must return immediately."""
    _relays.append(carry)


def stop_relaying(carry: Callable[[], None]) -> None:
    """Undo `relay`."""
    _relays.remove(carry)


def defer_by(deferrer: Callable[[Model | None], None]) -> None:
    """Call a function for each wake-up, within the transaction of what changed, with the row (see `after_commit`).

    If it raises an error, nothing is saved.
    """
    _deferrers.append(deferrer)


def now() -> None:
    """Wake the listeners in this process and in the other one."""
    _call((*_listeners, *_relays))


def hear() -> None:
    """Wake the listeners in this process, because a wake-up came from the other one."""
    _call(tuple(_listeners))


def after_commit(row: Model | None = None) -> None:
    """Wake all listeners when the transaction is committed; immediately if there is no transaction.

    Args:
        row: The row that was saved; None when any row may be due by now.
    """
    for deferrer in _deferrers:
        deferrer(row)
    transaction.on_commit(now)


def _call(listeners: tuple[Callable[[], None], ...]) -> None:
    # The row is saved, and every listener looks by itself within a second, so a failure here must not reach the caller.
    for listener in listeners:
        try:
            listener()
        except Exception:
            log.exception("wake.lost")
