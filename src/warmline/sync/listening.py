"""Hears on PostgreSQL what other processes have written that open pages show, on whatever machine they are.

A trigger sends it with the transaction that wrote it (see migrations). It says only "look": what is missed while the
connection is broken is seen by the look that follows when there is a new one, and by the pages' own look each second.
"""

from contextlib import suppress

import psycopg

from warmline import postgres
from warmline.supervision import EndedError, Loop
from warmline.sync import wakeups

CHANNEL = "warmline_events"
TURN = 1.0  # seconds until it notices that it is to end


class Listener(Loop):
    """Wakes whoever listens in this process while the block runs (see wakeups.py)."""

    def __init__(self) -> None:
        super().__init__("listen", self._listen)

    def _listen(self) -> None:
        try:
            with postgres.connect("listen") as own:
                own.execute(f"LISTEN {CHANNEL}")
                wakeups.hear()  # what was written since the last connection broke
                while not self.ending.is_set():
                    for _ in own.notifies(timeout=TURN, stop_after=1):
                        wakeups.hear()
        except psycopg.OperationalError as error:
            with suppress(Exception):
                wakeups.hear()
            raise EndedError(f"listen.lost error={error}") from error
