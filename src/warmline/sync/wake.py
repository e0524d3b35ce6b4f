"""Wake-ups: what changes makes the engine look at once, after the commit and never before.

A wake-up says only "look"; what to do is in the rows. Losing one costs a second, until the sweep looks anyway.
"""

from collections.abc import Callable

from django.db import transaction

_listeners: list[Callable[[], None]] = []


def listen(listener: Callable[[], None]) -> None:
    """Have a function called at each wake-up; it must return at once."""
    _listeners.append(listener)


def stop_listening(listener: Callable[[], None]) -> None:
    """Undo `listen`."""
    _listeners.remove(listener)


def now() -> None:
    """Wake whoever runs the engine in this process."""
    for listener in tuple(_listeners):
        listener()


def after_commit() -> None:
    """Wake them as soon as the transaction is committed; at once when there is none."""
    transaction.on_commit(now)
