"""Loads a program without looking for garbage meanwhile.

Almost everything that a program loads stays until it ends: some hundred thousand objects. Python would look through
them again and again while they come, and now and then while the program runs. At its end it does look through them, and
so closes the connections to the database that other threads have left: SQLite's files are whole then.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no garbage while the block runs, nor in what is there afterwards until the program ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)
