"""The Sync page's one line about the audit, in parts, with the page behind each number."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from warmline.sync.audit_models import AuditState, Problem
from warmline.sync.status.audit_result import ALWAYS, AuditResult, in_words

A_DAY = timedelta(hours=20)


@dataclass(frozen=True)
class Part:
    """A part of the line.

    Attributes:
        text: What it says.
        problem: The problem whose page it leads to; empty for none.
        show: The contacts that it leads to; empty for none.
    """

    text: str
    problem: str = ""
    show: str = ""


@dataclass(frozen=True)
class AuditLine:
    """What the page says of the audit.

    Attributes:
        result: The latest audit; None if none was ever begun.
        now: The present moment, aware.
    """

    result: AuditResult | None
    now: datetime

    @property
    def is_of_today(self) -> bool:
        """Whether the time of day says when it was done."""
        checked_at = self.result.checked_at if self.result else None
        return checked_at is not None and self.now - checked_at < A_DAY

    @property
    def is_nightly(self) -> bool:
        """Whether an audit begins by itself every night."""
        return settings.AUDIT_AT is not None

    @property
    def is_going_on(self) -> bool:
        """Whether an audit is at work now."""
        return self.result is not None and self.result.state == AuditState.RUNNING

    @property
    def is_paused(self) -> bool:
        """Whether an audit waits to go on."""
        return self.result is not None and self.result.state == AuditState.PAUSED

    @property
    def parts(self) -> list[Part]:
        """The parts of the line but for its time; none before the first audit is done."""
        return list(self._parts()) if self.result is not None and self.result.checked_at is not None else []

    def _parts(self) -> Iterator[Part]:
        result = self.result
        if result is None:
            return
        yield Part(f"{result.warm:,} warm", show="warm")
        yield Part(f"{result.there:,} in Pipedrive", show="synced")
        for problem in Problem:
            if problem in ALWAYS or result.problems[problem]:
                yield Part(in_words(problem, result.problems[problem]), problem=problem.value)
