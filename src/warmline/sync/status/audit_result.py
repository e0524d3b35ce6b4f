"""The result of the latest audit, for pages, API and alerts: state, times, and the number of each problem."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.audit_models import Audit, AuditState, Finding, Problem

WORDS = {
    Problem.MISSING: "missing",
    Problem.GONE: "gone",
    Problem.DOUBLE: "double",
    Problem.DIFFERENT: "different",
    Problem.OWNER: "with another owner",
    Problem.LABEL: "without the label",
    Problem.ORGANIZATION: "with another organization",
    Problem.ACTIVITY: ("activity", "activities"),
}
# These are said even if there are none.
ALWAYS = (Problem.MISSING, Problem.DOUBLE, Problem.DIFFERENT)


@dataclass(frozen=True)
class AuditResult:
    """How the latest audit is, or was.

    Attributes:
        state: Whether it runs, pauses, or is done.
        message: Why it pauses.
        started_at, finished_at: When; finished_at is None until it is done.
        checked_at: When an audit was done last; None if none ever was.
        compared: How many links were compared by the last one that is done.
        warm, there: How many contacts were warm then, and how many of them were in Pipedrive.
        problems: How many problems there are of each kind.
        tokens: What it has cost so far.
    """

    state: AuditState
    message: str
    started_at: datetime
    finished_at: datetime | None
    checked_at: datetime | None
    compared: int
    warm: int
    there: int
    problems: Mapping[Problem, int]
    tokens: int

    @property
    def is_clean(self) -> bool:
        """Whether an audit is done, and there is no problem."""
        return self.checked_at is not None and not any(self.problems.values())


def latest(user: User | None = None) -> AuditResult | None:
    """Return the result of the latest audit; None if none was ever begun.

    Args:
        user: Whose problems are counted; None, or an admin, for everyone's.
    """
    last = Audit.objects.order_by("-pk").first()
    if last is None:
        return None
    done = Audit.objects.filter(state=AuditState.DONE).order_by("-pk").first()
    return AuditResult(
        state=AuditState(last.state),
        message=last.message,
        started_at=last.started_at,
        finished_at=last.finished_at,
        checked_at=done.finished_at if done else None,
        compared=done.compared if done else 0,
        warm=done.warm if done else 0,
        there=done.there if done else 0,
        problems=counts(user),
        tokens=last.tokens,
    )


def findings(user: User | None, problem: Problem | None = None) -> "QuerySet[Finding]":
    """Return the problems that a user may see: an admin all, a member those of their own rows and of organizations.

    Args:
        user: Who asks; None for everyone's.
        problem: Only those of this kind; None for all.
    """
    found = (
        Finding.objects.order_by("pk") if problem is None else Finding.objects.filter(problem=problem).order_by("pk")
    )
    if user is None or user.sees_all:
        return found
    contacts = Contact.objects.seen_by(user).values("pk")
    activities = Activity.objects.seen_by(user).values("pk")
    mine = Q(kind="contact", row_id__in=contacts) | Q(kind="activity", row_id__in=activities)
    return found.filter(mine | Q(kind="organization"))


def counts(user: User | None) -> dict[Problem, int]:
    """Return how many problems of each kind a user may see; see `findings`."""
    counted = findings(user).order_by().values_list("problem").annotate(number=Count("pk"))
    return dict.fromkeys(Problem, 0) | {Problem(name): number for name, number in counted}


def in_one_line(result: AuditResult, checked: str) -> str:
    """Return a result as people read it.

    Args:
        result: With an audit that is done.
        checked: When that was, in words.
    """
    return " · ".join(
        [
            f"{result.warm:,} warm",
            f"{result.there:,} in Pipedrive",
            *(in_words(problem, result.problems[problem]) for problem in Problem if _is_said(result, problem)),
            f"checked {checked}",
        ]
    )


def in_words(problem: Problem, number: int) -> str:
    """Return how many problems of a kind there are, in words."""
    words = WORDS[problem]
    one, many = words if isinstance(words, tuple) else (words, words)
    return f"{number:,} {one if number == 1 else many}"


def _is_said(result: AuditResult, problem: Problem) -> bool:
    return problem in ALWAYS or result.problems[problem] > 0
