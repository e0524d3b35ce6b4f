"""What an engine does beside its due rows: it watches the account, deletes what is to go, lists, and checks links.

Nobody waits for it, and one thread at a time does it. Everything here goes on where it stopped, in whatever process.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from warmline.pipedrive import Clock, Pipedrive, PipedriveError
from warmline.sync.company import Membership
from warmline.sync.engine.account_watch import AccountWatch
from warmline.sync.engine.attempts import Attempts, DisconnectedError
from warmline.sync.engine.idle_check import IdleCheck
from warmline.sync.engine.send_deletions import Deletions
from warmline.sync.leases import BusyError, Leases
from warmline.sync.reconcile import link_checks
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.link_checks import LinkChecks
from warmline.sync.remote import connection_health
from warmline.sync.remote.directory import Directory


class Housekeeping:
    """The housekeeping of an engine.

    Args:
        pipedrive: The engine's client.
        membership: The engine's.
        clock: On which all machines agree.
        poll_every: How often to ask for what people changed in Pipedrive; None to watch nothing.
        directory: What Pipedrive holds.
        watch: Watches the account.
        attempts: Reports trouble with the connection.
        deletions: What is to be deleted there.
        steps: Returns the steps for a client and the leases of a piece of work.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        membership: Membership,
        clock: Clock,
        poll_every: timedelta | None,
        *,
        directory: Directory,
        watch: AccountWatch,
        attempts: Attempts,
        deletions: Deletions,
        steps: Callable[[Pipedrive, Leases], Steps],
    ) -> None:
        self._pipedrive, self._membership, self._clock = pipedrive, membership, clock
        self._directory, self._watch, self._attempts, self._steps = directory, watch, attempts, steps
        self._deletions = deletions
        self._idle = IdleCheck(clock, poll_every, self._may_list)

    def is_waiting(self) -> bool:
        """Tell whether there is something to do now; also while it is not known yet whose token the engine has."""
        if not connection_health.is_well() or self._membership.is_refused():
            return False
        if not self._membership.is_confirmed():
            return True
        if self._idle.is_idle():
            return False
        is_time = self._watch.is_time(self._pipedrive) or self._deletions.is_time(self._pipedrive)
        return is_time or link_checks.is_due(self._clock) or self._may_list()

    def do(self) -> bool:
        """Look at changes there if it is time; then delete what is to go, list for the directory, or check links.

        Returns:
            Whether there is something else to delete, list or check now.
        """
        background, leases = self._pipedrive.in_background(), Leases(self._clock)
        try:
            with suppress(BusyError), self._membership.at_work(), leases.at_work():
                steps = self._steps(background, leases)
                self._watch.run(background, lambda: steps.references)
                if self._deletions.carry_out(steps, leases):
                    return True
                if self._may_list() and self._directory.fill(background):
                    return True
                finder = self._steps(self._pipedrive, leases).finder
                return LinkChecks(self._pipedrive, finder, leases, self._clock).step()
        except PipedriveError as error:
            with suppress(DisconnectedError):
                self._attempts.blame_the_connection(error)
                link_checks.put_off(error.message, self._clock)
        return False

    def _may_list(self) -> bool:
        return self._directory.wants_filling() and self._pipedrive.has_tokens_for_background()
