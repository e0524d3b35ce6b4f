"""The clock of engines that share a database: its time of day is the database's (see database_time.py)."""

from datetime import datetime

from warmline import database_time
from warmline.pipedrive import SystemClock


class DatabaseClock(SystemClock):
    """The machine's monotonic seconds and sleep, and the time of day on which all machines agree."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return database_time.now()
