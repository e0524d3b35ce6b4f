"""An engine on the bench: driven step by step on a clock that the test turns."""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from virtual_clock import VirtualClock

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Pipedrive
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Connection, DirectoryState, Lease
from warmline.sync.policy import Policy

POLL_EVERY = timedelta(minutes=15)  # how often an engine that watches asks what changed


@dataclass
class Bench:
    """An engine with its clock, as the tests drive it."""

    engine: Engine
    clock: VirtualClock
    policy: Policy
    pipedrive: Pipedrive

    def settle(self, seconds: float = 10) -> None:
        """Let the engine work for so long: whatever comes due in that time is done in that time."""
        end = self.clock.monotonic() + seconds
        while True:
            while self.engine.step(self.clock.now()):
                pass
            left = end - self.clock.monotonic()
            if left <= 0:
                return
            self.clock.sleep(min(left, self._until_next()))

    def _until_next(self) -> float:
        """Return the seconds until something comes due, at least half of one: leases and pauses end unannounced."""
        now = self.clock.now()
        times = [
            model._default_manager.filter(next_pipedrive_sync_attempt__gt=now)
            .order_by("next_pipedrive_sync_attempt")
            .values_list("next_pipedrive_sync_attempt", flat=True)
            .first()
            for model in (Contact, Organization, Activity)
        ]
        times += Connection.objects.filter(probe_at__gt=now).values_list("probe_at", flat=True)
        times += ActivityDeletion.objects.values_list("due_at", flat=True)  # due, it may wait for the next look
        times += Lease.objects.filter(expires_at__gt=now).values_list("expires_at", flat=True)
        waits = [(moment - now).total_seconds() for moment in times if moment is not None]
        return max(0.5, min(waits, default=3600.0))

    def fill_directory(self) -> "Bench":
        """List what Pipedrive holds, as a server does in its first seconds; return the same."""
        while self.engine.do_housekeeping():
            pass
        return self

    def searching(self) -> "Bench":
        """Return the same for an account that is too large to be listed."""
        return self.listing_for(0)

    def listing_for(self, allowance: int) -> "Bench":
        """Return the same for an account whose first listing may cost so many API tokens."""
        DirectoryState.objects.all().delete()
        engine = Engine(self.pipedrive, self.policy, self.clock, Random(7), directory_allowance=allowance)
        return Bench(engine, self.clock, self.policy, self.pipedrive)

    def under(self, **changes: object) -> "Bench":
        """Return the same with another policy."""
        policy = replace(self.policy, **changes)  # type: ignore[arg-type]
        engine = Engine(self.pipedrive, policy, self.clock, Random(7))
        return Bench(engine, self.clock, policy, self.pipedrive)


class KnowingBench(Bench):
    """A bench whose engine knows what Pipedrive holds before it works, as a server does after its first seconds."""

    def settle(self, seconds: float = 10) -> None:
        """List that first."""
        self.fill_directory()
        super().settle(seconds)
