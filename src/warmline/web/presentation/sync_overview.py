"""What the Sync page shows beside its chart: whether anything is missing in Pipedrive, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warmline import storage
from warmline.crm.activities import Row
from warmline.crm.users import User
from warmline.sync.engine_health import EngineState
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.remote import connection_health
from warmline.sync.remote.connection_health import Disk, Status
from warmline.sync.row_state import SyncState, counts_by_table
from warmline.sync.status import account_usage, budget, restore_report
from warmline.sync.status.account_usage import Progress
from warmline.sync.status.budget import Budget
from warmline.sync.status.deletions import StillThere, still_there
from warmline.sync.status.not_sent_list import TABLES, LeftOut, failed, left_out
from warmline.sync.status.restore_report import RestoreReport

FAILURES_SHOWN = 5  # failed rows per kind; the others are on their own pages

KIND_NAMES: dict[RowKind, tuple[str, str]] = {
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
    """The failed rows of a kind: the first few, and how many there are."""

    kind: RowKind
    rows: list[Any]
    number: int

    @property
    def name(self) -> str:
        """The name of the kind, in singular or plural."""
        return KIND_NAMES[self.kind][self.number != 1]


@dataclass(frozen=True)
class Figure:
    """How many rows are in a state, in total and by kind."""

    state: SyncState
    words: str
    total: int
    parts: list[tuple[int, str, RowKind]]


@dataclass(frozen=True)
class UsedShare:
    """How much of a limit is used."""

    used: int
    of: int

    @property
    def percent(self) -> int:
        """The share in percent, at most 100; 0 if the limit is 0."""
        return min(100, round(100 * self.used / self.of)) if self.of else 0


@dataclass(frozen=True)
class Overview:
    """How the sync is doing, as far as a user may see it.

    Attributes:
        heading, status: The state of the connection.
        figures: How many rows are waiting, in progress and failed.
        failures: The failed rows, by kind.
        left_out: Rows that are not sent at all.
        still_there: What was deleted here and is still to be deleted in Pipedrive.
        label, threshold: The label of warm leads, and the warmness from which a contact is one.
        calls, seconds: Calls used in the shortest rate limit window, and its length; calls is None without a token.
        tokens: API tokens used today; None without a token.
        directory: How far the index of Pipedrive is; empty for members.
        restore: How far the check of all links after a restore is, with what it found; None if there was none lately.
        budget: Where the day's tokens go, and until when they last; None without a token.
        looks: Whether leads are looked for at this moment, in words; empty if that is not in question, and for members.
        other: That another installation writes to the same company, in words; empty if none was seen lately.
    """

    heading: str
    status: Status
    figures: list[Figure]
    failures: list[Failures]
    left_out: LeftOut
    still_there: StillThere
    label: str
    threshold: int
    calls: UsedShare | None
    seconds: int
    tokens: UsedShare | None
    directory: list[Progress]
    restore: RestoreReport | None
    other: str
    budget: Budget | None
    looks: str

    @property
    def needs_an_admin(self) -> bool:
        """Whether the connection stays broken until an admin fixes something."""
        return self.status.state in connection_health.FOR_AN_ADMIN

    @property
    def knows_all(self) -> bool:
        """Whether everything in Pipedrive is indexed, so that no searches are needed."""
        return bool(self.directory) and all(progress.is_full for progress in self.directory)

    @classmethod
    def of(cls, user: User, now: datetime) -> "Overview":
        """Collect everything.

        Args:
            user: The user who looks.
            now: The current time, aware; decides which leases are still valid.
        """
        status, policy = connection_health.status(), Policy.current()
        counts = counts_by_table(user, threshold=policy.threshold, now=now)
        used = account_usage.used()
        failures = [
            Failures(kind, failed(kind, user, now=now, limit=FAILURES_SHOWN), counts[model][SyncState.FAILED])
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
            still_there=still_there(user),
            label=policy.label,
            threshold=policy.threshold,
            calls=UsedShare(used.calls, used.window.calls) if used else None,
            seconds=round(used.window.seconds) if used else 0,
            tokens=UsedShare(used.tokens, used.daily_tokens) if used and used.daily_tokens else None,
            directory=account_usage.indexed() if used and user.is_admin else [],
            restore=restore_report.report(user, now),
            other=restore_report.other_installation(now),
            budget=budget.ahead(now) if used else None,
            looks=account_usage.looks(now) if used and user.is_admin else "",
        )


def _figure(state: SyncState, words: str, counts: dict[type[Row], dict[SyncState, int]]) -> Figure:
    numbers = [(counts[model][state], kind) for kind, model in TABLES.items()]
    parts = [(number, KIND_NAMES[kind][number != 1], kind) for number, kind in numbers if number]
    return Figure(state, words, sum(number for number, _ in numbers), parts)
