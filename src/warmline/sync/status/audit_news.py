"""What metrics, e-mails and the ping need to know of the last audit that was finished."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from warmline.sync.status import audit_result


@dataclass(frozen=True)
class AuditNews:
    """The last audit that was finished.

    Attributes:
        finished_at: When, aware.
        problems: How many there were of each kind, such as "missing".
    """

    finished_at: datetime
    problems: Mapping[str, int]

    @property
    def is_clean(self) -> bool:
        """Whether both sides agreed."""
        return not any(self.problems.values())


def latest() -> AuditNews | None:
    """Return the last audit that was finished; None when there was none."""
    result = audit_result.latest()
    if result is None or result.checked_at is None:
        return None
    return AuditNews(result.checked_at, {str(problem): number for problem, number in result.problems.items()})
