"""Tells in one statement that no housekeeping waits, which is nearly always so.

Every engine asks each second whether reports came, changes are to be asked for, pages to be listed, links to be checked
or records to be deleted. Each of these has its own precise answer, in several queries; this one only says that none of
them is needed. It says so for some seconds at most, so what it cannot see (a silence, another day) is only seen a
little later.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db.models import DateTimeField

from warmline.pipedrive import Clock
from warmline.prepared_queries import Parameter, PreparedExistence
from warmline.sync.account_models import ChangeReport, ChangesSeen, ReportIntake
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.installation_models import LinkCheck
from warmline.sync.models import DirectoryKind, DirectoryState
from warmline.sync.reconcile.change_polling import KINDS
from warmline.sync.reconcile.relevant_changes import linked

IDLE_FOR = 10.0  # seconds after which the precise answers are asked for in any case
_SINCE, _NOW = Parameter("since", DateTimeField()), Parameter("now", DateTimeField())
# A look in the future comes from a clock that was wrong, and does not count.
_LOOKED = partial(ChangesSeen.objects.filter, looked_at__gt=_SINCE, looked_at__lte=_NOW)
_ROWS = PreparedExistence(
    {
        "reports": ChangeReport.objects.all,
        "gap": partial(ReportIntake.objects.exclude, gap_since=None),
        "check": partial(LinkCheck.objects.filter, ended_at=None),
        "deletion": partial(ActivityDeletion.objects.filter, due_at__lte=_NOW),
        **{f"all {kind}": partial(DirectoryState.objects.filter, kind=kind, is_full=True) for kind in DirectoryKind},
        **{f"linked {kind}": partial(linked, model) for kind, model in KINDS.items()},
        **{f"fresh {kind}": partial(_LOOKED, kind=kind) for kind in KINDS},
    }
)


class IdleCheck:
    """Tells whether an engine has nothing to do beside its due rows.

    Args:
        clock: On which all machines agree.
        poll_every: How often the engine asks what people changed in Pipedrive; None or zero for never.
        may_list: Tells whether a page of the directory may be listed, if one is missing.
    """

    def __init__(self, clock: Clock, poll_every: timedelta | None, may_list: Callable[[], bool]) -> None:
        self._clock = clock
        self._poll_every = poll_every or timedelta(0)
        self._may_list = may_list
        self._until = float("-inf")  # monotonic seconds

    def is_idle(self) -> bool:
        """Tell whether it surely has nothing to do; False says only that it may have."""
        if self._clock.monotonic() >= self._until:
            self._until = self._clock.monotonic() + IDLE_FOR
            return False
        now = self._clock.now()
        there = _ROWS.found(now=now, since=now - self._poll_every)
        is_stale = any(f"linked {kind}" in there and f"fresh {kind}" not in there for kind in KINDS)
        is_listed = all(f"all {kind}" in there for kind in DirectoryKind)
        if not there.isdisjoint({"reports", "gap", "check", "deletion"}) or (self._poll_every and is_stale):
            return False
        return is_listed or not self._may_list()
