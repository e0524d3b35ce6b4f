"""Wakes the workers of this process when something is to be delivered. A lost wake-up costs a second."""

from threading import Event

WANTED = Event()


def wake() -> None:
    """Have the workers look."""
    WANTED.set()
