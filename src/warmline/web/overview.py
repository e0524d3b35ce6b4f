"""What the Sync page shows beside its chart: the answers to "is anything missing, and why", put together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warmline import storage
from warmline.crm.activities import Row
from warmline.crm.users import User
from warmline.pipedrive import Unavailable, Usage
from warmline.sync import credentials
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.engine_health import EngineState
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.remote.client import directory_allowance, usage
from warmline.sync.remote.connection_health import Disk, Status
from warmline.sync.remote.directory import Directory, Progress
from warmline.sync.row_state import SyncState, counts_by_table
from warmline.sync.scheduling import Kind
from warmline.sync.status.not_sent import TABLES, LeftOut, failed, left_out

FEW = 5  # failed rows of a kind on the overview; the rest has pages of its own

NAMES: dict[Kind, tuple[str, str]] = {
    "contact": ("contact", "contacts"),
    "organization": ("organization", "organizations"),
    "activity": ("activity", "activities"),
}
HEADINGS: dict[ConnectionState | EngineState | Disk, str] = {
    EngineState.STOPPED: "The sync engine is not running",
    ConnectionState.OK: "Connected to Pipedrive",
    ConnectionState.NO_TOKEN: "Not connected to Pipedrive yet",
    ConnectionState.INVALID_TOKEN: "This is not an API token",
    ConnectionState.UNAUTHORIZED: "Pipedrive rejects the token",
    ConnectionState.ANOTHER_COMPANY: "The token belongs to another company",
    ConnectionState.DOWN: "Pipedrive is not responding",
    ConnectionState.THROTTLED: "Pipedrive asked for a pause",
    ConnectionState.BLOCKED: "Temporarily blocked by Pipedrive",
    ConnectionState.BUDGET_SPENT: "Today's API tokens are used up",
    storage.Matter.DISK_FULL: "The disk is full",
    storage.Matter.DISK_ERROR: "Warmline cannot write to its disk",
}


@dataclass(frozen=True)
class Failures:
    """What failed of a kind: the first few rows, and how many there are."""

    kind: Kind
    rows: list[Any]
    number: int

    @property
    def name(self) -> str:
        """What they are called."""
        return NAMES[self.kind][self.number != 1]


@dataclass(frozen=True)
class Figure:
    """How many rows are in a state, all kinds together and each."""

    state: SyncState
    words: str
    total: int
    parts: list[tuple[int, str, Kind]]


@dataclass(frozen=True)
class Share:
    """How much of something is used, in percent as well."""

    used: int
    of: int

    @property
    def percent(self) -> int:
        """Of a hundred; 0 where there is nothing to use."""
        return min(100, round(100 * self.used / self.of)) if self.of else 0


@dataclass(frozen=True)
class Overview:
    """How the sync is doing, as far as a user may see it.

    Attributes:
        heading, status: How the connection is.
        figures: What waits, is in progress and failed.
        failures: What failed, by kind.
        left_out: What is not on its way at all.
        label, threshold: From which warmness a contact becomes what.
        calls, seconds: What is used of the shortest window, and how long it is; None without a token.
        tokens: What is used of the day's tokens; None without a token.
        directory: What is known of the account; for admins.
    """

    heading: str
    status: Status
    figures: list[Figure]
    failures: list[Failures]
    left_out: LeftOut
    label: str
    threshold: int
    calls: Share | None
    seconds: int
    tokens: Share | None
    directory: list[Progress]

    @property
    def needs_an_admin(self) -> bool:
        """Whether the connection is not well until an admin has settled something."""
        return self.status.state in connection_health.FOR_AN_ADMIN

    @property
    def knows_all(self) -> bool:
        """Whether what Pipedrive holds need not be searched for."""
        return bool(self.directory) and all(progress.is_full for progress in self.directory)

    @classmethod
    def of(cls, user: User, now: datetime) -> "Overview":
        """Look at everything.

        Args:
            user: Who asks.
            now: Tells which leases are live.
        """
        status, policy = connection_health.status(), Policy.current()
        counts = counts_by_table(user, threshold=policy.threshold, now=now)
        used = _usage()
        failures = [
            Failures(kind, failed(kind, user, now=now, limit=FEW), counts[model][SyncState.FAILED])
            for kind, model in TABLES.items()
            if counts[model][SyncState.FAILED]
        ]
        return cls(
            heading=HEADINGS[status.state],
            status=status,
            figures=[
                _figure(SyncState.WANTED, "Waiting", counts),
                _figure(SyncState.IN_PROGRESS, "In progress", counts),
                _figure(SyncState.FAILED, "Failed", counts),
            ],
            failures=failures,
            left_out=left_out(user),
            label=policy.label,
            threshold=policy.threshold,
            calls=Share(used.calls, used.window.calls) if used else None,
            seconds=round(used.window.seconds) if used else 0,
            tokens=Share(used.tokens, used.daily_tokens) if used and used.daily_tokens else None,
            directory=Directory(DatabaseClock(), directory_allowance()).progress() if used and user.is_admin else [],
        )


def _usage() -> Usage | None:
    token = credentials.token()
    try:
        return usage(token) if token else None
    except (OSError, Unavailable):  # the file of the limits cannot be used; the connection's state says what follows
        return None


def _figure(state: SyncState, words: str, counts: dict[type[Row], dict[SyncState, int]]) -> Figure:
    numbers = [(counts[model][state], kind) for kind, model in TABLES.items()]
    parts = [(number, NAMES[kind][number != 1], kind) for number, kind in numbers if number]
    return Figure(state, words, sum(number for number, _ in numbers), parts)
